/** The card of a job: shows its state, offers what can be done with it. */
import { announce, announceProgress } from './announce.js';
import { drawChart } from './chart.js';
import { byId, fillTexts, showText } from './dom.js';
import { sentence } from './errors.js';
import { guessSeconds, guessSize } from './estimate.js';
import { bits, exact, percent, share, size, time } from './format.js';
import { fillListing, missingPrior } from './listing.js';
import { texts } from './texts.js';

const words = texts.job;

/** Keeps the place of a line that has no text yet. */
const EMPTY_LINE = '\u00a0';

export class Card {
  #part;
  #saidState;
  #actions;

  /** `actions`: functions `cancel`, `again` and `remove` of the job. */
  constructor(job, actions) {
    this.element = byId('card').content.firstElementChild.cloneNode(true);
    fillTexts(this.element);
    this.#part = name => this.element.querySelector(`[data-part="${name}"]`);
    this.element.dataset.name = job.file.name;
    this.#part('name').textContent = job.file.name;
    this.#part('size').textContent = size(job.file.size);
    this.#part('progress').setAttribute('aria-label', words.progressLabel(job.file.name));
    this.#actions = ['save', ...Object.keys(actions)].map(this.#part);
    for (const [name, act] of Object.entries(actions)) {
      this.#part(name).setAttribute('aria-label', words.withName(words[name], job.file.name));
      this.#part(name).addEventListener('click', act);
    }
  }

  /** Shows the job as it is now; `settings` are those for guesses. */
  show(job, settings) {
    const { state } = job;
    const hadFocus = this.element.contains(document.activeElement);
    this.element.dataset.state = state;
    this.#showProgress(job);
    const said = stateText(job, settings);
    showText(this.#part('state'), said);
    showText(this.#part('error'), state === 'failed' ? sentence(job.error) : '');
    showText(this.#part('warning'), job.warning ? words[job.warning.code](job.warning.message) : '');
    showText(this.#part('hint'), state === 'ready' && job.listing ? missingPrior(job.listing, settings.priorHash) : '');
    this.#showResult(job);
    if (job.listing && this.#part('listing').hidden) {
      fillListing(this.#part('listing'), job.listing);
    }
    drawChart(this.#part('chart'), job.track, state === 'compressing');
    this.#part('cancel').hidden = !job.isRunning && state !== 'waiting';
    this.#part('again').hidden = !['done', 'failed', 'cancelled'].includes(state);
    this.#keepFocus(hadFocus);
    this.#announce(job, said);
  }

  /** Moves the focus to the card. */
  focus() {
    (this.#actions.find(action => !action.hidden) ?? this.#part('name')).focus();
  }

  #showProgress({ isRunning, state, progress }) {
    this.#part('progress').hidden = !isRunning;
    if (!isRunning) {
      showText(this.#part('figures'), '');
      return;
    }
    const { raw, coded, total, pace } = progress;
    if (total === undefined) {
      this.#part('progress').removeAttribute('value');
    } else {
      this.#part('progress').value = total === 0 ? 1 : raw / total;
    }
    const figures = [];
    if (state === 'compressing' && raw > 0) {
      figures.push(words.bitsPerByte(bits(8 * coded / raw)));
    }
    if (pace.speed) {
      figures.push(words.speed(size(pace.speed)));
    }
    if (pace.speed && total) {
      figures.push(words.timeLeft(time(Math.max(0, total - raw) / pace.speed)));
    }
    showText(this.#part('figures'), words.figures(figures) || EMPTY_LINE);
  }

  #showResult({ state, result, summary }) {
    const save = this.#part('save');
    const isDone = state === 'done' && result !== undefined;
    save.hidden = !isDone;
    showText(this.#part('details'), isDone ? detailsText(summary) : '');
    if (isDone && save.getAttribute('href') !== result.address) {
      save.href = result.address;
      save.download = result.name;
      save.textContent = words.save(result.name);
    } else if (!isDone) {
      save.removeAttribute('href');
    }
  }

  /** A button that had the focus and is gone hands it to another one of the card. */
  #keepFocus(hadFocus) {
    if (hadFocus && (document.activeElement === document.body || document.activeElement.hidden)) {
      this.focus();
    }
  }

  #announce({ state, file, error, isRunning }, said) {
    const text = texts.announce.job(file.name, state === 'failed' ? sentence(error) : said);
    if (this.#saidState !== state) {
      this.#saidState = state;
      if (state !== 'ready') {
        announce(text);
      }
    } else if (isRunning) {
      announceProgress(text);
    }
  }
}

function stateText(job, { level, device, verify }) {
  const { state, progress, length } = job;
  switch (state) {
    case 'ready':
      if (job.listing) {
        return words.readyToDecode(size(job.listing.raw));
      }
      return job.deflated === undefined ? words.ready : words.readyToCompress(
        size(guessSize(length, level, job.deflated)),
        time(guessSeconds(length, level, device) * (verify ? 2 : 1)),
      );
    case 'compressing':
    case 'verifying':
    case 'decoding':
      return words[state](progress.total === undefined ? size(progress.raw) : percent(progress.raw / progress.total));
    case 'done':
      return resultText(job);
    default:
      return words[state];
  }
}

function resultText({ isArchive, summary: { raw, coded } }) {
  return words[isArchive ? 'decompressed' : 'compressed']({
    raw: exact(raw),
    coded: exact(coded),
    share: share(raw === 0 ? 1 : coded / raw),
    bits: bits(raw === 0 ? 0 : 8 * coded / raw),
  });
}

function detailsText({ engine, seconds, verified }) {
  const how = words.how(engine, time(seconds));
  return verified ? `${how} ${words.verified}` : how;
}
