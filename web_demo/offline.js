// Keeps the page for use without network. The build writes its files and their digest into this one: a new page has a new cache.
const VERSION = "VERSION";
const FILES = ["FILES"];
const CACHE = `dcelite-${VERSION}`;
const OTHER = self.location.search === "?relaxed" ? "dcelite/dcelite.wasm" : "dcelite/dcelite_relaxed.wasm"; // which this browser leaves alone

self.addEventListener("install", (event) => {
  const files = ["./", ...FILES.filter((file) => file !== OTHER)];
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(files)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (name) => name.startsWith("dcelite-") && name !== CACHE;
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name)))).then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  if (event.request.method !== "GET" || new URL(event.request.url).origin !== self.location.origin) return;
  event.respondWith(caches.open(CACHE).then((cache) => cache.match(event.request, { ignoreSearch: true })).then((found) => found ?? fetch(event.request)));
});
