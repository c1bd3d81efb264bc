// The npm package in Node.js: its results are those of the command.
// `node --test web/tests/node.test.mjs`, after web/build.sh and `cargo build --release`.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { test } from 'node:test';

import {
  CompressorStream,
  DecompressorStream,
  compress,
  compressToBlob,
  decompress,
  devices,
  estimate,
  list,
  priorHash,
  test as testArchive,
  train,
  verify,
  version,
} from '../dist/lockstep/node.js';
import * as bindings from '../dist/lockstep/bindings.js';
import { command, isError, mixed, text } from './common.mjs';

test('archives are those of the command, and decode on both sides', async () => {
  for (const [level, data] of [[1, mixed(60_000)], [2, text(30_000)], [3, text(6000)], [5, text(1500)], [2, new Uint8Array()]]) {
    const archive = await compress(data, { level, device: 'cpu' });
    assert.deepEqual(archive, command(data, `-${level}`), `level ${level}`);
    assert.deepEqual(await decompress(archive), data);
  }
});

test('options decide what they decide in the command', async () => {
  const data = text(20_000);
  const options = { level: 1, frameSize: 7000, blockSize: 3000, transform: 'none' };
  const archive = await compress(data, options);
  assert.deepEqual(archive, command(data, '-1', '--frame-size', '7000', '--block-size', '3000', '--transform', 'none'));
  const { frames, raw, coded, damage } = await list(archive);
  assert.deepEqual([frames.length, raw, coded, damage], [3, 20_000, archive.length, '']);
  assert.deepEqual([frames[0].blocks, frames[0].method, frames[0].prior], [3, 'mixing light', '']);
  assert.ok(frames[0].memory > 1 << 20);
});

test('streams of chunks of any size make the same archive and content', async () => {
  const data = mixed(60_000);
  const options = { level: 1, blockSize: 8000 };
  const whole = await compress(data, { ...options });
  for (const size of [777, 8000, 60_000]) {
    const archive = await through(data, size, new CompressorStream({ ...options, length: data.length }));
    assert.deepEqual(archive, whole);
    assert.deepEqual(await through(archive, size, new DecompressorStream()), data);
  }
});

test('a stream ends with the error of its archive, or when it is cancelled', async () => {
  const archive = await compress(text(20_000), { level: 1, blockSize: 5000 });
  await assert.rejects(through(archive.subarray(0, archive.length - 200), 100, new DecompressorStream()), isError('truncated'));
  await assert.rejects(through(text(100), 10, new DecompressorStream()), isError('notAnArchive'));
  const abort = new AbortController();
  const stream = new CompressorStream({ level: 9, signal: abort.signal });
  setTimeout(() => abort.abort(new Error('enough')), 300);
  await assert.rejects(through(text(100_000), 50_000, stream), /enough/);
});

test('wrong archives are told apart', async () => {
  const archive = await compress(text(5000), { level: 1 });
  const damaged = archive.slice();
  damaged[100] ^= 1;
  const newer = archive.slice();
  newer[4] = 99;
  await assert.rejects(decompress(damaged), isError('corrupt'));
  await assert.rejects(decompress(archive.subarray(0, 90)), isError('truncated'));
  await assert.rejects(decompress(text(5000)), isError('notAnArchive'));
  await assert.rejects(decompress(newer), isError('version', { version: 99 }));
  await assert.rejects(decompress(archive, { sizeLimit: 4999 }), isError('sizeLimit', { limit: 4999 }));
  await assert.rejects(decompress(archive, { memoryLimit: 1 << 20 }), isError('memoryLimit', { limit: 1 << 20 }));
  assert.equal((await testArchive(archive)).raw, 5000);
  assert.equal((await list(archive.subarray(0, 90))).damage.length > 0, true);
});

test('options that cannot be used are refused', async () => {
  for (const options of [{ level: 10 }, { level: 'two' }, { transform: 'magic' }, { blockSize: 0 }]) {
    await assert.rejects(compress(text(10), options), isError('options'), JSON.stringify(options));
  }
  await assert.rejects(compress('a string'), isError('options'));
  await assert.rejects(compress(text(10), { level: 3, device: 'high-performance' }), isError('noDevice'));
});

test('an archive is compared with its original', async () => {
  const data = text(3000);
  const archive = await compress(data, { level: 1 });
  assert.equal((await verify(archive, data)).raw, 3000);
  const other = data.slice();
  other[2000] ^= 1;
  await assert.rejects(verify(archive, other), isError('different', { at: 2000 }));
  await assert.rejects(verify(archive, data.subarray(0, 2999)), isError('different', { at: 2999 }));
  await assert.rejects(verify(archive, text(3001)), isError('different', { at: 3000 }));
});

test('priors are trained, named, and needed again', async () => {
  const samples = Array.from({ length: 20 }, (_, i) => new TextEncoder().encode(`{"order": ${i}, "state": "sent"}\n`));
  const seen = [];
  const prior = await train(samples, { level: 1, onProgress: ({ raw }) => seen.push(raw) });
  const hash = await priorHash(prior);
  assert.match(hash, /^[0-9a-f]{16}$/);
  const archive = await compress(samples[3], { level: 1, prior });
  assert.ok(archive.length < samples[3].length);
  assert.deepEqual(await decompress(archive, { prior }), samples[3]);
  await assert.rejects(decompress(archive), isError('priorMissing', { wanted: hash.slice(8) }));
  const own = await compress(samples[3], { level: 1, prior, embedPrior: true });
  assert.deepEqual(await decompress(own), samples[3]);
  await assert.rejects(compress(samples[3], { prior: samples[0] }), isError('priorUnfit'));
  await assert.rejects(train([new Uint8Array()], { level: 1 }), isError('noSamples'));
});

test('a job reports its progress and its predictions, and is cancelled at once', async () => {
  const progress = [];
  const predictions = [];
  const data = text(3000);
  await compress(data, { level: 3, onProgress: (p) => progress.push(p), onPrediction: (p) => predictions.push(p) });
  assert.equal(progress.at(-1).raw, 3000);
  const { symbols, costs, likeliest, transform } = predictions.at(-1);
  assert.ok(symbols.length > 0 && symbols.length === costs.length);
  assert.equal(likeliest.length, 8);
  assert.ok(likeliest[0].probability >= likeliest[7].probability);
  assert.equal(typeof transform, 'string');

  const abort = new AbortController();
  const slow = compress(text(200_000), { level: 9, signal: abort.signal });
  const queued = compress(text(100), { level: 1 });
  setTimeout(() => abort.abort(), 300);
  await assert.rejects(slow, { name: 'AbortError' });
  assert.deepEqual(await decompress(await queued), text(100));
});

test('estimates, devices, blobs and the version', async () => {
  const { memory, streams, network } = await estimate(1 << 20, { level: 5 });
  assert.ok(memory > 100 << 20 && streams === 1 && network);
  assert.deepEqual(await devices(), []);
  const { blob, raw } = await compressToBlob(new Blob([text(1000)]), { level: 1 });
  assert.deepEqual([await decompress(blob), raw], [text(1000), 1000]);
  bindings.initSync({ module: readFileSync(new URL('../dist/lockstep/bindings_bg.wasm', import.meta.url)) });
  const { version: published } = JSON.parse(readFileSync(new URL('../dist/lockstep/package.json', import.meta.url)));
  assert.deepEqual([version, published], [bindings.version(), bindings.version()]);
});

/** Sends data through a stream in chunks of a size; returns what comes out. */
async function through(data, size, stream) {
  const chunks = Array.from({ length: Math.ceil(data.length / size) }, (_, i) => data.subarray(i * size, (i + 1) * size));
  const parts = [];
  for await (const part of Readable.toWeb(Readable.from(chunks)).pipeThrough(stream)) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}
