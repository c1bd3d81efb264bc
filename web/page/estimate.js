/** Guesses the size and time of a job from its level, a sample of its file, and speeds of earlier jobs. */

/**
 * What a level does, by level. `bits`: bits per byte of English text of which deflate makes
 * `DEFLATED_TEXT` bits per byte. `speed`: kB a second of the CPU engine in WebAssembly; levels 1, 2, 3
 * and 5 are measured, the others follow the command's speeds. `layers`, `units`: the network.
 */
export const LEVELS = [
  undefined,
  { bits: 1.67, speed: 139, layers: 0, units: 0 },
  { bits: 1.63, speed: 68, layers: 0, units: 0 },
  { bits: 1.62, speed: 22, layers: 1, units: 64 },
  { bits: 1.60, speed: 5, layers: 1, units: 128 },
  { bits: 1.58, speed: 2.2, layers: 2, units: 128 },
  { bits: 1.58, speed: 1.1, layers: 2, units: 192 },
  { bits: 1.58, speed: 0.7, layers: 2, units: 256 },
  { bits: 1.58, speed: 0.4, layers: 2, units: 384 },
  { bits: 1.58, speed: 0.25, layers: 2, units: 512 },
];
const DEFLATED_TEXT = 2.88;

/** Bytes of a file's middle that are tried. */
const SAMPLE = 65_536;
/** Seconds that a job must have taken, so that its speed is kept. */
const LEAST_SECONDS = 1;
const STORE = 'lockstep-speeds';

/** Deflates a sample of a file, and returns its bits per byte. */
export async function deflatedBits(file) {
  const from = Math.max(0, Math.floor((file.size - SAMPLE) / 2));
  const sample = file.slice(from, from + SAMPLE);
  if (sample.size === 0 || typeof CompressionStream === 'undefined') {
    return DEFLATED_TEXT;
  }
  const deflated = sample.stream().pipeThrough(new CompressionStream('deflate-raw'));
  return 8 * (await new Response(deflated).arrayBuffer()).byteLength / sample.size;
}

/**
 * Guesses the bytes of an archive. The line is a fit to text, images, tables and programs; noise
 * stays as it is.
 */
export function guessSize(length, level, deflated = DEFLATED_TEXT) {
  const line = LEVELS[level].bits + 1.25 * (deflated - DEFLATED_TEXT);
  const bits = Math.min(8, Math.max(line, 0.55 * deflated));
  return Math.ceil(length * bits / 8) + 20;
}

/** Guesses the seconds that compressing takes; decompressing takes as long. */
export const guessSeconds = (length, level, device) => length / speed(level, device);

/** Guesses the bytes a second of a level on a device. */
export function speed(level, device) {
  const measured = readSpeeds()[device] ?? {};
  const levels = Object.keys(measured).map(Number);
  if (levels.length === 0) {
    return LEVELS[level].speed * 1000;
  }
  // Of a level that did not run yet, the nearest one tells how this machine differs from the table.
  const nearest = levels.reduce((a, b) => (Math.abs(b - level) < Math.abs(a - level) ? b : a));
  return LEVELS[level].speed * measured[nearest] / LEVELS[nearest].speed;
}

/** Keeps the speed of a job that is done, for later guesses. */
export function keepSpeed(length, seconds, level, device) {
  if (seconds < LEAST_SECONDS) {
    return;
  }
  const speeds = readSpeeds();
  const old = speeds[device]?.[level];
  const now = length / seconds;
  speeds[device] = { ...speeds[device], [level]: old ? (old + now) / 2 : now };
  try {
    localStorage.setItem(STORE, JSON.stringify(speeds));
  } catch {
    // Without storage the next visit guesses from the table.
  }
}

/** Speeds in bytes a second, by device and level. */
function readSpeeds() {
  try {
    return JSON.parse(localStorage.getItem(STORE)) ?? {};
  } catch {
    return {};
  }
}
