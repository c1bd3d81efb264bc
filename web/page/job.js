/** One file that is compressed or decompressed: its state, and what came of it. */
import { Track } from './chart.js';
import { deflatedBits, keepSpeed } from './estimate.js';
import { compressToBlob, decompressToBlob, list, verify } from './lockstep/lockstep.js';
import { Pace } from './pace.js';
import { isWatched, showPrediction } from './prediction.js';

const SUFFIX = '.lks';

export class Job {
  /** `ready`, `waiting`, `compressing`, `verifying`, `decoding`, `done`, `failed` or `cancelled`. */
  state = 'ready';
  /** What the archive holds, once it is listed. */
  listing;
  /** The sample's bits per byte with deflate, once it is known. */
  deflated;
  /** How far the present phase has come: `raw`, `coded`, `total` and `pace`. */
  progress;
  /** Bits per byte along a file that is compressed; a decoder reads a whole block before it decodes it. */
  track;
  /** Raw and coded bytes, engine, seconds, and whether it was verified. */
  summary;
  /** The address and name under which the result is saved. */
  result;
  error;
  warning;

  #looked;
  #settings;
  #cancelling;
  #discard;
  #changed;

  /** `changed` is called after every change. */
  constructor(file, changed) {
    this.file = file;
    this.isArchive = file.name.toLowerCase().endsWith(SUFFIX);
    this.#changed = () => changed(this);
  }

  /** Raw bytes of the job; those of an archive are unknown until it is listed, or if it is cut short. */
  get length() {
    return this.isArchive ? this.listing?.raw || undefined : this.file.size;
  }

  get isRunning() {
    return ['compressing', 'verifying', 'decoding'].includes(this.state);
  }

  /** Looks at the file before it runs: lists an archive, samples other files. Never rejects. */
  look() {
    this.#looked = this.#look();
    return this.#looked;
  }

  async #look() {
    try {
      if (this.isArchive) {
        this.listing = await list(this.file);
      } else {
        this.deflated = await deflatedBits(this.file);
      }
    } catch (error) {
      // A file that can't be read, or no archive: running it could only say the same.
      if (this.state === 'ready') {
        this.state = 'failed';
        this.error = error;
      }
    }
    this.#changed();
  }

  /** Waits for its turn, to run with `settings`. */
  wait(settings) {
    this.#settings = settings;
    this.#enter('waiting');
  }

  /** Runs, if it still waits. Never rejects: the state says what happened. */
  async run() {
    if (this.state !== 'waiting') {
      return;
    }
    this.#cancelling = new AbortController();
    const { signal } = this.#cancelling;
    try {
      await (this.isArchive ? this.#decode(signal) : this.#compress(signal));
    } catch (error) {
      await this.#free();
      if (!signal.aborted) {
        this.error = error;
        this.#enter('failed');
      }
    }
  }

  /** Stops at once. */
  cancel() {
    if (this.isRunning) {
      this.#cancelling.abort();
      this.#enter('cancelled');
    } else if (this.state === 'waiting') {
      this.#enter('ready');
    }
  }

  /** Makes it ready to run again; a result is thrown away. */
  async reset() {
    this.error = this.warning = this.summary = this.track = undefined;
    this.#enter('ready');
    await this.#free();
  }

  /** Stops it and frees what it holds. */
  async remove() {
    this.cancel();
    this.state = 'removed';
    await this.#free();
  }

  async #compress(signal) {
    const { level, device, blockSize, embedPrior } = this.#settings;
    const options = this.#begin('compressing', signal);
    const started = performance.now();
    const made = await compressToBlob(this.file, { ...options, level, blockSize, embedPrior });
    this.#hold(made, this.file.name + SUFFIX);
    signal.throwIfAborted();
    const seconds = (performance.now() - started) / 1000;
    keepSpeed(made.raw, seconds, level, device);
    if (this.#settings.verify) {
      await verify(made.blob, this.file, this.#begin('verifying', signal));
      signal.throwIfAborted();
    }
    this.#finish(made, seconds, this.#settings.verify);
  }

  async #decode(signal) {
    // The list tells the length.
    await this.#looked;
    signal.throwIfAborted();
    const options = this.#begin('decoding', signal);
    const started = performance.now();
    const made = await decompressToBlob(this.file, options);
    this.#hold(made, this.file.name.slice(0, -SUFFIX.length) || this.file.name);
    signal.throwIfAborted();
    this.#finish(made, (performance.now() - started) / 1000, false);
  }

  /** Begins a phase, and returns the options that all phases have in common. */
  #begin(state, signal) {
    const total = this.length;
    const { device, memoryLimit, prior } = this.#settings;
    this.progress = { raw: 0, coded: 0, total, pace: new Pace() };
    if (state === 'compressing') {
      this.track = new Track(total);
    }
    this.#enter(state);
    return {
      device,
      memoryLimit,
      prior,
      signal,
      onProgress: ({ raw, coded }) => {
        if (this.state === state) {
          Object.assign(this.progress, { raw, coded });
          this.progress.pace.add(raw);
          if (state === 'compressing') {
            this.track.add(raw, coded);
          }
          this.#changed();
        }
      },
      onWarning: warning => {
        this.warning = warning;
        this.#changed();
      },
      // A running thread can't be asked any more, so a view that is opened later waits for the next phase.
      onPrediction: isWatched() ? prediction => {
        if (this.state === state) {
          showPrediction(this.file.name, prediction);
        }
      } : undefined,
    };
  }

  #hold({ blob, discard }, name) {
    const address = URL.createObjectURL(blob);
    this.result = { address, name };
    this.#discard = async () => {
      URL.revokeObjectURL(address);
      await discard();
    };
  }

  #finish({ raw, coded, engine }, seconds, verified) {
    this.summary = { raw, coded, engine, seconds, verified };
    this.#enter('done');
  }

  async #free() {
    const discard = this.#discard;
    this.result = this.#discard = undefined;
    await discard?.();
  }

  #enter(state) {
    this.state = state;
    this.#changed();
  }
}
