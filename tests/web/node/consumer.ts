// What a program in TypeScript says: compiled, not run.
import { Enhancer, curveMap, enhance, init, supported, type CurveMap, type PixelData, type Timings, type YuvImage } from "dcelite";

async function use(canvas: OffscreenCanvas, frame: VideoFrame, bytes: ArrayBuffer): Promise<Timings> {
  await init(new URL("dcelite/dcelite.wasm", "https://example.org/"));
  const engine: "relaxed" | "simd" | null = supported();
  const context = canvas.getContext("2d");
  if (!context || !engine) throw new Error("nothing to draw on");
  const image: ImageData = context.getImageData(0, 0, canvas.width, canvas.height);
  const bright: ImageData = await enhance(image, { strength: 0.8, denoise: 1 });
  context.putImageData(bright, 0, 0);
  const map: CurveMap = await curveMap(image);
  const node: PixelData = { data: new Uint8Array(4 * map.width), width: map.width, height: 1 };
  await enhance(node);

  const enhancer = await Enhancer.create({ smoothing: 0.8, timings: true, model: bytes, mapInterval: 2 });
  const same: ImageData = enhancer.enhance(image);
  context.putImageData(same, 0, 0);
  context.putImageData(await enhancer.enhanceFrame(frame), 0, 0);
  const yuv: YuvImage = { format: "NV12", data: new Uint8Array(96), width: 8, height: 8, matrix: "bt709" };
  context.putImageData(enhancer.enhanceToRgba(enhancer.enhanceYuv(yuv)), 0, 0);
  enhancer.strength = 0.5;
  const times = enhancer.timings;
  enhancer.close();

  // @ts-expect-error: an option that there is not
  await Enhancer.create({ strenght: 1 });
  // @ts-expect-error: made by Enhancer.create
  new Enhancer();
  // @ts-expect-error: no such format
  enhancer.enhanceYuv({ ...yuv, format: "NV21" });
  return times;
}
void use;
