/** Tells screen readers what happens, without chattering. */
import { byId } from './dom.js';

/** Milliseconds between two messages of progress. */
const BETWEEN_PROGRESS = 10_000;
/** Milliseconds in which changes of state are collected, of which the last one is said. */
const COLLECT = 800;

let lastTime = 0;
let timer;
let next;

function say() {
  timer = undefined;
  lastTime = performance.now();
  byId('announcer').textContent = next;
}

/** Says that a state has changed. */
export function announce(message) {
  next = message;
  timer ??= setTimeout(say, COLLECT);
}

/** Says how far a job has come, if nothing was said for a while. */
export function announceProgress(message) {
  if (timer === undefined && performance.now() - lastTime > BETWEEN_PROGRESS) {
    next = message;
    say();
  }
}
