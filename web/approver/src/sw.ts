/**
 * The service worker: it keeps the files of one build and answers from them.
 * It never touches the API: what it must not show stale, it does not hold.
 */
/// <reference lib="webworker" />

// Written in by the build: the version and the files of the shell.
declare const ASSENT_VERSION: string;
declare const ASSENT_FILES: string[];

const worker = self as unknown as ServiceWorkerGlobalScope;
const home = new URL("./", worker.location.href);
const cacheName = `assent ${home.pathname} ${ASSENT_VERSION}`;
const files = new Set(ASSENT_FILES.map((file) => new URL(file, home).href));

worker.addEventListener("install", (event) => {
  event.waitUntil(keep().then(() => worker.skipWaiting()));
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(forgetOlder().then(() => worker.clients.claim()));
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  const shell = request.mode === "navigate" && request.url.startsWith(home.href);
  if (request.method !== "GET" || !(shell || files.has(request.url))) return;
  event.respondWith(fromCache(shell ? home.href : request.url, request));
});

async function keep(): Promise<void> {
  const cache = await caches.open(cacheName);
  const hashed = [...files].filter((file) => file.includes("/assets/"));
  const others = [...files].filter((file) => !file.includes("/assets/"));
  // Files with a hash in their name come from the browser's own cache: the page has just loaded them.
  await cache.addAll([...hashed, ...others.map((file) => new Request(file, { cache: "no-cache" }))]);
}

/** Caches of other realms on this origin are theirs. */
async function forgetOlder(): Promise<void> {
  const names = await caches.keys();
  const older = names.filter((name) => name.startsWith(`assent ${home.pathname} `) && name !== cacheName);
  await Promise.all(older.map((name) => caches.delete(name)));
}

async function fromCache(address: string, request: Request): Promise<Response> {
  const cache = await caches.open(cacheName);
  return (await cache.match(address)) ?? fetch(request);
}
