// Debian's Chromium with the page open, and what the tests do there.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

export const program = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** No tries to reach hosts of the browser's maker, which slow a machine without a network down. */
const quiet = ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'];
/** SwiftShader, a software implementation of Vulkan, is the adapter. */
const webgpu = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

/** Opens the page in a browser of its own, with a profile on disk as private files need one. */
export async function open(url, { gpu = false, ...options } = {}) {
  const profile = mkdtempSync(join(tmpdir(), 'lockstep-profile-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: program,
    args: gpu ? [...quiet, ...webgpu] : quiet,
    acceptDownloads: true,
    ...options,
  });
  const page = context.pages()[0] ?? (await context.newPage());
  const faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  const requests = [];
  context.on('request', (request) => requests.push(request.url()));
  await page.goto(url);
  await page.waitForSelector('#page:not([hidden])');
  const close = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { context, page, faults, requests, close };
}

/** Chooses a file on the page; returns its card. */
export async function choose(page, name, data) {
  await page.setInputFiles('#choose', typeof data === 'string' ? data : { name, mimeType: 'application/octet-stream', buffer: Buffer.from(data) });
  return page.locator(`.card[data-name="${name}"]`).last();
}

/** Starts all files that are ready. */
export const start = (page) => page.click('#start');

/** Waits until a card is in a state. */
export async function reach(card, state, timeout = 240_000) {
  await card.and(card.page().locator(`[data-state="${state}"]`)).waitFor({ timeout });
}

/** Compresses or decompresses a file on the page; returns the bytes that it saves. */
export async function run(page, name, data) {
  const card = await choose(page, name, data);
  await reach(card, 'ready');
  await start(page);
  await Promise.race([reach(card, 'done'), failed(card)]);
  return save(page, card);
}

/** Saves a card's result; returns its bytes. */
export async function save(page, card) {
  const [download] = await Promise.all([page.waitForEvent('download'), card.locator('[data-part="save"]').click()]);
  return new Uint8Array(readFileSync(await download.path()));
}

/** Waits until a card has failed, and throws what it says. */
async function failed(card) {
  await reach(card, 'failed').catch(() => new Promise(() => {}));
  throw new Error(await card.locator('[data-part="error"]').textContent());
}

/** Sets the level. */
export const level = (page, value) => page.locator('#level').fill(String(value));

/** Returns the page's worker; one that has just been started takes a moment to appear. */
export async function worker(page) {
  while (page.workers().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  return page.workers().at(-1);
}
