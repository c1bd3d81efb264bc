// How fast packages are in Node.js, and the command: `node speed.mjs FILE [FOLDER...]`. Each FOLDER holds a package;
// without one it is that in ../dist. For a package without vectors, set RUSTFLAGS=-Ctarget-feature=-simd128 for
// build.sh, and copy dist/lockstep elsewhere.
//
// Prints the kilobytes per second of processor time that each compresses at each level, the command on one thread
// with its widest vectors and with plain loops; and those as ratios to the first package.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { program } from './common.mjs';

/** Levels, and how much of the file each compresses. */
const LENGTHS = { 1: 1 << 20, 2: 1 << 20, 3: 200_000, 5: 20_000, 7: 4000 };

const [file, ...folders] = process.argv.slice(2);
if (folders.length === 0) folders.push(fileURLToPath(new URL('../dist/lockstep', import.meta.url)));
const contents = readFileSync(file);
const packages = await Promise.all(folders.map((folder) => import(pathToFileURL(resolve(folder, 'node.js')))));
const names = [...folders, 'command', 'command, plain loops'];
console.log(`kB per processor second: ${names.join(' | ')}`);
for (const [level, length] of Object.entries(LENGTHS)) {
  const data = new Uint8Array(contents.subarray(0, length));
  const runs = [];
  for (const { compress } of packages) runs.push(await inPackage(compress, data, Number(level)));
  runs.push(byCommand(data, level), byCommand(data, level, { LOCKSTEP_VECTORS: 'plain' }));
  for (const { archive } of runs) assert.deepEqual(archive, runs[0].archive);
  const speeds = runs.map(({ seconds }) => data.length / 1000 / seconds);
  const cells = speeds.map((speed) => `${speed.toPrecision(3)} (${(speed / speeds[0]).toFixed(2)})`);
  console.log(`level ${level}, ${data.length} bytes: ${cells.join(' | ')}`);
}

async function inPackage(compress, data, level) {
  await compress(data.subarray(0, 1000), { level });
  const before = process.cpuUsage();
  const archive = await compress(data, { level });
  const { user, system } = process.cpuUsage(before);
  return { archive, seconds: (user + system) / 1e6 };
}

function byCommand(data, level, env = {}) {
  const path = join(tmpdir(), `lockstep-speed-${process.pid}`);
  writeFileSync(path, data);
  const command = `TIMEFORMAT='%U %S'; time "$@"`;
  const flags = ['-q', `-${level}`, '-T1', '--device', 'cpu', '-c', path];
  const options = { env: { ...process.env, ...env }, maxBuffer: 1 << 30 };
  const { stdout, stderr } = spawnSync('bash', ['-c', command, 'bash', program, ...flags], options);
  rmSync(path);
  const [user, system] = stderr.toString().trim().split(' ').map(Number);
  return { archive: new Uint8Array(stdout), seconds: user + system };
}
