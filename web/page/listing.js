/** Shows what an archive holds. */
import { element, showText } from './dom.js';
import { exact, memory, share } from './format.js';
import { texts } from './texts.js';

const words = texts.listing;

/** The most frames that are shown. */
const MOST = 100;

/** Fills a `details` element of a card with the content of an archive. */
export function fillListing(details, { frames, recovery, damage }) {
  const part = name => details.querySelector(`[data-part="${name}"]`);
  part('listing-title').textContent = words.title(frames.length);
  part('frames').replaceChildren(...frames.slice(0, MOST).map(frame => element('li', {}, frameText(frame))));
  showText(part('more-frames'), frames.length > MOST ? words.more(exact(frames.length - MOST)) : '');
  const shares = recovery.map(perCent => share(perCent / 100)).join(', ');
  part('recovery').textContent = shares ? words.recovery(shares) : words.noRecovery;
  part('damage').textContent = damage ? words.damage(damage) : words.noDamage;
  part('damage').classList.toggle('error', damage !== '');
  details.open = damage !== '';
  details.hidden = false;
}

/** Says which prior an archive needs, if it is not the chosen one; else returns an empty text. */
export function missingPrior({ frames }, chosenHash) {
  // Frames of short inputs name a prior by the end of its hash.
  const needy = frames.find(({ prior, hasPrior }) => prior && !hasPrior && !chosenHash?.endsWith(prior));
  return needy ? words.choosePrior(needy.prior) : '';
}

function frameText({ raw, coded, blocks, method, prior, hasPrior, memory: needed }) {
  const parts = [words.frame(exact(raw), exact(coded)), words.blocks(blocks), method || words.methodUnknown];
  if (prior) {
    parts.push(hasPrior ? words.priorInside(prior) : words.priorNeeded(prior));
  }
  if (needed > 0) {
    parts.push(words.memory(memory(needed)));
  }
  return parts.join(', ');
}
