/** Lets jobs run one after the other: each takes all that the machine has. */
let last = Promise.resolve();
let waiting = 0;

/** Runs an async function after all that were given before; its result is that of the function. */
export function inTurn(task) {
  waiting += 1;
  const result = last.then(task);
  last = result.catch(() => {}).finally(() => {
    waiting -= 1;
  });
  return result;
}

/** True while a job runs or waits. */
export const isBusy = () => waiting > 0;
