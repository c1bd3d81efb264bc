/** lockstep in Node.js: jobs run in a worker thread, on the CPU. `lockstep.d.ts` describes all functions. */

import { Worker } from 'node:worker_threads';
import { makeClient } from './client.js';

/** A worker as the client sees it. One without work does not keep the process alive. */
function startWorker({ receive, fail }) {
  const worker = new Worker(new URL('./worker-node.js', import.meta.url));
  worker.on('message', receive);
  worker.on('error', (error) => fail(error.message));
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    stop: () => worker.terminate(),
    ref: () => worker.ref(),
    unref: () => worker.unref(),
  };
}

export { LockstepError } from './error.js';
export { version } from './version.js';
export const sweep = async () => {};
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
} = makeClient({ startWorker });
