// node fuzz.mjs CALLS SEED: random calls of the whole package. Each gives a result or an exception with a sentence; none traps, and
// an instance that is open still makes the right picture.
import { Enhancer, enhance, curveMap, init } from "dcelite";

const [calls, seed] = process.argv.slice(2).map(Number);
let state = seed >>> 0 || 1;
const random = () => ((state ^= state << 13), (state ^= state >>> 17), (state ^= state << 5), (state >>> 0) / 2 ** 32);
const below = (n) => Math.floor(random() * n);
const pick = (list) => list[below(list.length)];
const odd = () => pick([undefined, null, NaN, -1, 0, 1, 0.5, 1e30, Infinity, "", "x", {}, [], true, 2n, Symbol("s"), () => 1, 65536, 2 ** 31, 2 ** 32, 2 ** 53]);
const share = () => (random() < 0.7 ? random() : odd());
const side = () => (random() < 0.9 ? 1 + below(70) : random() < 0.5 ? odd() : pick([1, 65535, 65536]));

function bytes(count) {
  const kind = random();
  if (kind < 0.04) return odd();
  const size = kind < 0.1 ? below(5000) : Number.isInteger(count) && count >= 0 && count < 1e6 ? count : below(100);
  const data = new (pick([Uint8ClampedArray, Uint8Array, Uint8ClampedArray, Uint8Array, Int8Array, Float32Array]))(size);
  for (let i = 0; i < size; i += 3) data[i] = below(256);
  if (random() < 0.03) structuredClone(data.buffer, { transfer: [data.buffer] }); // detached
  return random() < 0.1 ? new Uint8Array(new ArrayBuffer(size + 8), 5, size) : data;
}

function product(...values) {
  return values.every((value) => typeof value === "number") ? values.reduce((a, b) => a * b) : NaN;
}

function image() {
  if (random() < 0.03) return odd();
  const width = side(), height = side();
  return { data: bytes(product(4, width, height)), width, height };
}

function yuv() {
  if (random() < 0.03) return odd();
  const width = side(), height = side();
  const layout = random() < 0.8 ? undefined : random() < 0.3 ? odd() : [0, 1, 2].map(() => (random() < 0.1 ? odd() : { offset: pick([0, below(4000), odd()]), stride: pick([width, 70, odd()]) }));
  return { format: pick(["NV12", "I420", "NV12", "I420", odd()]), data: bytes(product(2, width, height)), width, height, layout, matrix: pick([undefined, "bt601", "bt709", "bt2020", odd()]), fullRange: pick([true, false, odd()]) };
}

function options() {
  if (random() < 0.05) return odd();
  const found = {};
  for (const name of ["strength", "denoise", "smoothing", "temporalDenoise"]) if (random() < 0.4) found[name] = share();
  if (random() < 0.3) found.scale = pick([0, 1, 2, 12, 64, odd()]);
  if (random() < 0.2) found.mapInterval = pick([1, 2, 5, odd()]);
  if (random() < 0.2) found.noiseLevel = pick([0, 5, 255, odd()]);
  if (random() < 0.2) found.timings = pick([true, false, odd()]);
  if (random() < 0.3) found.precision = pick(["exact", "fast", "fast", odd()]);
  if (random() < 0.05) found.model = bytes(below(300));
  return found;
}

const sample = { data: new Uint8ClampedArray(4 * 24 * 13).map((_, i) => (i * 5) % 70), width: 24, height: 13 };
const wanted = (await enhance(sample)).data;
const open = [];
const kinds = { results: 0, refused: 0, closed: 0 };

async function attempt(act) {
  try {
    await act();
    ++kinds.results;
  } catch (error) {
    if (!(error instanceof Error) || !error.message || /core failed|unreachable|out of bounds memory/.test(error.message)) throw error;
    ++kinds[error.message === "Enhancer: is closed" ? "closed" : "refused"];
  }
}

for (let call = 0; call < calls; ++call) {
  const kind = below(100);
  const one = pick(open);
  if (open.length === 0 || kind < 3) await attempt(async () => void open.push(await Enhancer.create(random() < 0.5 ? {} : options())));
  else if (kind < 5) await attempt(() => open.length > 3 && open.splice(below(open.length), 1)[0].close());
  else if (kind < 6) await attempt(() => one.close()); // stays in the list, closed
  else if (kind < 10) await attempt(() => enhance(image(), random() < 0.5 ? undefined : options()));
  else if (kind < 12) await attempt(() => curveMap(image()));
  else if (kind < 13) await attempt(() => init(random() < 0.5 ? undefined : pick([null, 5, new Uint8Array(3), "nowhere://x", {}])));
  else if (kind < 45) await attempt(() => one.enhance(image()));
  else if (kind < 60) await attempt(() => one.enhanceYuv(yuv()));
  else if (kind < 72) await attempt(() => one.enhanceToRgba(yuv()));
  else if (kind < 76) await attempt(() => one.enhanceFrame(odd()));
  else if (kind < 82) await attempt(() => one.curveMap(image()));
  else if (kind < 90) await attempt(() => (one[pick(["strength", "denoise", "smoothing", "temporalDenoise"])] = share()));
  else if (kind < 93) await attempt(() => one.allocate(side() % 300, side()));
  else if (kind < 95) await attempt(() => one.reset());
  else if (kind < 97) await attempt(() => [one.timings, one.model, one.version, one.strength]);
  else await attempt(() => new Enhancer(odd()));
  while (open.length > 8) open.shift().close();
  if (call % 200 === 0) {
    const healthy = open.filter((enhancer) => !enhancer.closed);
    for (const enhancer of healthy) {
      for (const name of ["denoise", "temporalDenoise", "smoothing"]) enhancer[name] = 0;
      enhancer.strength = 1;
      enhancer.reset();
      const result = enhancer.enhance({ ...sample, data: sample.data.slice() });
      const { scale } = enhancer.model, bound = enhancer.precision === "fast" ? 2 : 0;
      if (scale === 12) for (let i = 0; i < wanted.length; ++i) if (Math.abs(result.data[i] - wanted[i]) > bound) throw new Error(`call ${call}: value ${i} is ${result.data[i]}, ${wanted[i]} was wanted`);
    }
  }
}
console.log(`${calls} calls: ${kinds.results} results, ${kinds.refused} refused, ${kinds.closed} on closed objects`);
