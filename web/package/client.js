/** What pages and programs call: jobs are sent to a worker, one after the other. */

import { LockstepError } from './error.js';
import { makeStreams } from './streams.js';
import { Thread } from './thread.js';

/**
 * Makes the functions of the package.
 *
 * `startWorker({receive, fail})` starts a worker; `storage`, if there is a private file system, keeps
 * track of the files that results lie in.
 */
export function makeClient({ startWorker, storage }) {
  const thread = new Thread(startWorker);

  /** Runs a job, whose `callbacks` and signal stay here. */
  const run = (kind, input, options = {}) => {
    const { signal, onProgress, onWarning, onPrediction, ...plain } = options;
    const callbacks = { progress: onProgress, warning: onWarning, prediction: onPrediction };
    return thread.run({ kind, ...input, options: plain, wantsPredictions: Boolean(onPrediction) }, { signal, callbacks });
  };

  /** Runs a job whose result is bytes, and returns them. */
  const toBytes = async (kind, input, options) => {
    const { parts } = await run(kind, { input: await readable(input), into: 'memory' }, options);
    return join(parts);
  };

  /** Runs a job whose result is a blob: a private file, where there are some. */
  const toBlob = async (kind, input, options) => {
    const name = storage ? await storage.reserve() : undefined;
    try {
      const job = { input: await readable(input), into: 'blob', name };
      const { parts, file, ...summary } = await run(kind, job, options);
      return { ...summary, blob: file ?? new Blob(parts), discard: async () => name && storage.discard(name) };
    } catch (error) {
      if (name) await storage.discard(name);
      throw error;
    }
  };

  return {
    compress: (input, options) => toBytes('compress', input, options),
    decompress: (input, options) => toBytes('decompress', input, options),
    compressToBlob: (input, options) => toBlob('compress', input, options),
    decompressToBlob: (input, options) => toBlob('decompress', input, options),
    test: async (input, options) => run('test', { input: await readable(input) }, options),
    verify: async (input, original, options) =>
      run('verify', { input: await readable(input), original: await readable(original) }, options),
    list: async (input) => run('list', { input: await readable(input) }),
    train: async (samples, options) => run('train', { samples: await Promise.all(samples.map(wholeBytes)) }, options),
    priorHash: (prior) => run('priorHash', { prior }),
    devices: () => run('devices', {}),
    estimate: (length, options) => run('estimate', { length }, options),
    warmUp: () => run('warmUp', {}),
    ...makeStreams(startWorker),
  };
}

/** Returns an input as a worker can read it at once: bytes, or in browsers a blob. */
async function readable(input) {
  if (input instanceof Uint8Array) return input;
  if (input instanceof ArrayBuffer) return new Uint8Array(input);
  if (input instanceof Blob) return globalThis.FileReader ? input : wholeBytes(input);
  throw new LockstepError({ code: 'options', message: 'the input is neither bytes nor a file' });
}

/** Returns all bytes of an input. */
async function wholeBytes(input) {
  if (!(input instanceof Blob)) return readable(input);
  try {
    return new Uint8Array(await input.arrayBuffer());
  } catch (error) {
    throw new LockstepError({ code: 'unreadable', message: `can't read: ${error.message}` });
  }
}

/** Joins parts to one array. */
function join(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
