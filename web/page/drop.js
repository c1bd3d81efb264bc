/** Takes files from the file input, and those dropped anywhere on the page. */
import { byId } from './dom.js';

/** Calls `take` with files that are chosen or dropped. */
export function prepareDrop(take) {
  const input = byId('choose');
  const zone = byId('drop');
  input.addEventListener('change', () => {
    take([...input.files]);
    // So that choosing the same file again is a change, too.
    input.value = '';
  });
  const light = isOver => zone.classList.toggle('over', isOver);
  addEventListener('dragover', event => {
    event.preventDefault();
    light(true);
  });
  addEventListener('dragleave', event => light(event.relatedTarget !== null));
  addEventListener('drop', event => {
    light(false);
    // Other file inputs take what is dropped on them.
    if (event.target === input || event.target.type !== 'file') {
      event.preventDefault();
      take([...event.dataTransfer.files]);
    }
  });
}
