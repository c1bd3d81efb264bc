/** Streams: each works in a worker of its own, which ends with it. */

import { Thread } from './thread.js';

/** Makes the classes `CompressorStream` and `DecompressorStream`. */
export function makeStreams(startWorker) {
  class CompressorStream {
    constructor(options) {
      Object.assign(this, pair(startWorker, 'compress', options));
    }
  }

  class DecompressorStream {
    constructor(options) {
      Object.assign(this, pair(startWorker, 'decompress', options));
    }
  }

  return { CompressorStream, DecompressorStream };
}

/** Returns a writable stream, and the readable one that gives out what a worker makes of its chunks. */
function pair(startWorker, direction, { signal, onProgress, onWarning, onPrediction, ...options } = {}) {
  const callbacks = { progress: onProgress, warning: onWarning, prediction: onPrediction };
  const thread = new Thread(startWorker);
  const stop = new AbortController();
  let output;
  let wanted = () => {};

  /** Has the worker do a step, and gives out what it returns. */
  const run = async (step, more) => {
    const message = { kind: 'stream', direction, step, options, ...more };
    try {
      const bytes = await thread.run(message, { signal: stop.signal, callbacks });
      if (bytes?.length > 0) output.enqueue(bytes);
    } catch (error) {
      end(error);
      throw error;
    }
  };

  /** Ends the worker, both streams, and what waits for them. */
  const end = (reason) => {
    if (stop.signal.aborted) return;
    stop.abort(reason);
    thread.close();
    output.error(reason);
    wanted();
  };

  const readable = new ReadableStream({
    start(controller) {
      output = controller;
    },
    pull: () => wanted(),
    cancel: end,
  });
  const writable = new WritableStream({
    start(controller) {
      const abort = () => {
        end(signal.reason);
        controller.error(signal.reason);
      };
      signal?.addEventListener('abort', abort, { once: true });
      if (signal?.aborted) return abort();
      return run('open', { wantsPredictions: Boolean(onPrediction) });
    },
    async write(chunk) {
      await run('write', { chunk: toBytes(chunk) });
      // The reader sets the pace.
      if (output.desiredSize <= 0) await new Promise((resolve) => (wanted = resolve));
    },
    async close() {
      await run('finish');
      thread.close();
      output.close();
    },
    abort: end,
  });
  return { readable, writable };
}

function toBytes(chunk) {
  if (chunk instanceof Uint8Array) return chunk;
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw new TypeError('chunks of this stream are bytes');
}
