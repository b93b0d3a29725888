// One picture through dcelite and through ONNX graphs in onnxruntime-web, in turns, one thread each: see peer.py.
import * as ort from "./ort/ort.wasm.min.mjs";
import { Enhancer, supported } from "./dcelite/index.js";

ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = new URL("./ort/", import.meta.url).href;

const runs = {};

// graphs: their files, each with 8 bits in and out; picture: RGB. Readies all, with a few runs; returns how the pictures differ.
window.prepare = async ({ graphs, picture, width, height, options }) => {
  const rgb = new Uint8Array(await (await fetch(picture)).arrayBuffer());
  const rgba = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let i = 0, k = 0; k < rgb.length; i += 4) for (let c = 0; c < 3; ++c) rgba[i + c] = rgb[k++];
  for (const precision of ["exact", "fast"]) {
    const enhancer = await Enhancer.create({ ...options, precision });
    // As the others, from the page's memory into that of the instance; what comes out stays there.
    runs[precision] = async () => {
      const image = enhancer.allocate(width, height);
      image.data.set(rgba);
      return enhancer.enhance(image).data;
    };
  }
  // A frame of a camera, read, enhanced as the page does it, and drawn.
  const camera = await Enhancer.create({ mapInterval: 2, precision: "fast" });
  const context = new OffscreenCanvas(width, height).getContext("2d", { alpha: false });
  const yuv = new Uint8Array(width * height + 2 * ((width + 1) >> 1) * ((height + 1) >> 1)).fill(128);
  for (let i = 0; i < width * height; ++i) yuv[i] = 16 + (rgb[3 * i + 1] * 219) / 255;
  const frame = new VideoFrame(yuv, { format: "NV12", codedWidth: width, codedHeight: height, timestamp: 0 });
  runs.camera = async () => context.putImageData(await camera.enhanceFrame(frame), 0, 0);
  for (const graph of graphs) {
    const bytes = new Uint8Array(await (await fetch(graph)).arrayBuffer());
    const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
    const [input] = session.inputNames, [output] = session.outputNames;
    runs[graph] = async () => {
      const found = await session.run({ [input]: new ort.Tensor("uint8", rgb, [1, height, width, 3]) });
      return found[output].data;
    };
  }
  const pictures = {}, differences = {};
  for (const [name, run] of Object.entries(runs)) for (let i = 0; i < 5; ++i) pictures[name] = (await run())?.slice();
  for (const graph of graphs) {
    let different = 0, largest = 0;
    for (let i = 0, k = 0; k < rgb.length; i += 4)
      for (let c = 0; c < 3; ++c, ++k) {
        const difference = Math.abs(pictures.exact[i + c] - pictures[graph][k]);
        different += difference !== 0;
        largest = Math.max(largest, difference);
      }
    differences[graph] = { equal: 1 - different / rgb.length, largest };
  }
  return { engine: supported(), threads: ort.env.wasm.numThreads, differences };
};

// Milliseconds of so many runs, one after the other.
window.time = async ({ name, count }) => {
  const times = [];
  for (let i = 0; i < count; ++i) {
    const begin = performance.now();
    await runs[name]();
    times.push(performance.now() - begin);
  }
  return times;
};
document.title = "ready";
