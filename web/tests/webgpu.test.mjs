// The page in Chromium with a WebGPU adapter: SwiftShader, which is software, and slow.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { choose, level, open, reach, run, save, start } from './browser.mjs';
import { command, text } from './common.mjs';
import { serve } from './serve.mjs';

/** Keeps the device that the page's worker opens, so that a test can spoil it. */
const spy = `
  const request = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (...args) {
    globalThis.lastDevice = await request.apply(this, args);
    return globalThis.lastDevice;
  };
  0;
`;

/** Has a kernel compute something else. */
const wrongKernel = `
  const create = GPUDevice.prototype.createShaderModule;
  GPUDevice.prototype.createShaderModule = function (descriptor) {
    return create.call(this, { ...descriptor, code: descriptor.code.replace('GATE_ONE - positive', 'GATE_ONE - 1 - positive') });
  };
  0;
`;

let server;
let opened;

/** Opens the page anew, with the adapter and level 3 chosen; returns its worker. */
async function begin() {
  const { page } = opened;
  await page.reload();
  await page.waitForSelector('#device option:nth-child(3)', { state: 'attached' });
  await page.locator('#device').selectOption({ index: 2 });
  await level(page, 3);
  return page.workers().at(-1);
}

before(async () => {
  server = await serve();
  opened = await open(server.url, { gpu: true });
});

after(async () => {
  await opened?.close();
  await server?.stop();
});

/** Starts a job on the page, and spoils the worker's device once it is at work. */
async function spoil(name, data, worker, how) {
  const { page } = opened;
  const card = await choose(page, name, data);
  await reach(card, 'ready');
  await start(page);
  const isAtWork = (name) => document.querySelector(`.card[data-name="${name}"] progress`)?.value > 0;
  await page.waitForFunction(isAtWork, name, { timeout: 120_000 });
  await worker.evaluate(how);
  return card;
}

/** Checks that the CPU has ended a job. */
async function expectCpu(card, data) {
  const { page } = opened;
  await reach(card, 'done');
  assert.match(await warningOf(card), /GPU failed, so the CPU goes on/);
  assert.deepEqual(await save(page, card), command(data, '-3'));
}

const warningOf = (card) => card.locator('[data-part="warning"]').textContent();
const detailsOf = (card) => card.locator('[data-part="details"]').textContent();

test('archives that WebGPU makes and decodes are those of the command', async () => {
  await begin();
  const { page } = opened;
  const data = text(2000);
  assert.deepEqual(await run(page, 'gpu.txt', data), command(data, '-3'));
  const card = page.locator('.card').last();
  assert.doesNotMatch(await detailsOf(card), /CPU/);
  assert.equal(await warningOf(card), '');
  assert.deepEqual(await run(page, 'gpu.txt.lks', command(data, '-3', '--streams', '8')), data);
});

test('a device that is lost leads to a sentence and to the CPU', async () => {
  const worker = await begin();
  await worker.evaluate(spy);
  const data = text(5000);
  await expectCpu(await spoil('lost.txt', data, worker, 'globalThis.lastDevice.destroy()'), data);
});

test('a device that hangs leads to a sentence and to the CPU', async () => {
  const worker = await begin();
  await opened.page.clock.install();
  const data = text(5000);
  const card = await spoil('hangs.txt', data, worker, 'GPUBuffer.prototype.mapAsync = () => new Promise(() => {}); 0');
  await opened.page.clock.runFor(130_000);
  await expectCpu(card, data);
});

test('a device that computes otherwise leads to a sentence and to the CPU', async () => {
  const worker = await begin();
  await worker.evaluate(wrongKernel);
  const card = await choose(opened.page, 'wrong.txt', text(5000));
  await reach(card, 'ready');
  await start(opened.page);
  await expectCpu(card, text(5000));
});
