/** The worker of a browser. */

import init, * as bindings from './bindings.js';
import { makeJobs } from './jobs.js';
import { openPrivateFile } from './private-file.js';

const module = new URL('./bindings_bg.wasm', import.meta.url);
const ready = init({ module_or_path: module }).then(() => bindings);
// A job reports the failure; without one it is no error of the page.
ready.catch(() => {});
const post = (message, transfer) => self.postMessage(message, transfer);
const handle = makeJobs({ load: () => ready, post, openFile: openPrivateFile });

self.onmessage = ({ data }) => handle(data);
