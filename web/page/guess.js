/** The guess of size, time and memory for the files that are chosen. */
import { byId, showText } from './dom.js';
import { guessSeconds, guessSize, speed } from './estimate.js';
import { memory, share, size, time } from './format.js';
import { estimate } from './lockstep/lockstep.js';
import { texts } from './texts.js';
import { isBusy } from './turns.js';

const words = texts.guess;
const EXAMPLE = 1_000_000;
/** Milliseconds without a change before the memory is asked for. */
const SETTLE = 300;

let timer;
let shown;

/** Shows the guess for jobs that are ready, or for an example if there are none. */
export function showGuess(jobs, settings) {
  const files = jobs.filter(job => !job.isArchive);
  const { prior, ...written } = settings;
  const question = JSON.stringify([files.map(({ length, deflated }) => [length, deflated]), written, speed(settings.level, settings.device)]);
  if (question === shown) {
    return;
  }
  shown = question;
  byId('guess').textContent = files.length > 0 ? forFiles(files, settings) : forExample(settings);
  clearTimeout(timer);
  timer = setTimeout(() => showMemory(files, settings), SETTLE);
}

function forExample({ level, device, verify }) {
  const seconds = guessSeconds(EXAMPLE, level, device) * (verify ? 2 : 1);
  const perSecond = texts.job.speed(size(speed(level, device)));
  return words.example(size(guessSize(EXAMPLE, level)), time(seconds), perSecond);
}

function forFiles(files, { level, device, verify }) {
  const sum = value => files.reduce((total, file) => total + value(file), 0);
  const raw = sum(({ length }) => length);
  const coded = sum(({ length, deflated }) => guessSize(length, level, deflated));
  const seconds = guessSeconds(raw, level, device) * (verify ? 2 : 1);
  return words.files(size(coded), size(raw), share(raw === 0 ? 1 : coded / raw), time(seconds));
}

async function showMemory(files, { level, blockSize, device, prior, memoryLimit }) {
  const longest = Math.max(0, ...files.map(({ length }) => length));
  let text = '';
  // A thread that runs a job answers too late.
  if (longest > 0 && !isBusy()) {
    const asked = shown;
    try {
      const needs = await estimate(longest, { level, blockSize, device, prior });
      if (asked !== shown) {
        return;
      }
      text = words.memory(memory(needs.memory));
      if (needs.memory > memoryLimit) {
        text += ` ${words.overLimit(memory(memoryLimit))}`;
      }
    } catch {
      // Options that do not go together: the job will say so.
    }
  }
  showText(byId('guess-memory'), text);
}
