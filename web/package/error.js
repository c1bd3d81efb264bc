/** An error of lockstep: `code` and the facts behind it let a page say it in its own words. */
export class LockstepError extends Error {
  /** @param {{code: string, message: string}} failure what a worker reports */
  constructor({ message, ...facts }) {
    super(message);
    this.name = 'LockstepError';
    Object.assign(this, facts);
  }
}
