/** A private file of the browser (origin private file system), written from a worker. */

/** The folder of all of them. */
export const FOLDER = 'lockstep';

/** Opens a file to write; nothing where the browser has none, as in some private windows. */
export async function openPrivateFile(name) {
  try {
    const root = await navigator.storage.getDirectory();
    const folder = await root.getDirectoryHandle(FOLDER, { create: true });
    const file = await folder.getFileHandle(name, { create: true });
    return writer(file, await file.createSyncAccessHandle());
  } catch {
    return undefined;
  }
}

function writer(file, handle) {
  handle.truncate(0);
  let at = 0;
  let isOpen = true;
  const close = () => {
    if (isOpen) handle.close();
    isOpen = false;
  };
  return {
    write(bytes) {
      const written = handle.write(bytes, { at });
      at += written;
      if (written < bytes.length) throw new DOMException('the storage is full', 'QuotaExceededError');
    },
    /** Ends the file; returns it. */
    async finish() {
      handle.flush();
      close();
      return file.getFile();
    },
    close,
  };
}
