/** The chart of bits per byte along the file. */
import { shortBits, size } from './format.js';
import { texts } from './texts.js';

/** The number of stretches that a file is cut into. */
const STRETCHES = 100;
/** Bits per byte at the top of the chart: the first that suffices. */
const TOPS = [1, 2, 4, 6, 8, 12, 16];

/** What each stretch of a file cost. */
export class Track {
  /** `from`, `to`: raw bytes; `bits`: bits per byte between them. */
  stretches = [];
  #last = { raw: 0, coded: 0 };

  /** `length`: bytes of the file, if it is known. */
  constructor(length = 0) {
    this.length = length;
  }

  /** Takes note that the first `raw` bytes cost `coded` bytes. */
  add(raw, coded) {
    const bytes = raw - this.#last.raw;
    if (bytes <= 0 || (bytes < this.length / STRETCHES && raw < this.length)) {
      return;
    }
    this.stretches.push({ from: this.#last.raw, to: raw, bits: Math.max(0, 8 * (coded - this.#last.coded) / bytes) });
    this.length = Math.max(this.length, raw);
    this.#last = { raw, coded };
  }
}

/**
 * Draws a track into a `figure` made from the card's template. The chart of a running job has its
 * place from the start, so that what is below it does not move while somebody aims at it.
 */
export function drawChart(figure, track, isRunning) {
  const stretches = track?.stretches ?? [];
  const part = name => figure.querySelector(`[data-part="${name}"]`);
  figure.hidden = stretches.length < 2 && !isRunning;
  if (stretches.length < 2) {
    for (const name of ['line', 'area']) {
      part(name).removeAttribute('d');
    }
    part('top').textContent = '';
    part('end').textContent = '';
    part('drawing').setAttribute('aria-label', texts.chart.title);
    return;
  }
  const all = stretches.map(stretch => stretch.bits);
  const [lowest, highest] = [Math.min(...all), Math.max(...all)];
  const top = TOPS.find(value => value >= highest) ?? TOPS.at(-1);
  const x = raw => (100 * raw / track.length).toFixed(2);
  const y = bits => (100 - 100 * Math.min(bits, top) / top).toFixed(2);
  const line = stretches.map(({ from, to, bits }) => `L${x(from)} ${y(bits)}L${x(to)} ${y(bits)}`).join('');
  part('line').setAttribute('d', `M${line.slice(1)}`);
  part('area').setAttribute('d', `M0 100${line}L${x(stretches.at(-1).to)} 100Z`);
  part('top').textContent = String(top);
  part('end').textContent = size(track.length);
  part('drawing').setAttribute('aria-label', texts.chart.summary({
    first: shortBits(all[0]),
    last: shortBits(all.at(-1)),
    lowest: shortBits(lowest),
    highest: shortBits(highest),
  }));
}
