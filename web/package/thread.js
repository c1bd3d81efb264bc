/** A worker that runs jobs, one after the other; it is replaced when it was stopped or has crashed. */

import { LockstepError } from './error.js';

/** A job on WebGPU that is silent for so long (milliseconds) hangs: its driver does, most likely. */
const PATIENCE = 120_000;

export class Thread {
  #startWorker;
  #worker;
  #queue = [];
  #running;
  #lastId = 0;

  constructor(startWorker) {
    this.#startWorker = startWorker;
  }

  /**
   * Runs a job when those before it have ended; resolves to its result.
   *
   * `callbacks` are called while it runs; the signal ends it at once, whatever it is doing.
   */
  run(message, { signal, callbacks = {} } = {}) {
    return new Promise((resolve, reject) => {
      const job = { message, signal, callbacks, resolve, reject, parts: [] };
      if (signal?.aborted) return reject(signal.reason);
      job.abort = () => this.#abort(job);
      signal?.addEventListener('abort', job.abort, { once: true });
      this.#queue.push(job);
      this.#next();
    });
  }

  /** Ends the worker. */
  close() {
    this.#stop();
  }

  #next() {
    if (this.#running || this.#queue.length === 0) return;
    this.#running = this.#queue.shift();
    this.#start(this.#running);
  }

  #start(job) {
    job.id = this.#lastId += 1;
    job.parts = [];
    const worker = (this.#worker ??= this.#open());
    worker.ref();
    worker.post({ ...job.message, id: job.id });
    this.#watch(job);
  }

  /** Starts a worker, whose messages count as long as it is the current one. */
  #open() {
    const isCurrent = () => this.#worker === worker;
    const worker = this.#startWorker({
      receive: (message) => isCurrent() && this.#receive(message),
      fail: (reason) => isCurrent() && this.#crash(reason),
    });
    return worker;
  }

  #receive(message) {
    if ('panic' in message) return this.#crash(message.panic);
    const job = this.#running;
    if (message.id !== job?.id) return;
    this.#watch(job);
    const { progress, warning, prediction } = job.callbacks;
    if (message.progress) progress?.(message.progress);
    if (message.warning) warning?.(message.warning);
    if (message.prediction) prediction?.(message.prediction);
    // A blob's bytes need not stay in memory.
    if (message.part) job.parts.push(job.message.into === 'blob' ? new Blob([message.part]) : message.part);
    // The module must not be used any more.
    if (message.error?.code === 'crash') return this.#crash(message.error.message);
    if (message.error) this.#end(job, () => job.reject(new LockstepError(message.error)));
    if ('result' in message) this.#end(job, () => job.resolve(withParts(message.result, job)));
  }

  /** Has a job that may hang on a device begin again on the CPU, when it has been silent for too long. */
  #watch(job) {
    clearTimeout(job.timer);
    const { kind, options } = job.message;
    if (!globalThis.navigator?.gpu || options?.device === 'cpu') return;
    job.timer = setTimeout(() => {
      this.#stop();
      const message = `no answer for ${PATIENCE / 1000} seconds`;
      // A stream's earlier chunks are gone, so it can't begin again.
      if (kind === 'stream') return this.#end(job, () => job.reject(new LockstepError({ code: 'device', message })));
      job.callbacks.warning?.({ code: 'deviceFailed', message });
      job.message = { ...job.message, options: { ...options, device: 'cpu' } };
      this.#start(job);
    }, PATIENCE);
  }

  #abort(job) {
    if (job === this.#running) this.#stop();
    else this.#queue.splice(this.#queue.indexOf(job), 1);
    this.#end(job, () => job.reject(job.signal.reason));
  }

  #crash(reason) {
    const job = this.#running;
    this.#stop();
    if (job) this.#end(job, () => job.reject(new LockstepError({ code: 'crash', message: reason })));
  }

  #stop() {
    this.#worker?.stop();
    this.#worker = undefined;
  }

  #end(job, settle) {
    clearTimeout(job.timer);
    job.signal?.removeEventListener('abort', job.abort);
    if (job === this.#running) this.#running = undefined;
    this.#worker?.unref();
    settle();
    this.#next();
  }
}

/** Adds the parts of a job's output to its result. */
function withParts(result, job) {
  return job.message.into ? { ...result, parts: job.parts } : result;
}
