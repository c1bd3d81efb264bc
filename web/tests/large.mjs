// A large file through the page in Chromium: `node large.mjs [MB]` (300). What it takes depends on the machine,
// some 10 to 30 minutes, so it is no part of the other tests.
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
import { program } from './common.mjs';
import { serve } from './serve.mjs';

const HOURS = 3_600_000;
const megabytes = Number(process.argv[2] ?? 300);

const folder = mkdtempSync(join(tmpdir(), 'lockstep-large-'));
const server = await serve();
try {
  const short = join(folder, 'short.txt');
  const large = join(folder, 'large.txt');
  await writeLines(short, (megabytes * 1e6) / 10);
  await writeLines(large, megabytes * 1e6);
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

/** Writes lines of numbered text, of which no two are equal. */
async function writeLines(path, length) {
  const file = await openFile(path, 'w');
  let lines = '';
  for (let number = 1; length > 0; number += 1) {
    lines += `${number} of the international organizations have published information about environmental development\n`;
    if (lines.length >= Math.min(length, 1 << 20)) {
      lines = lines.slice(0, length);
      await file.write(lines);
      length -= lines.length;
      lines = '';
    }
  }
  await file.close();
}

/** Compresses a file on the page and with the command, and compares the archives. */
async function run(path) {
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
    const command = spawn(program, ['-1', '--device', 'cpu', '-q', '-c', path], { stdio: ['ignore', 'pipe', 'inherit'] });
    assert.equal(await digest(createReadStream(archive)), await digest(command.stdout), "the archives are not the command's");
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

/** Cancels a job, then reloads the page during another one. */
async function interrupt(path) {
  const { page, close } = await open(server.url);
  const cancelled = await begin(page, path);
  await progress(cancelled, 2);
  await cancelled.locator('[data-part="cancel"]').click();
  await reach(cancelled, 'cancelled', 1000);
  console.log('cancelled within a second');
  const lost = await begin(page, path);
  await progress(lost, 5);
  const { usage: before } = await page.evaluate(() => navigator.storage.estimate());
  await page.reload();
  await page.waitForSelector('#page:not([hidden])');
  assert.equal(await page.locator('.card').count(), 0);
  // The page removes what the lost job has left in the private files.
  await page.waitForFunction(async () => {
    const root = await navigator.storage.getDirectory();
    const folder = await root.getDirectoryHandle('lockstep', { create: true });
    for await (const _ of folder.keys()) return false;
    return true;
  });
  const { usage: after } = await page.evaluate(() => navigator.storage.estimate());
  console.log(`reloaded at 5 %: ${before} bytes of storage before, ${after} after`);
  await close();
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
