// The page in Chromium. `node --test page.test.mjs`, after web/build.sh, `cargo build --release` and `npm ci`.
// BOOK names a text to compress instead of a generated one, SCREENSHOT a file for a picture of the page.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { choose, level, open, reach, run, save, start, worker } from './browser.mjs';
import { command, mixed, text } from './common.mjs';
import { serve } from './serve.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const book = process.env.BOOK ? new Uint8Array(readFileSync(process.env.BOOK)) : text(152_089);

let server;
let opened;

before(async () => {
  server = await serve();
  opened = await open(server.url);
});

after(async () => {
  await opened?.close();
  await server?.stop();
});

const errorOf = (card) => card.locator('[data-part="error"]').textContent();

test('archives are those of the command, and its archives decode in the page', async () => {
  const { page } = opened;
  assert.equal(await page.inputValue('#level'), '2');
  const archive = await run(page, 'book.txt', book);
  assert.deepEqual(archive, command(book, '-2'));
  assert.match(await page.locator('.card').last().locator('[data-part="details"]').textContent(), /Verified/);
  await level(page, 5);
  const short = book.subarray(0, process.env.BOOK ? 20_000 : 4000);
  assert.deepEqual(await run(page, 'start.txt', short), command(short, '-5'));
  assert.deepEqual(await run(page, 'book.txt.lks', command(book, '-1')), book);
  await level(page, 2);
});

/** Saves a picture of the page a second later, as a job that has just begun shows little. */
async function picture(page, path) {
  await page.waitForTimeout(1000);
  await page.setViewportSize({ width: 900, height: 800 });
  await page.screenshot({ path, fullPage: true });
  await page.setViewportSize({ width: 1280, height: 800 });
}

test('several files are a queue, and a running job shows what it predicts', async () => {
  const { page } = opened;
  await level(page, 3);
  const removal = page.locator('[data-part="remove"]');
  while ((await removal.count()) > 0) await removal.first().click();
  await page.locator('#how > summary').click();
  const pages = book.subarray(0, 60_000);
  const first = await choose(page, 'first.txt', pages);
  const second = await choose(page, 'second.bin', mixed(9000));
  await Promise.all([reach(first, 'ready'), reach(second, 'ready')]);
  await start(page);
  await page.waitForSelector('#live:not([hidden])');
  const likeliest = page.locator('#live-likeliest li');
  await likeliest.first().waitFor();
  assert.equal(await likeliest.count(), 8);
  assert.ok((await page.locator('#live-symbols > *').count()) > 0);
  if (process.env.SCREENSHOT) await picture(page, process.env.SCREENSHOT);
  await reach(second, 'done');
  assert.deepEqual(await save(page, first), command(pages, '-3'));
  assert.deepEqual(await save(page, second), command(mixed(9000), '-3'));
  assert.match(await first.locator('[data-part="line"]').getAttribute('d'), /^M/);
  await page.locator('#how > summary').click();
  await level(page, 2);
});

test('a job is cancelled within a second, and runs again', async () => {
  const { page } = opened;
  await level(page, 9);
  const card = await choose(page, 'slow.txt', text(50_000));
  await reach(card, 'ready');
  await start(page);
  await reach(card, 'compressing');
  await card.locator('[data-part="cancel"]').click();
  await reach(card, 'cancelled', 1000);
  await level(page, 1);
  await card.locator('[data-part="again"]').click();
  await start(page);
  await reach(card, 'done');
  assert.deepEqual(await save(page, card), command(text(50_000), '-1'));
  await level(page, 2);
});

test('damaged, foreign and truncated archives lead to a sentence each', async () => {
  const { page } = opened;
  const archive = command(text(20_000), '-1');
  const damaged = archive.slice();
  damaged[500] ^= 1;
  const newer = archive.slice();
  newer[4] = 99;
  for (const [name, data, sentence] of [
    ['damaged.lks', damaged, /damaged/],
    ['cut.lks', archive.subarray(0, archive.length - 100), /ends too early/],
    ['foreign.lks', text(3000), /not a lockstep archive/],
    ['newer.lks', newer, /version 99/],
  ]) {
    const card = await choose(page, name, data);
    await Promise.race([reach(card, 'ready'), reach(card, 'failed')]);
    if ((await card.getAttribute('data-state')) === 'ready') await start(page);
    await reach(card, 'failed');
    assert.match(await errorOf(card), sentence, name);
  }
  assert.deepEqual(await run(page, 'good.lks', archive), text(20_000));
});

test('a fault of the module leads to a sentence, and the page goes on working', async () => {
  const { page } = opened;
  await level(page, 9);
  const card = await choose(page, 'unlucky.txt', text(20_000));
  await reach(card, 'ready');
  // At the first progress: what a panic calls, and an error that the module does not expect.
  for (const fault of ["globalThis.lockstepPanicked('out of luck')", "throw new Error('out of luck')"]) {
    await (await worker(page)).evaluate(`{
      const send = self.postMessage.bind(self);
      self.postMessage = (message, transfer) => {
        if (message.progress) { self.postMessage = send; ${fault}; }
        send(message, transfer);
      };
      0;
    }`);
    await start(page);
    await reach(card, 'failed');
    assert.match(await errorOf(card), /fault of its own.*out of luck/);
    await card.locator('[data-part="again"]').click();
  }
  await card.locator('[data-part="remove"]').click();
  await level(page, 2);
  assert.deepEqual(await run(page, 'lucky.txt', text(9000)), command(text(9000), '-2'));
});

test('a full storage leads to a sentence, and the page goes on working', async () => {
  const { page, context } = opened;
  const session = await context.newCDPSession(page);
  const origin = new URL(server.url).origin;
  const archive = command(mixed(9_000_000), '-1');
  const { usage } = await page.evaluate(() => navigator.storage.estimate());
  await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: usage + 2_000_000 });
  const card = await choose(page, 'large.lks', archive);
  await reach(card, 'ready');
  await start(page);
  await reach(card, 'failed');
  assert.match(await errorOf(card), /no storage left/);
  await session.send('Storage.overrideQuotaForOrigin', { origin });
  await card.locator('[data-part="again"]').click();
  await start(page);
  await reach(card, 'done');
  assert.deepEqual(await save(page, card), mixed(9_000_000));
});

test('a prior is trained, saved, chosen, and asked for where it is missing', async () => {
  const { page } = opened;
  await level(page, 1);
  await page.locator('#options > summary').click();
  const samples = Array.from({ length: 12 }, (_, i) => `{"order": ${i}, "state": "sent", "items": [${i}, ${i + 1}]}\n`);
  const files = samples.map((content, i) => ({ name: `${i}.json`, mimeType: '', buffer: Buffer.from(content) }));
  await page.setInputFiles('#train-samples', files);
  await page.click('#train-start');
  await page.waitForSelector('#train-save:not([hidden])');
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#train-save')]);
  const prior = readFileSync(await download.path());
  await page.setInputFiles('#prior', { name: 'orders.prior', mimeType: '', buffer: prior });
  await page.waitForSelector('#prior-chosen:not([hidden])');
  const order = new TextEncoder().encode(samples[5]);
  const archive = await run(page, 'order.json', order);
  assert.ok(archive.length < order.length / 2);
  await page.click('#prior-remove');
  const card = await choose(page, 'order.json.lks', archive);
  await reach(card, 'ready');
  await start(page);
  await reach(card, 'failed');
  assert.match(await errorOf(card), /needs? the prior/i);
  await page.locator('#options > summary').click();
  await level(page, 2);
});

test('axe finds no serious fault, in light and in dark, on a phone and on a desk', async () => {
  const { page } = opened;
  for (const [colorScheme, width] of [['light', 1280], ['dark', 360]]) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    await page.locator('#how > summary').click();
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
    assert.deepEqual(serious.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), []);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
    await page.locator('#how > summary').click();
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1280, height: 800 });
});

test('no request leaves the origin, nothing is left behind, and the page works offline', async (context) => {
  const { page, requests, faults } = opened;
  const origin = new URL(server.url).origin;
  assert.deepEqual(requests.filter((url) => !url.startsWith(origin) && !url.startsWith('blob:')), []);
  assert.deepEqual(faults.filter((fault) => !/out of luck/.test(fault)), []);
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
  await server.stop();
  await page.reload({ waitUntil: 'commit' });
  await page.waitForSelector('#page:not([hidden])');
  const ready = await page.evaluate(() => performance.now());
  context.diagnostic(`ready ${Math.round(ready)} ms after the reload`);
  assert.deepEqual(await run(page, 'offline.txt', text(7000)), command(text(7000), '-2'));
  await page.reload();
  await page.waitForFunction(async () => {
    const root = await navigator.storage.getDirectory();
    const folder = await root.getDirectoryHandle('lockstep', { create: true });
    for await (const _ of folder.keys()) return false;
    return true;
  });
});
