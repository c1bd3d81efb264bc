/** The worker thread of Node.js. */

import { readFileSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import * as bindings from './bindings.js';
import { makeJobs } from './jobs.js';

bindings.initSync({ module: readFileSync(new URL('./bindings_bg.wasm', import.meta.url)) });
const post = (message, transfer) => parentPort.postMessage(message, transfer);

parentPort.on('message', makeJobs({ load: async () => bindings, post }));
