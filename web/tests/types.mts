// Compiles if the types of the package describe its use; it is not run.

import {
  CompressorStream,
  DecompressorStream,
  LockstepError,
  compress,
  compressToBlob,
  decompress,
  list,
  train,
  verify,
  type CompressOptions,
  type Progress,
} from '../dist/lockstep/lockstep.js';

export async function use(file: File, stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<number> {
  const options: CompressOptions = { level: 2, onProgress: ({ raw, coded }: Progress) => void (raw + coded) };
  const archive: Uint8Array = await compress(file, options);
  const content: Uint8Array = await decompress(archive, { sizeLimit: 1e9, signal: AbortSignal.timeout(1000) });
  const { blob, discard, engine } = await compressToBlob(content, { prior: await train([file], { level: 1 }) });
  await verify(blob, file);
  await discard();
  try {
    const { frames } = await list(blob);
    return frames.length + engine.length;
  } catch (error) {
    if (error instanceof LockstepError && error.code === 'memoryLimit') return error.needed ?? 0;
    throw error;
  }
  await stream.pipeThrough(new CompressorStream(options)).pipeThrough(new DecompressorStream()).cancel();
}
