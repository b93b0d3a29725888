// One picture through dcelite and through ONNX graphs in onnxruntime-web, in turns, one thread each: see peer.py.
import * as ort from "./ort/ort.wasm.min.mjs";
import { Enhancer, supported } from "./dcelite/index.js";

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = new URL("./ort/", import.meta.url).href;

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

// graphs: their files, each with 8 bits in and out. pixels: RGB. Returns times by name, and how the pictures differ.
window.measure = async ({ graphs, picture, width, height, rounds, warmUp, options }) => {
  const rgb = new Uint8Array(await (await fetch(picture)).arrayBuffer());
  const rgba = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let i = 0, k = 0; k < rgb.length; i += 4) for (let c = 0; c < 3; ++c) rgba[i + c] = rgb[k++];
  const enhancer = await Enhancer.create(options);
  const runs = {
    // As the other one, from the page's memory into that of the instance; what comes out stays there.
    dcelite: async () => {
      const image = enhancer.allocate(width, height);
      image.data.set(rgba);
      return enhancer.enhance(image).data;
    },
  };
  for (const graph of graphs) {
    const session = await ort.InferenceSession.create(new Uint8Array(await (await fetch(graph)).arrayBuffer()), { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
    const [input] = session.inputNames, [output] = session.outputNames;
    runs[graph] = async () => {
      const found = await session.run({ [input]: new ort.Tensor("uint8", rgb, [1, height, width, 3]) });
      return found[output].data;
    };
  }
  const times = Object.fromEntries(Object.keys(runs).map((name) => [name, []]));
  const pictures = {};
  for (let round = -warmUp; round < rounds; ++round)
    for (const [name, run] of Object.entries(runs)) {
      const begin = performance.now();
      const result = await run();
      const time = performance.now() - begin;
      if (round >= 0) times[name].push(time);
      else pictures[name] = result.slice();
    }
  const differences = {};
  for (const graph of graphs) {
    let different = 0, largest = 0;
    for (let i = 0, k = 0; k < rgb.length; i += 4)
      for (let c = 0; c < 3; ++c, ++k) {
        const difference = Math.abs(pictures.dcelite[i + c] - pictures[graph][k]);
        different += difference !== 0;
        largest = Math.max(largest, difference);
      }
    differences[graph] = { equal: 1 - different / rgb.length, largest };
  }
  enhancer.close();
  return { engine: supported(), threads: ort.env.wasm.numThreads, simd: ort.env.wasm.simd ?? true, medians: Object.fromEntries(Object.entries(times).map(([name, values]) => [name, median(values)])), times, differences };
};
document.title = "ready";
