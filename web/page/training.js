/** Trains a prior on files that the visitor chooses. */
import { announce } from './announce.js';
import { byId, showText } from './dom.js';
import { sentence } from './errors.js';
import { size, time } from './format.js';
import { priorHash, train } from './lockstep/lockstep.js';
import { usePrior } from './prior.js';
import { texts } from './texts.js';
import { inTurn } from './turns.js';

const words = texts.training;
const SUFFIX = '.lkp';

/** `name` and `bytes` of the prior that was trained last. */
let made;
let cancelling;

/** Connects the buttons; `settings` returns what the form holds. */
export function prepareTraining(settings) {
  const samples = byId('train-samples');
  samples.addEventListener('change', () => {
    byId('train-start').disabled = samples.files.length === 0;
  });
  byId('train-start').addEventListener('click', async () => {
    forget();
    showRunning(true);
    byId('train-cancel').focus();
    await run([...samples.files], settings());
    showRunning(false);
  });
  byId('train-cancel').addEventListener('click', () => {
    cancelling.abort();
    showRunning(false);
    say(words.cancelled);
    byId('train-start').focus();
  });
  byId('train-use').addEventListener('click', async () => {
    await usePrior(made.name, made.bytes);
    say(words.inUse(made.name));
  });
}

async function run(files, { level, device, memoryLimit }) {
  const { signal } = cancelling = new AbortController();
  say(words.waiting);
  try {
    await inTurn(async () => {
      signal.throwIfAborted();
      say(words.running(files.length, size(files.reduce((sum, file) => sum + file.size, 0))));
      const started = performance.now();
      const bytes = await train(files, { level, device, memoryLimit, signal });
      const hash = await priorHash(bytes);
      signal.throwIfAborted();
      offer({ name: nameFor(files), bytes });
      say(words.done(made.name, size(bytes.length), hash, time((performance.now() - started) / 1000)));
    });
  } catch (error) {
    if (!signal.aborted) {
      say('', sentence(error));
    }
  }
}

function offer(prior) {
  made = prior;
  const save = byId('train-save');
  save.href = URL.createObjectURL(new Blob([prior.bytes]));
  save.download = prior.name;
  save.textContent = words.save(prior.name);
  save.hidden = byId('train-use').hidden = false;
}

function forget() {
  const save = byId('train-save');
  URL.revokeObjectURL(save.href);
  save.hidden = byId('train-use').hidden = true;
}

/** The ending of the samples' names names the prior. */
function nameFor([{ name }]) {
  const dot = name.lastIndexOf('.');
  return (dot > 0 ? name.slice(dot + 1) : name) + SUFFIX;
}

function showRunning(isRunning) {
  byId('train-start').hidden = isRunning;
  byId('train-cancel').hidden = byId('train-progress').hidden = !isRunning;
}

function say(status, error = '') {
  showText(byId('train-status'), status);
  showText(byId('train-error'), error);
  announce(status || error);
}
