// The package's own tests: node --test.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import test from "node:test";
import { Worker } from "node:worker_threads";
import * as dcelite from "dcelite";

const { Enhancer, enhance, curveMap, init, supported } = dcelite;
const dark = (width, height) => ({ data: new Uint8ClampedArray(4 * width * height).map((_, i) => (i % 4 === 3 ? i % 251 : (i * 7) % 60)), width, height });
const file = (name) => readFile(createRequire(import.meta.url).resolve(`dcelite/${name}`));

test("a copy is brighter, and alpha stays", async () => {
  const image = dark(61, 47), before = image.data.slice();
  const result = await enhance(image);
  assert.deepEqual(image.data, before);
  assert.equal(result.width, 61);
  assert.equal(result.height, 47);
  let darker = 0, sum = 0;
  for (let i = 0; i < before.length; ++i) {
    if (i % 4 === 3) assert.equal(result.data[i], before[i]);
    else (darker += result.data[i] < before[i]), (sum += result.data[i] - before[i]);
  }
  assert.ok(sum > 10 * before.length && darker < before.length / 100, `${sum} ${darker}`);
});

test("strength 0 is the identity", async () => {
  const image = dark(40, 30);
  assert.deepEqual((await enhance(image, { strength: 0 })).data, image.data);
});

test("frames in place, in the instance's memory, and views with an offset", async () => {
  const enhancer = await Enhancer.create();
  const image = dark(80, 50), wanted = (await enhance(image)).data;
  const own = enhancer.allocate(80, 50);
  own.data.set(image.data);
  assert.deepEqual(enhancer.enhance(own).data, wanted);
  const given = new Uint8Array(image.data.length + 3).subarray(3);
  given.set(image.data);
  const held = { data: given, width: 80, height: 50 };
  assert.equal(enhancer.enhance(held), held);
  assert.deepEqual(new Uint8ClampedArray(given), wanted);
  enhancer.close();
});

test("what may change between frames, and what is refused", async () => {
  const enhancer = await Enhancer.create({ strength: 0.5, timings: true });
  assert.equal(enhancer.strength, 0.5);
  enhancer.denoise = 1;
  assert.throws(() => (enhancer.strength = 2), { name: "RangeError", message: "strength: 2, 0 to 1 was wanted" });
  assert.throws(() => (enhancer.denoise = "much"), { name: "TypeError", message: 'denoise: "much", a number was wanted' });
  assert.equal(enhancer.strength, 0.5);
  enhancer.enhance(dark(100, 100));
  const times = enhancer.timings;
  assert.deepEqual(Object.keys(times), ["total", "downsample", "network", "curve", "denoise"]);
  assert.ok(times.total > 0 && times.total >= times.network + times.curve && times.denoise > 0, JSON.stringify(times));
  assert.deepEqual(enhancer.model, { architecture: "zerodcepp_scene", channels: 3, scale: 12, parameters: 12225 });
  assert.match(enhancer.version, /^\d+\.\d+\.\d+$/);
  enhancer.close();
  enhancer.close();
  assert.ok(enhancer.closed);
  for (const use of [() => enhancer.enhance(dark(4, 4)), () => (enhancer.strength = 1), () => enhancer.timings, () => enhancer.reset(), () => enhancer.allocate(4, 4)])
    assert.throws(use, { message: "Enhancer: is closed" });
  const plain = await Enhancer.create();
  assert.throws(() => plain.timings, RangeError);
});

test("wrong arguments are named", async () => {
  const image = dark(8, 8);
  const wrong = [
    [() => enhance(null), TypeError, /image: null/],
    [() => enhance({ data: image.data, width: 8, height: 9 }), RangeError, /256 bytes, 288 \(4 x 8 x 9\)/],
    [() => enhance({ data: image.data, width: 8.5, height: 8 }), RangeError, /width: 8.5, 1 to 65535/],
    [() => enhance({ data: image.data, width: 0, height: 8 }), RangeError, /width: 0/],
    [() => enhance({ data: [...image.data], width: 8, height: 8 }), TypeError, /image\.data: Array/],
    [() => enhance({ data: new Float32Array(256), width: 8, height: 8 }), TypeError, /Float32Array/],
    [() => enhance(image, { smoothing: 1 }), RangeError, /smoothing: 1, 0 \(off\) to less than 1/],
    [() => enhance(image, { strenght: 1 }), TypeError, /"strenght" is unknown/],
    [() => enhance(image, { precision: "rough" }), RangeError, /precision: "rough", "exact" or "fast"/],
    [() => enhance(image, { scale: 65 }), RangeError, /scale: 65, 0 to 64/],
    [() => enhance(image, { noiseLevel: 300 }), Error, /noise_level: 300/],
    [() => enhance(image, { model: new Uint8Array(0) }), RangeError, /no bytes/],
    [() => enhance(image, { model: new Uint8Array(100) }), Error, /model_data/],
    [() => enhance(image, { model: "shipped" }), TypeError, /"shipped", the bytes/],
    [() => enhance(image, null), TypeError, /options: null/],
    [() => init(7), TypeError, /init: 7/],
    [() => init(new Uint8Array(8)), WebAssembly.CompileError, /./],
  ];
  for (const [call, kind, message] of wrong)
    await assert.rejects(call, (error) => {
      assert.ok(error instanceof kind && message.test(error.message) && !/undefined/.test(error.message), `${error.name}: ${error.message}`);
      return true;
    });
  const enhancer = await Enhancer.create();
  const yuv = { format: "NV12", data: new Uint8Array(96), width: 8, height: 8 };
  for (const [change, message] of [
    [{ format: "NV21" }, /format: "NV21"/], [{ height: 10 }, /96 bytes, 120 were wanted for plane 1/], [{ matrix: "rgb" }, /matrix: "rgb"/],
    [{ layout: [{ offset: 0, stride: 7 }] }, /layout\[0\]\.stride: 7/], [{ layout: [{ offset: 0, stride: 8 }, { offset: 65, stride: 8 }] }, /97 were wanted/],
    [{ layout: [null] }, /layout/],
  ])
    assert.throws(() => enhancer.enhanceYuv({ ...yuv, ...change }), { message });
  assert.throws(() => new Enhancer(), { message: /Enhancer\.create/ });
});

test("no memory is an error, and the instance lives on", async () => {
  const enhancer = await Enhancer.create();
  assert.throws(() => enhancer.allocate(65535, 65535), { name: "RangeError" });
  assert.throws(() => {
    for (let width = 22000; ; width += 100) enhancer.allocate(width, 24000); // old memory is not given back to the system
  }, /no memory|at most/);
  const image = dark(30, 20);
  const wanted = (await enhance(image)).data;
  assert.deepEqual(enhancer.enhance(image).data, wanted);
});

test("a failure of init is forgotten, and the module can be given", async () => {
  await assert.rejects(init(new URL("file:///nowhere/dcelite.wasm")));
  const module = await WebAssembly.compile(await file("dcelite.wasm"));
  await init(module);
  await init(file("dcelite.wasm"));
  await init(new Response(await file("dcelite.wasm"), { headers: { "content-type": "application/wasm" } }));
  await init(new Response(await file("dcelite.wasm")));
  await assert.rejects(init(new Response("", { status: 404 })), /404/);
  assert.equal((await enhance(dark(5, 5))).width, 5);
});

test("a module goes to a worker", async () => {
  const module = await WebAssembly.compile(await file("dcelite.wasm"));
  const code = `
    import { parentPort, workerData } from "node:worker_threads";
    import { init, enhance } from ${JSON.stringify(import.meta.resolve("dcelite"))};
    await init(workerData.module);
    parentPort.postMessage((await enhance(workerData.image)).data);`;
  const image = dark(33, 21);
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), { workerData: { module, image } });
  const data = await new Promise((resolve, reject) => worker.once("message", resolve).once("error", reject));
  assert.deepEqual(data, (await enhance(image)).data);
  await worker.terminate();
});

test("the import has no effect but its names, and only a clock is asked of the host", async () => {
  assert.deepEqual(Object.keys(dcelite).sort(), ["Enhancer", "curveMap", "enhance", "init", "supported"]);
  assert.ok(["relaxed", "simd"].includes(supported()));
  const imports = WebAssembly.Module.imports(await WebAssembly.compile(await file("dcelite.wasm")));
  assert.deepEqual(imports, [{ module: "host", name: "now", kind: "function" }]);
  const map = await curveMap(dark(48, 24));
  assert.deepEqual([map.width, map.height, map.channels, map.data.length], [4, 2, 3, 24]);
});
