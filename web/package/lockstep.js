/** lockstep in browsers: jobs run in a dedicated worker. `lockstep.d.ts` describes all functions. */

import { makeClient } from './client.js';
import { discard, reserve, sweep } from './storage.js';

/** A worker as the client sees it: `{post, stop, ref, unref}`. */
function startWorker({ receive, fail }) {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  worker.onmessage = ({ data }) => receive(data);
  worker.onerror = (event) => {
    event.preventDefault();
    fail(event.message || 'the worker could not be started');
  };
  worker.onmessageerror = () => fail('a message could not be read');
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    stop: () => worker.terminate(),
    ref() {},
    unref() {},
  };
}

export { LockstepError } from './error.js';
export { version } from './version.js';
export { sweep };
export const {
  compress,
  decompress,
  compressToBlob,
  decompressToBlob,
  test,
  verify,
  list,
  train,
  priorHash,
  devices,
  estimate,
  warmUp,
  CompressorStream,
  DecompressorStream,
} = makeClient({ startWorker, storage: { discard, reserve } });
