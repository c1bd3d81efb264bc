// What the tests share: data, and the command to compare with.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The command that the tests compare with. */
export const program = process.env.LOCKSTEP ?? fileURLToPath(new URL('../../target/release/lockstep', import.meta.url));

/** Returns what the command makes of data in a file, on the CPU. */
export function command(data, ...flags) {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-'));
  const file = join(folder, 'data');
  writeFileSync(file, data);
  const { status, stdout, stderr } = spawnSync(program, ['-c', '--device', 'cpu', ...flags, file], { maxBuffer: 1 << 30 });
  rmSync(folder, { recursive: true });
  if (status !== 0) throw new Error(`lockstep ${flags.join(' ')}: ${stderr}`);
  return new Uint8Array(stdout);
}

/** Returns text of `length` bytes, of words that a small generator draws, which begins with `state`. */
export function text(length, state = 7) {
  const words = ['the', 'river', 'sheep', 'of', 'and', 'number', 'slowly', 'counts', 'a', 'thirty', 'green', 'Lisbon'];
  let line = '';
  while (line.length < length) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    line += words[state >>> 28 ? (state >>> 16) % words.length : 0] + (state % 11 === 0 ? '.\n' : ' ');
  }
  return new TextEncoder().encode(line.slice(0, length));
}

/** Returns text, a run of zeros and noise, `length` bytes in all. */
export function mixed(length) {
  const data = new Uint8Array(length);
  data.set(text(Math.ceil(length / 3)));
  let state = 1;
  for (let i = Math.ceil((2 * length) / 3); i < length; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    data[i] = state >>> 24;
  }
  return data;
}

/** Returns a check for `assert.rejects`: an error of lockstep with a code and facts. */
export function isError(code, facts = {}) {
  return (error) => {
    for (const [name, value] of Object.entries({ name: 'LockstepError', code, ...facts })) {
      if (error[name] !== value) throw new Error(`${name} is ${error[name]}, not ${value}: ${error.stack}`);
    }
    return true;
  };
}
