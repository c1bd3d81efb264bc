// A large file through the page in Chromium: `node large.mjs [MB]` (300; at least 200, so that a tenth of it is more
// than one block). What it takes depends on the machine, some 10 to 30 minutes, so it is no part of the other tests.
//
// It cancels a job, reloads the page in the middle of the next one, then lets a third one come to its end in a new
// browser, and compares the archive with the command's. Prints the most memory that the tab has taken, and fails if
// that is more than what the same job takes with a tenth of the file, and 100 MB.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';

import { choose, level, open, reach, start } from './browser.mjs';
import { program, text } from './common.mjs';
import { serve } from './serve.mjs';

const HOURS = 3_600_000;
/** Bytes of text that are made at a time. */
const PIECE = 1_000_000;
const megabytes = Number(process.argv[2] ?? 300);

const folder = mkdtempSync(join(tmpdir(), 'lockstep-large-'));
const server = await serve();
try {
  const short = join(folder, 'short.txt');
  const large = join(folder, 'large.txt');
  await writeText(short, (megabytes * 1e6) / 10);
  await writeText(large, megabytes * 1e6);
  const least = await run(short);
  console.log(`${size(short)} bytes: ${least.peak} MB at most in the tab`);
  await interrupt(large);
  const most = await run(large);
  console.log(`${size(large)} bytes: ${most.peak} MB at most in the tab, ${most.seconds} s`);
  assert.ok(most.peak <= least.peak + 100, 'the memory grew with the file');
} finally {
  await server.stop();
  rmSync(folder, { recursive: true });
}

/** Writes text of words in an order that does not repeat. */
async function writeText(path, length) {
  const file = await openFile(path, 'w');
  for (let at = 0; at < length; at += PIECE) await file.appendFile(text(Math.min(PIECE, length - at), at + 7));
  await file.close();
}

/** Compresses a file on the page and with the command, and compares the archives. */
async function run(path) {
  const command = spawn(program, ['-1', '--device', 'cpu', '-q', '-T1', '-c', path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const expected = digest(command.stdout);
  const { page, close } = await open(server.url);
  try {
    const began = Date.now();
    const card = await begin(page, path);
    await Promise.race([reach(card, 'done', 10 * HOURS), reach(card, 'failed', 10 * HOURS)]);
    assert.equal(await card.getAttribute('data-state'), 'done', await card.textContent());
    const seconds = Math.round((Date.now() - began) / 1000);
    const peak = peakOfTab();
    const saved = page.waitForEvent('download', { timeout: HOURS });
    await card.locator('[data-part="save"]').click();
    const archive = await (await saved).path();
    assert.equal(await digest(createReadStream(archive)), await expected, "the archives are not the command's");
    return { peak, seconds };
  } finally {
    await close();
  }
}

/** Starts to compress a file at level 1; returns its card. */
async function begin(page, path) {
  await level(page, 1);
  await page.uncheck('#verify');
  const card = await choose(page, basename(path), path);
  await reach(card, 'ready');
  await start(page);
  await reach(card, 'compressing');
  return card;
}

/** Cancels a job, then reloads the page during another one, which must leave none of its private files. */
async function interrupt(path) {
  const { page, close } = await open(server.url);
  try {
    await cancelAndReload(page, path);
  } finally {
    await close();
  }
}

async function cancelAndReload(page, path) {
  const cancelled = await begin(page, path);
  await progress(cancelled, 2);
  await cancelled.locator('[data-part="cancel"]').click();
  await reach(cancelled, 'cancelled', 1000);
  console.log('cancelled within a second');
  const lost = await begin(page, path);
  // The first block is written by then.
  await progress(lost, 12);
  const before = await page.evaluate(privateFiles);
  assert.ok(before.length === 1 && before[0] > 0, 'the job has written no private file');
  await page.reload();
  await page.waitForSelector('#page:not([hidden])');
  assert.equal(await page.locator('.card').count(), 0);
  for (let attempt = 0; (await page.evaluate(privateFiles)).length > 0; attempt += 1) {
    assert.ok(attempt < 100, 'the lost job has left its private file');
    await page.waitForTimeout(100);
  }
  console.log(`reloaded at 12 %: a private file of ${before[0]} bytes is gone`);
}

/** Returns the sizes of the page's private files; runs in the page. */
async function privateFiles() {
  const root = await navigator.storage.getDirectory();
  const folder = await root.getDirectoryHandle('lockstep', { create: true });
  const sizes = [];
  for await (const file of folder.values()) sizes.push((await file.getFile()).size);
  return sizes;
}

/** Waits until a job has done a part of its work, in per cent. */
async function progress(card, percent) {
  const bar = await card.locator('progress').elementHandle();
  await card.page().waitForFunction(([bar, percent]) => bar.position * 100 >= percent, [bar, percent], { timeout: HOURS });
}

/** Returns the most memory that a renderer process of this program's browser has taken, in MB. */
function peakOfTab() {
  const field = (pid, file, name) => readFileSync(`/proc/${pid}/${file}`, 'utf8').match(name)?.[1];
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const parents = new Map(processes.map((pid) => [pid, attempt(() => field(pid, 'status', /^PPid:\s+(\d+)/m))]));
  const isOurs = (pid) => pid !== undefined && (pid === String(process.pid) || isOurs(parents.get(pid)));
  const renderers = processes.filter((pid) => isOurs(pid) && attempt(() => field(pid, 'cmdline', /(--type=renderer)/)));
  const peaks = renderers.map((pid) => Number(attempt(() => field(pid, 'status', /^VmHWM:\s+(\d+)/m)) ?? 0));
  return Math.round(Math.max(...peaks) / 1000);
}

/** Returns what `read` returns, or nothing where its process has ended meanwhile. */
function attempt(read) {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function digest(stream) {
  const hash = createHash('sha256');
  return pipeline(stream, hash).then(() => hash.digest('hex'));
}

function size(path) {
  return statSync(path).size;
}
