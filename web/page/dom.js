/** Finds, fills and makes elements. */
import { texts } from './texts.js';

/** Returns the element with an id. */
export const byId = id => document.getElementById(id);

/** Fills the elements below `root` with the texts that their `data-text` names, such as `drop.title`. */
export function fillTexts(root) {
  for (const element of root.querySelectorAll('[data-text]')) {
    element.textContent = element.dataset.text.split('.').reduce((part, key) => part[key], texts);
  }
}

/** Makes an element with attributes (`class`, `title`, ...) and children (elements or texts). */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Shows a text in an element, which is hidden if the text is empty. */
export function showText(target, text) {
  if (target.textContent !== text) {
    target.textContent = text;
  }
  target.hidden = text === '';
}
