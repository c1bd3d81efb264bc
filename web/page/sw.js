/**
 * The service worker: serves the page from a cache, so that it works offline.
 *
 * `sw.js?version=V` keeps version V. It waits until no tab uses an older one, so that a page never
 * gets files of two versions.
 */
const VERSION = new URL(location.href).searchParams.get('version');
/** Caches of other pages of the same origin have other names. */
const PREFIX = `lockstep ${registration.scope} `;
const CACHE = PREFIX + VERSION;

addEventListener('install', event => event.waitUntil(fill()));
addEventListener('activate', event => event.waitUntil(removeOld().then(() => clients.claim())));
addEventListener('fetch', event => {
  const url = new URL(event.request.url);
  if (event.request.method === 'GET' && url.origin === location.origin) {
    event.respondWith(answer(event.request));
  }
});
addEventListener('message', event => event.waitUntil(takeOver()));

/** Fetches all files of this version. */
async function fill() {
  const { version, files } = await (await load('files.json')).json();
  if (version !== VERSION) {
    throw new Error(`the server has version ${version} meanwhile`);
  }
  const page = await (await load('./')).text();
  const [, policy] = page.match(/"Content-Security-Policy" content="([^"]+)"/);
  const cache = await caches.open(CACHE);
  await Promise.all(files.map(async file => {
    const loaded = await load(file);
    // The policy of the page binds a worker only if the worker's own file comes with it.
    const headers = { 'Content-Security-Policy': policy, 'Content-Type': loaded.headers.get('Content-Type') };
    await cache.put(address(file), new Response(await loaded.blob(), { headers }));
  }));
}

const address = file => new URL(file, registration.scope).href;

async function load(file) {
  const response = await fetch(address(file), { cache: 'reload' });
  if (!response.ok) {
    throw new Error(`${file}: ${response.status}`);
  }
  return response;
}

async function removeOld() {
  for (const name of await caches.keys()) {
    if (name.startsWith(PREFIX) && name !== CACHE) {
      await caches.delete(name);
    }
  }
}

/** Answers from the cache, else from the network. */
async function answer(request) {
  const cache = await caches.open(CACHE);
  const url = request.url === address('index.html') ? address('./') : request.url;
  return await cache.match(url, { ignoreSearch: true }) ?? fetch(request);
}

/** Replaces the version before, if only one tab has the page open; that one loads itself again. */
async function takeOver() {
  const windows = await clients.matchAll({ type: 'window', includeUncontrolled: true });
  if (windows.filter(({ url }) => url.startsWith(registration.scope)).length < 2) {
    await skipWaiting();
  }
}
