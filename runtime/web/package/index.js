// dcelite for browsers, workers, Node and what is like them: see index.d.ts.

const RGBA = 2, NV12 = 5, I420 = 7; // dce_format of dcelite.h
const MATRICES = { bt601: 0, smpte170m: 0, bt470bg: 0, bt709: 2, bt2020: 4, "bt2020-ncl": 4 }; // dce_matrix of limited range
const OPTIONS = ["strength", "denoise", "smoothing", "temporalDenoise"]; // web_set of exports.cpp
const PRECISIONS = ["exact", "fast"]; // dce_precision
const LARGEST = 65535; // pixels of a side
const MOST_BYTES = 2 ** 31; // of an image
const STAGES = ["total", "downsample", "network", "curve", "denoise"];

// Modules that hold one instruction: f32x4.add, and f32x4.relaxed_madd.
const probe = (...code) => {
  const vectors = [0x41, 0, 0xfd, 0x0f, 0x41, 0, 0xfd, 0x0f, 0x41, 0, 0xfd, 0x0f];
  const body = [0, ...vectors, ...code, 0x0b];
  return WebAssembly.validate(
    new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 5, 1, 0x60, 0, 1, 0x7b, 3, 2, 1, 0, 10, body.length + 2, 1, body.length, ...body]),
  );
};

/** What this engine runs: "relaxed", "simd", or null. */
export function supported() {
  if (typeof WebAssembly !== "object") return null;
  if (probe(0xfd, 0x85, 0x02)) return "relaxed";
  return probe(0xfd, 0xe4, 0x01, 0xfd, 0xe4, 0x01) ? "simd" : null;
}

let compiled; // the promise of a module, the only thing that calls share

async function compile(source) {
  const given = await source;
  if (given instanceof WebAssembly.Module) return given;
  if (given instanceof ArrayBuffer || ArrayBuffer.isView(given)) return WebAssembly.compile(given);
  if (typeof Response === "function" && given instanceof Response) {
    if (!given.ok) throw new Error(`${given.url || "dcelite.wasm"}: HTTP status ${given.status}`);
    // A server that does not know the type of the file is no reason to fail: streaming is all that is lost.
    const streams = WebAssembly.compileStreaming && /^application\/wasm\b/.test(given.headers.get("content-type") ?? "");
    return streams ? WebAssembly.compileStreaming(given) : WebAssembly.compile(await given.arrayBuffer());
  }
  if (given instanceof URL || typeof given === "string") {
    const url = new URL(given, globalThis.location?.href ?? import.meta.url);
    if (url.protocol !== "file:" || globalThis.location?.protocol === "file:") return compile(fetch(url));
    const { readFile } = await import(/* webpackIgnore: true */ /* @vite-ignore */ "node:fs/promises");
    return WebAssembly.compile(await readFile(url));
  }
  throw new TypeError(`init: ${describe(given)}, a WebAssembly.Module, bytes, a Response or a URL was wanted`);
}

function shipped() {
  switch (supported()) {
    case "relaxed": return new URL("./dcelite_relaxed.wasm", import.meta.url);
    case "simd": return new URL("./dcelite.wasm", import.meta.url);
  }
  throw new Error("dcelite: this engine has no WebAssembly with SIMD (Chrome 91, Firefox 89, Safari 16.4, Node 18 or newer was wanted)");
}

/** Compiles the WebAssembly, once; the others call it by themselves. */
export async function init(source) {
  if (source === undefined && compiled) return void (await compiled);
  if (compiled) {
    const next = await compile(source);
    compiled = Promise.resolve(next);
    return;
  }
  const pending = compile(source ?? shipped());
  compiled = pending;
  try {
    await pending;
  } catch (error) {
    if (compiled === pending) compiled = undefined; // the next call tries again
    throw error;
  }
}

async function module() {
  await init();
  return compiled;
}

const describe = (value) => (typeof value === "string" ? `"${value}"` : value === null ? "null" : typeof value === "object" ? (value.constructor?.name ?? "object") : String(value));

function integer(value, name, least, most) {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`${name}: ${describe(value)}, ${least} to ${most} was wanted`);
}

function number(value, name) {
  if (typeof value === "number" && !Number.isNaN(value)) return value;
  throw new TypeError(`${name}: ${describe(value)}, a number was wanted`);
}

const isBytes = (data) => data instanceof Uint8ClampedArray || data instanceof Uint8Array;

// The bytes of an RGBA image of which nothing is taken for granted.
function pixels(image) {
  if (typeof image !== "object" || image === null) throw new TypeError(`image: ${describe(image)}, an ImageData was wanted`);
  const { data, width, height } = image;
  integer(width, "width", 1, LARGEST);
  integer(height, "height", 1, LARGEST);
  if (!isBytes(data)) throw new TypeError(`image.data: ${describe(data)}, a Uint8ClampedArray or Uint8Array was wanted`);
  const bytes = 4 * width * height;
  if (data.length !== bytes) throw new RangeError(`image.data: ${data.length} bytes, ${bytes} (4 x ${width} x ${height}) were wanted${data.length ? "" : "; is it detached?"}`);
  return { data, width, height, bytes };
}

// The planes of a YUV image: offsets and strides within its bytes.
function planes(image) {
  if (typeof image !== "object" || image === null) throw new TypeError(`image: ${describe(image)}, an image in NV12 or I420 was wanted`);
  const { format, data, width, height, layout, matrix, fullRange = false } = image;
  if (format !== "NV12" && format !== "I420") throw new TypeError(`format: ${describe(format)}, "NV12" or "I420" was wanted`);
  integer(width, "width", 1, LARGEST);
  integer(height, "height", 1, LARGEST);
  if (!isBytes(data)) throw new TypeError(`image.data: ${describe(data)}, a Uint8Array was wanted`);
  const wide = (width + 1) >> 1, high = (height + 1) >> 1;
  const rows = format === "NV12" ? [[width, height], [2 * wide, high]] : [[width, height], [wide, high], [wide, high]];
  let next = 0;
  const found = rows.map(([bytes, count], p) => {
    if (layout !== undefined && (!layout?.[p] || typeof layout[p] !== "object")) throw new TypeError(`layout: ${describe(layout)}, ${rows.length} planes were wanted`);
    const offset = integer(layout?.[p].offset ?? next, `layout[${p}].offset`, 0, MOST_BYTES);
    const stride = integer(layout?.[p].stride ?? bytes, `layout[${p}].stride`, bytes, MOST_BYTES);
    next = offset + stride * (count - 1) + bytes;
    if (next > data.length) throw new RangeError(`image.data: ${data.length} bytes, ${next} were wanted for plane ${p} of ${width} x ${height}`);
    return { offset, stride };
  });
  const name = matrix ?? (height < 720 ? "bt601" : "bt709");
  if (!Object.hasOwn(MATRICES, name)) throw new RangeError(`matrix: ${describe(name)}, one of ${Object.keys(MATRICES).join(", ")} was wanted`);
  return { format: format === "NV12" ? NV12 : I420, data, width, height, planes: found, matrix: MATRICES[name] + (fullRange ? 1 : 0) };
}

// ImageData is not there in Node, where a plain object of the same fields stands for it.
const imageData = (data, width, height, colorSpace = "srgb") => (typeof ImageData === "function" ? new ImageData(data, width, height, { colorSpace }) : { data, width, height, colorSpace });

/** A model, and what stays between the frames of a video; with an instance and a memory of its own. */
export class Enhancer {
  #core; // the instance's exports; null: closed
  #handle = 0;
  #values = { strength: 1, denoise: 0, smoothing: 0, temporalDenoise: 0 };
  #buffers = [{ address: 0, bytes: 0 }, { address: 0, bytes: 0 }]; // of sources and results, which grow
  #scratch = 0;
  #busy = false;
  #precision = "exact";

  constructor(core) {
    if (typeof core?.open !== "function") throw new TypeError("Enhancer: Enhancer.create(options) was wanted");
    this.#core = core;
  }

  static async create(options = {}) {
    if (typeof options !== "object" || options === null) throw new TypeError(`options: ${describe(options)}, an object was wanted`);
    const { exports } = await WebAssembly.instantiate(await module(), { host: { now: () => performance.now() } });
    exports._initialize();
    const enhancer = new Enhancer(exports);
    enhancer.#open(options);
    return enhancer;
  }

  #open({ model, scale = 0, mapInterval = 1, noiseLevel = 0, timings = false, precision = "exact", ...options }) {
    const core = this.#core;
    const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
    if (unknown) throw new TypeError(`options: ${describe(unknown)} is unknown`);
    integer(scale, "scale", 0, 64);
    integer(mapInterval, "mapInterval", 1, 2 ** 31 - 1);
    number(noiseLevel, "noiseLevel");
    if (!PRECISIONS.includes(precision)) throw new RangeError(`precision: ${describe(precision)}, "exact" or "fast" was wanted`);
    this.#scratch = core.allocate(64);
    let address = 0, size = 0;
    if (model !== undefined) {
      if (!(model instanceof ArrayBuffer || ArrayBuffer.isView(model))) throw new TypeError(`model: ${describe(model)}, the bytes of a .dce file were wanted`);
      const bytes = model instanceof ArrayBuffer ? new Uint8Array(model) : new Uint8Array(model.buffer, model.byteOffset, model.byteLength);
      size = bytes.length;
      if (!size) throw new RangeError("model: no bytes, those of a .dce file were wanted");
      address = this.#allocate(size, "a model");
      new Uint8Array(core.memory.buffer, address, size).set(bytes);
    }
    this.#handle = core.open(address, size, scale, mapInterval, noiseLevel, timings ? 1 : 0, PRECISIONS.indexOf(precision));
    core.release(address);
    this.#precision = precision;
    const message = this.#message();
    if (message) throw new Error(message);
    for (const name of OPTIONS) if (options[name] !== undefined) this.#set(name, options[name]);
  }

  #text(start) {
    const bytes = new Uint8Array(this.#core.memory.buffer);
    return new TextDecoder().decode(bytes.subarray(start, bytes.indexOf(0, start)));
  }

  #message() {
    return this.#text(this.#core.message(this.#handle));
  }

  // Calls the core with the handle. What traps leaves an instance in no defined state, which is given up then.
  #call(name, ...values) {
    this.#check();
    let status;
    try {
      status = this.#core[name](this.#handle, ...values);
    } catch (error) {
      this.#core = null;
      throw new Error(`dcelite: the core failed (${error?.message ?? error}), and is closed`, { cause: error });
    }
    if (status === 0) return;
    const message = this.#message();
    throw status === -1 ? new RangeError(message) : new Error(message);
  }

  #check() {
    if (!this.#core) throw new Error("Enhancer: is closed");
    if (this.#busy) throw new Error("Enhancer: is busy with a VideoFrame, whose promise was to be awaited");
  }

  #allocate(bytes, what) {
    const address = this.#core.allocate(bytes) >>> 0;
    if (!address) throw new Error(`no memory for ${what}, ${bytes} bytes`);
    return address;
  }

  // Memory for a source (0) or a result (1), kept for the next frame.
  #reserve(index, bytes) {
    if (bytes > MOST_BYTES) throw new RangeError(`image: ${bytes} bytes, ${MOST_BYTES} at most were wanted`);
    const buffer = this.#buffers[index];
    if (buffer.bytes < bytes) {
      this.#core.release(buffer.address);
      buffer.bytes = buffer.address = 0;
      buffer.address = this.#allocate(bytes, "an image");
      buffer.bytes = bytes;
    }
    return buffer.address;
  }

  #view(address, bytes) {
    return new Uint8ClampedArray(this.#core.memory.buffer, address, bytes);
  }

  // Tells the core where the planes of a source (0) or a result (1) are.
  #place(index, addresses, strides) {
    const words = new Int32Array(this.#core.memory.buffer, this.#core.planes() + 24 * index, 6);
    for (let p = 0; p < 3; ++p) {
      words[p] = addresses[p] ?? 0;
      words[3 + p] = strides[p] ?? 0;
    }
  }

  #enhanceRgba(address, width, height) {
    this.#place(0, [address], [4 * width]);
    this.#place(1, [address], [4 * width]);
    this.#call("enhance", RGBA, RGBA, width, height, 0);
  }

  #set(name, value) {
    this.#call("set", OPTIONS.indexOf(name), number(value, name));
    this.#values[name] = value;
  }

  get strength() { return this.#values.strength; }
  set strength(value) { this.#set("strength", value); }
  get denoise() { return this.#values.denoise; }
  set denoise(value) { this.#set("denoise", value); }
  get smoothing() { return this.#values.smoothing; }
  set smoothing(value) { this.#set("smoothing", value); }
  get temporalDenoise() { return this.#values.temporalDenoise; }
  set temporalDenoise(value) { this.#set("temporalDenoise", value); }

  get precision() { return this.#precision; }
  get closed() { return this.#core === null; }

  get model() {
    this.#call("information", this.#scratch);
    const [architecture, channels, scale, parameters] = new Int32Array(this.#core.memory.buffer, this.#scratch, 4);
    return { architecture: ["", "zerodcepp", "zerodce", "zerodcepp_scene"][architecture], channels, scale, parameters };
  }

  get version() {
    this.#check();
    return this.#text(this.#core.version());
  }

  get timings() {
    this.#call("timings", this.#scratch);
    const values = new Float64Array(this.#core.memory.buffer, this.#scratch, STAGES.length);
    return Object.fromEntries(STAGES.map((name, i) => [name, values[i]]));
  }

  allocate(width, height) {
    this.#check();
    integer(width, "width", 1, LARGEST);
    integer(height, "height", 1, LARGEST);
    const bytes = 4 * width * height;
    return imageData(this.#view(this.#reserve(0, bytes), bytes), width, height);
  }

  enhance(image) {
    this.#check();
    const { data, width, height, bytes } = pixels(image);
    const address = this.#reserve(0, bytes);
    const isOurs = data.buffer === this.#core.memory.buffer && data.byteOffset === address;
    if (!isOurs) this.#view(address, bytes).set(data);
    this.#enhanceRgba(address, width, height);
    if (!isOurs) data.set(this.#view(address, bytes));
    // Memory that grew during the call has detached the view that was given.
    return data.length ? image : imageData(this.#view(address, bytes), width, height);
  }

  // Copies a YUV image to the core; returns its planes there.
  #placeYuv(source) {
    const address = this.#reserve(0, source.data.length);
    if (source.data.byteOffset !== address || source.data.buffer !== this.#core.memory.buffer) this.#view(address, source.data.length).set(source.data);
    return [source.planes.map((plane) => address + plane.offset), source.planes.map((plane) => plane.stride)];
  }

  enhanceYuv(image) {
    this.#check();
    const source = planes(image);
    const [addresses, strides] = this.#placeYuv(source);
    this.#place(0, addresses, strides);
    this.#place(1, addresses, strides);
    this.#call("enhance", source.format, source.format, source.width, source.height, source.matrix);
    source.data.set(this.#view(this.#buffers[0].address, source.data.length));
    return image;
  }

  enhanceToRgba(image) {
    this.#check();
    const source = planes(image);
    const { width, height } = source;
    const result = this.#reserve(1, 4 * width * height); // first, since what moves memory detaches views
    const [addresses, strides] = this.#placeYuv(source);
    this.#place(0, addresses, strides);
    this.#place(1, [result], [4 * width]);
    this.#call("enhance", source.format, RGBA, width, height, source.matrix);
    return imageData(this.#view(result, 4 * width * height), width, height);
  }

  async enhanceFrame(frame) {
    this.#check();
    if (typeof VideoFrame !== "function" || !(frame instanceof VideoFrame)) throw new TypeError(`frame: ${describe(frame)}, a VideoFrame was wanted`);
    const { width, height } = frame.visibleRect ?? { width: 0, height: 0 };
    if (!width) throw new RangeError("frame: is closed");
    try {
      // Browsers convert in a fifth of the time that YUV takes here, where every pixel becomes three floats.
      await this.#read(frame, frame.format === "RGBA" ? {} : { format: "RGBA" });
    } catch (error) {
      if (this.#core && (frame.format === "NV12" || frame.format === "I420")) return this.#enhanceYuvFrame(frame, width, height);
      throw error;
    }
    const address = this.#buffers[0].address;
    this.#enhanceRgba(address, width, height);
    return imageData(this.#view(address, 4 * width * height), width, height);
  }

  // A frame's bytes, into the memory for sources; returns how they lie there.
  async #read(frame, options) {
    this.#check();
    const bytes = frame.allocationSize(options);
    const address = this.#reserve(0, bytes);
    const data = new Uint8Array(this.#core.memory.buffer, address, bytes);
    this.#busy = true;
    try {
      return { data, layout: await frame.copyTo(data, options) };
    } finally {
      this.#busy = false;
    }
  }

  // Where a browser does not convert.
  async #enhanceYuvFrame(frame, width, height) {
    this.#reserve(1, 4 * width * height); // at once: what moves memory detaches views
    const { matrix, fullRange } = frame.colorSpace, { format } = frame;
    const { data, layout } = await this.#read(frame, {});
    return this.enhanceToRgba({ format, data, width, height, layout, matrix: Object.hasOwn(MATRICES, matrix) ? matrix : undefined, fullRange: fullRange ?? false });
  }

  curveMap(image) {
    this.#check();
    const { data, width, height, bytes } = pixels(image);
    this.#call("map_size", width, height, this.#scratch);
    const [mapWidth, mapHeight, channels] = new Int32Array(this.#core.memory.buffer, this.#scratch, 3);
    const floats = mapWidth * mapHeight * channels;
    const address = this.#reserve(0, bytes), map = this.#reserve(1, 4 * floats);
    this.#view(address, bytes).set(data);
    this.#place(0, [address], [4 * width]);
    this.#call("curve_map", RGBA, width, height, map, floats);
    return { data: new Float32Array(this.#core.memory.buffer, map, floats).slice(), width: mapWidth, height: mapHeight, channels };
  }

  reset() {
    this.#call("reset");
  }

  close() {
    if (this.#busy) throw new Error("Enhancer: is busy with a VideoFrame, whose promise was to be awaited");
    this.#core = null; // and with it the memory
  }
}
if (Symbol.dispose) Enhancer.prototype[Symbol.dispose] = Enhancer.prototype.close;

/** A brighter copy of a photograph. */
export async function enhance(image, options) {
  const { data, width, height } = pixels(image);
  const copy = new Uint8ClampedArray(data); // before anything is awaited
  const enhancer = await Enhancer.create(options);
  try {
    return enhancer.enhance(imageData(copy, width, height, image.colorSpace));
  } finally {
    enhancer.close();
  }
}

/** The curve map of a photograph. */
export async function curveMap(image, options) {
  pixels(image);
  const enhancer = await Enhancer.create(options);
  try {
    return enhancer.curveMap(image);
  } finally {
    enhancer.close();
  }
}
