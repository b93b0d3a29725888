// The tabs; what is on them is in photo.js, live.js and bench.js, the work is done in worker.js.
import { supported } from "./dcelite/index.js";
import { element, say } from "./shared.js";
import { photo } from "./photo.js";
import { live } from "./live.js";
import { bench } from "./bench.js";

const tabs = [...document.querySelectorAll("[role=tab]")];

function choose(tab) {
  for (const other of tabs) {
    const isChosen = other === tab;
    other.setAttribute("aria-selected", String(isChosen));
    other.tabIndex = isChosen ? 0 : -1;
    element(other.getAttribute("aria-controls")).hidden = !isChosen;
  }
  if (tab.id !== "tab-live") parts.live.stop();
}

for (const [i, tab] of tabs.entries()) {
  tab.addEventListener("click", () => choose(tab));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = event.key === "Home" ? 0 : event.key === "End" ? tabs.length - 1 : step && (i + step + tabs.length) % tabs.length;
    if (next === undefined) return;
    event.preventDefault();
    choose(tabs[next]);
    tabs[next].focus();
  });
}

const parts = {};
const engine = supported();
if (engine === null || typeof OffscreenCanvas !== "function") {
  for (const part of ["photo", "live", "bench"]) say(part, "This browser is too old: Chrome 91, Firefox 105, Safari 16.4 or newer is wanted.", true);
  for (const control of document.querySelectorAll("main button, main input, main select")) control.disabled = true;
} else {
  element("engine").textContent = engine === "relaxed" ? "WebAssembly with relaxed SIMD." : "WebAssembly with SIMD.";
  parts.photo = photo();
  parts.live = live();
  bench(engine);
  for (const name of ["dragover", "dragenter"]) addEventListener(name, (event) => (event.preventDefault(), document.body.classList.add("dropping")));
  addEventListener("dragleave", (event) => event.relatedTarget ?? document.body.classList.remove("dropping"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    const isVideo = file.type.startsWith("video/");
    choose(element(isVideo ? "tab-live" : "tab-photo"));
    (isVideo ? parts.live : parts.photo).open(file);
  });
  if ("serviceWorker" in navigator && isSecureContext)
    addEventListener("load", () => navigator.serviceWorker.register(`./offline.js?${engine}`).catch((error) => console.warn(`offline use: ${error}`)));
}
