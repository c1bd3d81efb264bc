/** The list of files: adds, starts and removes jobs, and shows their cards. */
import { announce } from './announce.js';
import { Card } from './card.js';
import { byId, showText } from './dom.js';
import { exact, percent } from './format.js';
import { Job } from './job.js';
import { settings } from './settings.js';
import { texts } from './texts.js';
import { inTurn } from './turns.js';

/** Milliseconds between two downloads; browsers drop downloads that come at once. */
const BETWEEN_DOWNLOADS = 300;

/** The card of each job, in the order of the page. */
const cards = new Map();
let changed;

/** Connects the buttons of the list; `onChange` is called when its jobs or their states change. */
export function prepareQueue(onChange) {
  changed = onChange;
  byId('start').addEventListener('click', start);
  byId('save-all').addEventListener('click', saveAll);
}

/** The jobs that wait for Start. */
export const readyJobs = () => [...cards.keys()].filter(job => job.state === 'ready');

/** Adds files to the list. */
export function addFiles(files) {
  for (const file of files) {
    const job = new Job(file, show);
    const card = new Card(job, {
      cancel: () => job.cancel(),
      again: () => job.reset(),
      remove: () => remove(job),
    });
    cards.set(job, card);
    byId('jobs').append(card.element);
    show(job);
    job.look();
  }
  if (files.length > 0) {
    announce(texts.announce.added(files.length));
  }
}

/** Shows all cards anew, after the settings have changed. */
export function showCards() {
  const chosen = settings();
  for (const [job, card] of cards) {
    card.show(job, chosen);
  }
}

function start() {
  const ready = readyJobs();
  const chosen = settings();
  for (const job of ready) {
    job.wait(chosen);
    inTurn(() => job.run());
  }
  cards.get(ready[0])?.focus();
}

function show(job) {
  cards.get(job)?.show(job, settings());
  const results = [...cards.keys()].filter(({ state }) => state === 'done').length;
  showText(byId('save-all'), results > 1 ? texts.files.saveAll(exact(results)) : '');
  byId('files').hidden = cards.size === 0;
  byId('start').disabled = readyJobs().length === 0;
  showTitle();
  changed();
}

/** Shows the running job in the title, for those who look at another tab. */
function showTitle() {
  const running = [...cards.keys()].find(job => job.isRunning && job.progress.total);
  document.title = running ? texts.head.titleBusy(percent(running.progress.raw / running.progress.total)) : texts.head.title;
}

function remove(job) {
  const card = cards.get(job);
  const neighbour = card.element.nextElementSibling ?? card.element.previousElementSibling;
  cards.delete(job);
  card.element.remove();
  job.remove();
  show(job);
  announce(texts.announce.removed(job.file.name));
  const next = [...cards.values()].find(({ element }) => element === neighbour);
  (next ?? byId('choose')).focus();
}

async function saveAll() {
  for (const { element } of cards.values()) {
    const link = element.querySelector('[data-part="save"][href]');
    if (link) {
      link.click();
      await new Promise(resolve => setTimeout(resolve, BETWEEN_DOWNLOADS));
    }
  }
}
