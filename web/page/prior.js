/** The prior that jobs start from. */
import { byId, showText } from './dom.js';
import { sentence } from './errors.js';
import { priorHash } from './lockstep/lockstep.js';
import { texts } from './texts.js';

let chosen;
let changed;

/** Returns the `bytes` and the `hash` of the chosen prior; undefined if there is none. */
export const chosenPrior = () => chosen;

/** Lets the visitor choose a prior; `onChange` is called after each change. */
export function preparePrior(onChange) {
  changed = onChange;
  byId('prior').addEventListener('change', async ({ target }) => {
    const [file] = target.files;
    if (file) {
      await choose(file.name, () => file.arrayBuffer());
    }
  });
  byId('prior-remove').addEventListener('click', () => {
    byId('prior').value = '';
    show();
    byId('prior').focus();
  });
  show();
}

/** Makes bytes the prior. */
export const usePrior = (name, bytes) => choose(name, () => bytes);

async function choose(name, read) {
  try {
    const bytes = new Uint8Array(await read());
    show({ name, bytes, hash: await priorHash(bytes) });
  } catch (error) {
    show(undefined, sentence(error));
  }
}

function show(prior, error = '') {
  chosen = prior;
  showText(byId('prior-chosen'), prior ? texts.options.priorChosen(prior.name, prior.hash) : '');
  showText(byId('prior-error'), error);
  byId('prior-remove').hidden = prior === undefined;
  byId('embed').disabled = prior === undefined;
  changed();
}
