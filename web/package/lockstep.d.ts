/** Bytes, or a file that is read slice by slice. */
export type Input = Uint8Array | ArrayBuffer | Blob;

/** How to compress. All fields are optional; the defaults are those of the command `lockstep`. */
export interface CompressOptions extends JobOptions {
  /** 1 (fastest) to 9 (strongest); 5 by default. */
  level?: number;
  /** `'auto'` chooses a transform for each block (default), `'none'` uses none; or a transform's name. */
  transform?: string;
  /** The most raw bytes of a block, 1 to 2^30; 16 MiB by default. */
  blockSize?: number;
  /** Raw bytes of a frame. Frames are independent of each other; by default there is a single one. */
  frameSize?: number;
  /** Bytes of the input of a stream, if they are known: the archive gets smaller. */
  length?: number;
  /** Puts the prior into the archive, so that decoding does not need it. */
  embedPrior?: boolean;
}

/** How to decompress. */
export interface DecompressOptions extends JobOptions {
  /** The most raw bytes that the archive may hold. */
  sizeLimit?: number;
}

/** How to train a prior. */
export interface TrainOptions extends Omit<JobOptions, 'prior' | 'onPrediction'> {
  /** 1 to 9; 5 by default. */
  level?: number;
  /** How many times the network goes over the samples, at most; 4 by default. */
  passes?: number;
}

/** What all jobs understand. */
export interface JobOptions {
  /** Where the network runs: `'auto'` (default), `'cpu'`, or the `id` of an adapter from `devices()`. */
  device?: string;
  /** A prior, as `train` returns it. Decoding needs the one that the archive was made with. */
  prior?: Uint8Array;
  /** The most bytes of memory that the model and its blocks may take; 3 GiB by default. */
  memoryLimit?: number;
  /** Cancels the job, which rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Called several times a second. */
  onProgress?: (progress: Progress) => void;
  /** Called for a problem that the job survived, such as a device that failed. */
  onWarning?: (warning: Warning) => void;
  /** Called several times a second with what the model predicts at this moment. */
  onPrediction?: (prediction: Prediction) => void;
}

/** How far a job has come. */
export interface Progress {
  /** Raw bytes read or decoded so far. */
  raw: number;
  /** Bytes of the archive written or read so far. */
  coded: number;
}

/** A problem that a job survived. */
export interface Warning {
  /** `deviceFailed`: the device failed, or computed something wrong; the job goes on, on the CPU. */
  code: 'deviceFailed';
  /** The device's or browser's own words, in English. */
  message: string;
}

/** What the model predicted for symbols that were coded a moment ago. */
export interface Prediction {
  /** The symbols coded last, oldest first: bytes of the file, or codes of a transform. */
  symbols: Uint8Array;
  /** What each of them cost, in bits. */
  costs: Float32Array;
  /** The network's likeliest values for the last of the symbols, before it was known; empty without a network. */
  likeliest: { symbol: number; probability: number }[];
  /** The name of the block's transform, `'none'` if the symbols are bytes of the file. */
  transform: string;
}

/** The end of a job. */
export interface Summary {
  /** Bytes of the content. */
  raw: number;
  /** Bytes of the archive. */
  coded: number;
  /** What the model ran on: `CPU, 1 thread`, or an adapter's name. */
  engine: string;
}

/** The result of `compressToBlob` or `decompressToBlob`. */
export interface BlobResult extends Summary {
  /** The result; backed by a file where the browser has a private file system. */
  blob: Blob;
  /** Frees the blob's storage; it must not be read afterwards. */
  discard(): Promise<void>;
}

/** A frame of an archive. */
export interface FrameInfo {
  raw: number;
  coded: number;
  blocks: number;
  /** The method in words, such as `2 layers of 128 units, mixing rich`; empty if it is not known without the prior. */
  method: string;
  /** The hash of the prior that decoding needs: 16 hexadecimal digits, or the last 8 of them; empty if it needs none. */
  prior: string;
  /** True if the archive itself holds that prior. */
  hasPrior: boolean;
  /** Bytes of memory that decoding needs; 0 if that is not known without the prior. */
  memory: number;
}

/** An archive, as its bytes describe it without being decoded. */
export interface ArchiveInfo {
  raw: number;
  coded: number;
  frames: FrameInfo[];
  /** Per cent of recovery data, one number for each part of it. */
  recovery: number[];
  /** The first damage that shows without decoding, in English; empty if none does. */
  damage: string;
}

/** A WebGPU adapter of this browser. */
export interface DeviceInfo {
  /** What the option `device` takes. */
  id: string;
  /** Vendor and architecture, as far as the browser tells. */
  name: string;
  /** True if it is software that runs on the processor. */
  software: boolean;
}

/** Memory and number of streams of a job, before it starts. */
export interface Estimate {
  /** Bytes of memory that compressing needs. */
  memory: number;
  /** Streams that are coded side by side. */
  streams: number;
  /** True if the level has a network. */
  network: boolean;
}

/** What can go wrong. Fields besides `code` and `message` are named behind each code. */
export type ErrorCode =
  | 'notAnArchive'
  | 'version' // `version`: the archive's format version
  | 'truncated'
  | 'corrupt'
  | 'trailer' // all content was decoded and is right, only the archive's end is damaged
  | 'priorMissing' // `wanted`: the prior's hash, or its last 8 digits
  | 'priorUnfit'
  | 'memoryLimit' // `needed`, `limit`: bytes
  | 'outOfMemory' // `needed`: bytes
  | 'sizeLimit' // `limit`: bytes
  | 'options'
  | 'noDevice'
  | 'device'
  | 'unreadable' // the input can't be read (any more)
  | 'storageFull' // the browser gives no more storage
  | 'unwritable'
  | 'noSamples'
  | 'different' // `verify`: the content is not the original; `at`: its first byte that differs
  | 'crash' // a fault in lockstep itself
  | 'other';

/** An error of lockstep. `message` is English; `code` lets a page say it in its own words. */
export class LockstepError extends Error {
  code: ErrorCode;
  version?: number;
  wanted?: string;
  needed?: number;
  limit?: number;
  at?: number;
}

/** Compresses into memory. */
export function compress(input: Input, options?: CompressOptions): Promise<Uint8Array>;
/** Decompresses into memory. */
export function decompress(archive: Input, options?: DecompressOptions): Promise<Uint8Array>;

/** Compresses a file of any size; the result goes to a private file of the browser, or to a blob. */
export function compressToBlob(input: Input, options?: CompressOptions): Promise<BlobResult>;
/** Decompresses an archive of any size; the result goes to a private file of the browser, or to a blob. */
export function decompressToBlob(archive: Input, options?: DecompressOptions): Promise<BlobResult>;

/** Decodes an archive and checks it; nothing is kept. */
export function test(archive: Input, options?: DecompressOptions): Promise<Summary>;
/** Decodes an archive and compares its content with `original`; rejects with code `different` if it differs. */
export function verify(archive: Input, original: Input, options?: DecompressOptions): Promise<Summary>;
/** Lists an archive; nothing is decoded. */
export function list(archive: Input): Promise<ArchiveInfo>;

/** Trains a prior on samples that resemble what is to be compressed. */
export function train(samples: Input[], options?: TrainOptions): Promise<Uint8Array>;
/** Returns the hash by which archives name a prior, as 16 hexadecimal digits. */
export function priorHash(prior: Uint8Array): Promise<string>;

/** Lists the WebGPU adapters; empty where there is none (Node.js has none). */
export function devices(): Promise<DeviceInfo[]>;
/** Tells what compressing an input of `length` bytes needs. */
export function estimate(length: number, options?: CompressOptions): Promise<Estimate>;

/** Compresses a stream of byte chunks. It works in a thread of its own. */
export class CompressorStream implements TransformStream<Uint8Array, Uint8Array> {
  constructor(options?: CompressOptions);
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}
/** Decompresses a stream of byte chunks. It works in a thread of its own. */
export class DecompressorStream implements TransformStream<Uint8Array, Uint8Array> {
  constructor(options?: DecompressOptions);
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/** Removes what earlier visits left in the private file system, and no open page uses. */
export function sweep(): Promise<void>;
/** Starts the thread that jobs run in, so that the first one need not wait. */
export function warmUp(): Promise<void>;

/** The version of lockstep. */
export const version: string;
