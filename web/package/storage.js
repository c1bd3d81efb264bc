/**
 * The private files that results lie in, as the page sees them. A lock that lives as long as the page marks
 * those in use, so that another page does not sweep them away.
 */

import { FOLDER } from './private-file.js';

const release = new Map();

/** Reserves the name of a private file for this page, and returns it; nothing where there are none. */
export async function reserve() {
  if (!navigator.storage?.getDirectory || !navigator.locks) return undefined;
  const name = `result-${crypto.randomUUID()}`;
  await new Promise((locked) => {
    navigator.locks.request(name, () => {
      locked();
      return new Promise((resolve) => release.set(name, resolve));
    });
  });
  return name;
}

/** Removes a private file; it may be gone, or may never have been made. */
export async function discard(name) {
  await remove(name);
  release.get(name)?.();
  release.delete(name);
}

/** Removes what earlier pages left. */
export async function sweep() {
  if (!navigator.storage?.getDirectory || !navigator.locks) return;
  try {
    const root = await navigator.storage.getDirectory();
    const folder = await root.getDirectoryHandle(FOLDER, { create: true });
    const { held, pending } = await navigator.locks.query();
    const used = new Set([...held, ...pending].map((lock) => lock.name));
    for await (const name of folder.keys()) {
      if (!used.has(name)) await remove(name);
    }
  } catch {
    // Without access to private files, as in a private window, there is nothing to sweep.
  }
}

/** Removes a file. A worker that was just stopped may hold it for a moment. */
async function remove(name) {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    try {
      const root = await navigator.storage.getDirectory();
      const folder = await root.getDirectoryHandle(FOLDER);
      return await folder.removeEntry(name);
    } catch (error) {
      if (error.name !== 'NoModificationAllowedError' && error.name !== 'InvalidStateError') return undefined;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  return undefined;
}
