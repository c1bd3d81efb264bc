/** Keeps the page for offline use, by the service worker `sw.js`. */

/** Milliseconds that a first visit waits for the service worker, at most. */
const PATIENCE = 5000;

/**
 * Registers the service worker of the version that the server has now. On a first visit it resolves
 * when the worker serves this page, so that threads started afterwards come through it, too.
 */
export async function keepOffline() {
  const { serviceWorker } = navigator;
  if (!serviceWorker) {
    return;
  }
  try {
    takeOver(serviceWorker, await serviceWorker.getRegistration());
    const { version } = await (await fetch('./files.json', { cache: 'no-store' })).json();
    await serviceWorker.register(`./sw.js?version=${encodeURIComponent(version)}`);
  } catch {
    // Offline, or a browser that keeps nothing: the page works all the same.
    return;
  }
  if (!serviceWorker.controller) {
    await new Promise(resolve => {
      serviceWorker.addEventListener('controllerchange', resolve, { once: true });
      setTimeout(resolve, PATIENCE);
    });
  }
}

/** Changes to a version that came at an earlier visit, if no other tab uses the old one. */
function takeOver(serviceWorker, registration) {
  if (registration?.waiting && serviceWorker.controller) {
    serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
    registration.waiting.postMessage('takeOver');
  }
}
