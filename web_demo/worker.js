// What takes time: pictures, frames and measurements, away from the thread that draws the page.
import { Enhancer } from "./dcelite/index.js";

let before, after; // contexts of the canvases
let pixels; // of the open picture, as they were
let enhancer; // of the picture, or of the video
let reader; // a context to read frames with, where there is no VideoFrame

const context = (canvas, options) => {
  const found = canvas.getContext("2d", options);
  if (!found) throw new Error("This browser gives no canvas for the picture.");
  return found;
};

const resize = ({ canvas }, width, height) => {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
};

const set = (settings) => {
  for (const [name, value] of Object.entries(settings)) if (enhancer[name] !== value) enhancer[name] = value;
};

const handlers = {
  canvases(given) {
    before = context(given.before, { willReadFrequently: true });
    after = context(given.after);
  },

  picture({ bitmap }) {
    const { width, height } = bitmap;
    resize(before, width, height);
    before.clearRect(0, 0, width, height);
    before.drawImage(bitmap, 0, 0);
    bitmap.close();
    pixels = before.getImageData(0, 0, width, height);
    enhancer?.close(); // and with it the memory of a larger picture
    enhancer = undefined;
  },

  async enhance({ strength, denoise }) {
    enhancer ??= await Enhancer.create();
    set({ strength, denoise });
    const { width, height } = pixels;
    const begin = performance.now();
    let result = enhancer.allocate(width, height);
    result.data.set(pixels.data);
    result = enhancer.enhance(result);
    const milliseconds = performance.now() - begin;
    resize(after, width, height);
    after.putImageData(result, 0, 0);
    return { width, height, milliseconds };
  },

  save: ({ type }) => after.canvas.convertToBlob({ type, quality: 0.95 }),

  async live({ canvas }) {
    after = context(canvas, { alpha: false });
    enhancer = await Enhancer.create({ timings: true, mapInterval: 2, precision: "fast" }); // what a picture needs is the same a frame later
  },

  reset: () => enhancer.reset(),

  async frame({ frame, ...settings }) {
    set(settings);
    const begin = performance.now();
    let image;
    try {
      image = typeof VideoFrame === "function" && frame instanceof VideoFrame ? await enhancer.enhanceFrame(frame) : enhanceBitmap(frame);
    } finally {
      frame.close();
    }
    const enhanced = performance.now();
    resize(after, image.width, image.height);
    after.putImageData(image, 0, 0);
    const drawing = performance.now() - enhanced;
    const { total, network, curve, denoise } = enhancer.timings;
    return { reading: enhanced - begin - total, enhancing: total, network, curve, denoise, drawing };
  },

  async measure({ width, height, seconds }) {
    const start = performance.now();
    const mine = await Enhancer.create({ timings: true });
    const load = performance.now() - start;
    const scene = darkScene(width, height);
    const times = [], stages = { downsample: [], network: [], curve: [], denoise: [], total: [] };
    let first = 0;
    // The browser compiles anew what runs often: the first runs count for nothing.
    for (let run = -10, end = Infinity; run < 5 || performance.now() < end; ++run) {
      if (run === 0) end = performance.now() + seconds * 1000;
      const image = mine.allocate(width, height);
      image.data.set(scene);
      const begin = performance.now();
      mine.enhance(image);
      const time = performance.now() - begin;
      if (run === -10) first = time;
      if (run < 0) continue;
      times.push(time);
      for (const [name, value] of Object.entries(mine.timings)) stages[name].push(value);
    }
    const { version } = mine;
    mine.close();
    return { width, height, times, stages, load, first, version };
  },

  close: () => self.close(),
};

function enhanceBitmap(bitmap) {
  reader ??= context(new OffscreenCanvas(1, 1), { willReadFrequently: true });
  resize(reader, bitmap.width, bitmap.height);
  reader.drawImage(bitmap, 0, 0);
  return enhancer.enhance(reader.getImageData(0, 0, bitmap.width, bitmap.height));
}

// The picture of `dcelite bench`: bench/native/scene.c.
function darkScene(width, height) {
  const hash = (value) => {
    value ^= value >>> 16;
    value = Math.imul(value, 0x7feb352d);
    value ^= value >>> 15;
    value = Math.imul(value, 0x846ca68b);
    return (value ^ (value >>> 16)) >>> 0;
  };
  const levels = Array.from({ length: 9 * 9 * 3 }, (_, node) => 8 + (hash(node) % 88));
  const data = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let y = 0, index = 0; y < height; ++y) {
    const atY = Math.floor((y * 2048) / height), row = atY >> 8, partY = atY & 255;
    for (let x = 0; x < width; ++x) {
      const atX = Math.floor((x * 2048) / width), column = atX >> 8, partX = atX & 255;
      for (let c = 0; c < 3; ++c, ++index) {
        const level = (r, k) => levels[((row + r) * 9 + column + k) * 3 + c];
        const left = level(0, 0) * (256 - partY) + level(1, 0) * partY, right = level(0, 1) * (256 - partY) + level(1, 1) * partY;
        data[4 * (y * width + x) + c] = ((left * (256 - partX) + right * partX) >> 16) + (hash(index) % 16) - 8;
      }
    }
  }
  return data;
}

// One call after the other, in the order in which they came.
let last = Promise.resolve();
self.onmessage = ({ data: { id, kind, ...values } }) => {
  last = last.then(async () => {
    try {
      self.postMessage({ id, result: await handlers[kind](values) });
    } catch (error) {
      self.postMessage({ id, error: error?.message ?? String(error) });
    }
  });
};
