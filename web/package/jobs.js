/** The worker's side: does what the client asks for, and answers with messages. */

import { devices } from './devices.js';

/**
 * Returns the function that takes the client's messages.
 *
 * `load` resolves to the bindings of the WebAssembly module, `post` sends a message, `openFile` opens a
 * private file, where there are some.
 */
export function makeJobs({ load, post, openFile }) {
  globalThis.lockstepPanicked = (message) => post({ panic: message });
  let stream;
  let id;

  /** What the bindings report; jobs run one at a time. */
  const observer = {
    progress: (raw, coded) => post({ id, progress: { raw, coded } }),
    warning: (text) => post({ id, warning: { code: 'deviceFailed', message: text } }),
    prediction: (prediction) => post({ id, prediction }),
  };

  const jobs = {
    compress: (lockstep, job) => toOutput(job, (write) => lockstep.compress(source(job.input), write, job.options, job)),
    decompress: (lockstep, job) => toOutput(job, (write) => lockstep.decompress(source(job.input), write, job.options, job)),
    test: (lockstep, job) => lockstep.decompress(source(job.input), undefined, job.options, job),
    verify,
    list: (lockstep, job) => lockstep.list(source(job.input)),
    train: (lockstep, job) => lockstep.train(job.samples, job.options, job),
    priorHash: (lockstep, job) => lockstep.priorHash(job.prior),
    estimate: (lockstep, job) => lockstep.estimate(job.length, job.options),
    devices,
    warmUp: () => undefined,
    stream: async (lockstep, job) => {
      const Stream = job.direction === 'compress' ? lockstep.Encoder : lockstep.Decoder;
      switch (job.step) {
        case 'open':
          stream = await Stream.open(job.options, job);
          return undefined;
        case 'write':
          return stream.write(job.chunk);
        default:
          return stream.finish();
      }
    },
  };

  /** Runs a job whose output is the client's, or a private file's. */
  async function toOutput({ name }, run) {
    const file = name && (await openFile?.(name));
    if (!file) return run((bytes) => post({ id, part: bytes }, [bytes.buffer]));
    try {
      const summary = await run(file.write);
      return { ...summary, file: await file.finish() };
    } finally {
      file.close();
    }
  }

  return async (message) => {
    id = message.id;
    try {
      post({ id, result: await jobs[message.kind](await load(), { ...message, ...observer }) });
    } catch (error) {
      post({ id, error: failure(error) });
    }
  };
}

/** Decodes an archive and compares it with the original, part by part. */
async function verify(lockstep, { input, original, options, ...observer }) {
  const expected = source(original);
  let at = 0;
  let different;
  const compare = (bytes) => {
    const range = expected.read(Math.min(at, expected.size), Math.min(at + bytes.length, expected.size));
    const index = bytes.findIndex((byte, i) => byte !== range[i]);
    if (index >= 0) {
      different = at + index;
      throw new Error('the content is not the original');
    }
    at += bytes.length;
  };
  try {
    const summary = await lockstep.decompress(source(input), compare, options, observer);
    if (at < expected.size) different = at;
    if (different === undefined) return summary;
  } catch (error) {
    if (different === undefined) throw error;
  }
  throw { code: 'different', message: `the content is not the original, from byte ${different} on`, at: different };
}

/** Returns an input as the bindings read it: at once, range by range. */
function source(input) {
  if (input instanceof Uint8Array) return { size: input.length, read: (start, end) => input.subarray(start, end) };
  const reader = new FileReaderSync();
  const read = (start, end) => new Uint8Array(reader.readAsArrayBuffer(input.slice(start, end)));
  return { size: input.size, read };
}

/** Returns what was thrown as an object that can be sent. */
function failure(error) {
  // The bindings throw plain objects; errors of the platform may have codes of their own.
  if (!(error instanceof Error) && typeof error?.code === 'string') return error;
  const message = String(error?.message ?? error);
  if (error instanceof WebAssembly.RuntimeError) return { code: 'crash', message };
  return { code: error?.name === 'QuotaExceededError' ? 'storageFull' : 'other', message };
}
