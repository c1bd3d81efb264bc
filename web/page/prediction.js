/** The live view of what the model predicts. */
import { byId, element, showText } from './dom.js';
import { bits, share } from './format.js';
import { texts } from './texts.js';

/** Bits from which a symbol gets the next darker background. */
const STEPS = [0.1, 0.5, 1, 2, 4, 8];
/** The number of bars. */
const BARS = 8;
/** Milliseconds between two pictures, for people who want little motion. */
const CALM = 4000;

const calm = matchMedia('(prefers-reduced-motion: reduce)');
let lastTime = 0;

/** Fills the legend. */
export function preparePrediction() {
  byId('legend').append(...texts.how.legendSteps.map((word, step) => element('li', { 'data-cost': step }, word)));
}

/** True if the view is open: only jobs that begin then are asked for predictions. */
export const isWatched = () => byId('how').open;

/** Shows a prediction of a job, if the view is open. */
export function showPrediction(name, { symbols, costs, likeliest, transform }) {
  const now = performance.now();
  if (!isWatched() || document.hidden || symbols.length === 0 || (calm.matches && now - lastTime < CALM)) {
    return;
  }
  lastTime = now;
  byId('live').hidden = false;
  byId('live-idle').hidden = true;
  byId('live-source').textContent = texts.how.source(name);
  showText(byId('live-transform'), transform === 'none' ? '' : texts.how.codes(transform));
  byId('live-symbols').replaceChildren(...Array.from(symbols, (symbol, i) => symbolSpan(symbol, costs[i])));
  byId('no-network').hidden = likeliest.length > 0;
  byId('network').hidden = likeliest.length === 0;
  byId('live-came').textContent = texts.how.symbolCame(written(symbols.at(-1)), bits(costs.at(-1)));
  byId('live-likeliest').replaceChildren(...likeliest.slice(0, BARS).map(guess => bar(guess, symbols.at(-1))));
}

function symbolSpan(symbol, cost) {
  const step = STEPS.filter(least => cost >= least).length;
  const title = texts.how.symbolCost(written(symbol), bits(cost));
  return element('span', { 'data-cost': step, title }, written(symbol));
}

function bar({ symbol, probability }, came) {
  const fill = element('span', { class: 'bar' });
  fill.style.width = `${100 * probability}%`;
  const row = element('li', {}, element('code', {}, written(symbol)), element('span', { class: 'rail' }, fill), element('span', { class: 'share' }, share(probability)));
  if (symbol === came) {
    row.dataset.came = '';
    row.append(element('span', { class: 'came' }, texts.how.came));
  }
  return row;
}

/** Writes a byte: printable ones as themselves, others by a sign or in hexadecimal. */
function written(byte) {
  const signs = { 9: texts.how.tab, 10: texts.how.newline, 32: texts.how.space };
  if (byte > 32 && byte < 127) {
    return String.fromCharCode(byte);
  }
  return signs[byte] ?? byte.toString(16).toUpperCase().padStart(2, '0');
}
