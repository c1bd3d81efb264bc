// The page in Firefox, on the CPU engine, driven over WebDriver BiDi.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import puppeteer from 'puppeteer-core';

import { command, text } from './common.mjs';
import { serve } from './serve.mjs';

let server;
let browser;
let page;
let folder;

before(async () => {
  server = await serve();
  folder = mkdtempSync(join(tmpdir(), 'lockstep-firefox-'));
  browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr',
    headless: true,
    extraPrefsFirefox: {
      'browser.download.folderList': 2,
      'browser.download.dir': folder,
      'browser.download.useDownloadDir': true,
      'browser.helperApps.neverAsk.saveToDisk': 'application/octet-stream',
      'browser.download.always_ask_before_handling_new_types': false,
    },
  });
  page = await browser.newPage();
  await page.goto(server.url);
  await page.waitForSelector('#page:not([hidden])');
});

after(async () => {
  await browser?.close();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a file through the page; returns the bytes that it saves. */
async function run(name, data, result) {
  writeFileSync(join(folder, name), data);
  const chooser = await page.$('#choose');
  await chooser.uploadFile(join(folder, name));
  const card = `.card[data-name="${name}"]`;
  await page.waitForSelector(`${card}[data-state="ready"]`);
  await page.click('#start');
  await page.waitForSelector(`${card}[data-state="done"]`, { timeout: 120_000 });
  await page.click(`${card} [data-part="save"]`);
  while (!readdirSync(folder).includes(result) || readdirSync(folder).some((file) => file.endsWith('.part'))) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return new Uint8Array(readFileSync(join(folder, result)));
}

test('archives are those of the command, and its archives decode in the page', { timeout: 300_000 }, async () => {
  const data = text(40_000);
  assert.deepEqual(await run('firefox.txt', data, 'firefox.txt.lks'), command(data, '-2'));
  assert.deepEqual(await run('command.lks', command(text(9000), '-3'), 'command'), text(9000));
});
