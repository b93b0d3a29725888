// The benchmark: sizes one after the other, in a worker of its own; what was measured as text, and as JSON for `dcelite bench --from`.
import { Caller, download, element, say } from "./shared.js";
import { samples } from "./samples.js";

const SIZES = [[640, 480], [1280, 720], [1200, 900], [1920, 1080], [3840, 2160]];

export function bench(engine) {
  let rows = [], document_ = null;

  async function run() {
    element("bench-run").disabled = true;
    element("bench-rows").replaceChildren();
    rows = [];
    const begin = Date.now();
    try {
      const worker = new Caller();
      for (const [width, height] of SIZES) {
        say("bench", `Measuring ${width} × ${height} …`);
        rows.push(await worker.call("measure", { width, height, seconds: 1.5 }));
        show(rows.at(-1));
      }
      await worker.call("close");
      document_ = samples(rows, { engine, begin, end: Date.now(), version: rows[0].version });
      for (const id of ["bench-text", "bench-json"]) element(id).disabled = false;
      say("bench", "Measured. Other programs and a hot device make it slower.");
    } catch (error) {
      say("bench", error.message, true);
    }
    element("bench-run").disabled = false;
  }

  function cells({ width, height, times, stages }) {
    const sorted = [...times].sort((a, b) => a - b);
    const median = sorted[sorted.length >> 1];
    const mean = (name) => stages[name].reduce((sum, value) => sum + value, 0) / stages[name].length;
    return [`${width} × ${height}`, `${median.toFixed(2)} ms`, `${sorted[0].toFixed(2)} ms`, (1000 / median).toFixed(0), `${mean("network").toFixed(2)} ms`, `${mean("curve").toFixed(2)} ms`];
  }

  function show(row) {
    const line = element("bench-rows").insertRow();
    for (const text of cells(row)) line.insertCell().textContent = text;
  }

  function text() {
    const head = ["size", "median", "shortest", "frames/s", "network", "curve"];
    const lines = [head, ...rows.map(cells)].map((line) => line.map((cell, i) => cell.padStart(i ? 11 : 0).padEnd(i ? 0 : 13)).join(""));
    return [`dcelite ${rows[0].version}, WebAssembly (${engine}), one thread`, navigator.userAgent, ...lines, ""].join("\n");
  }

  element("bench-run").addEventListener("click", run);
  element("bench-text").addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text());
      say("bench", "Copied.");
    } catch {
      download(new Blob([text()], { type: "text/plain" }), "dcelite_bench.txt");
    }
  });
  element("bench-json").addEventListener("click", () => download(new Blob([JSON.stringify(document_, null, 1)], { type: "application/json" }), "dcelite_bench.json"));
}
