/** Says in plain words what went wrong. */
import { exact, memory, size } from './format.js';
import { texts } from './texts.js';

/** Codes for errors that come from the browser itself. */
const BROWSER_ERRORS = {
  NotFoundError: 'unreadable',
  NotReadableError: 'unreadable',
  QuotaExceededError: 'storageFull',
};

/** Returns a sentence for an error of the package or the browser. */
export function sentence(error) {
  const code = error.code in texts.errors ? error.code : BROWSER_ERRORS[error.name] ?? 'other';
  const amount = (value, write) => (value === undefined ? texts.errors.unknownAmount : write(value));
  return texts.errors[code]({
    message: error.message,
    version: error.version,
    wanted: error.wanted,
    needed: amount(error.needed, memory),
    limit: amount(error.limit, code === 'sizeLimit' ? size : memory),
    at: amount(error.at, exact),
  });
}
