/// <reference lib="dom" />
/// <reference lib="esnext.disposable" />
/**
 * Brightens dark photographs and video, in WebAssembly, on one thread: browsers, workers, Node 18 and what is like them. Nothing
 * leaves the device. Errors name the value and what was wanted: RangeError and TypeError for arguments, Error for the rest.
 */

/** What canvases give and take; in Node, a plain object of these fields. Pixels are RGBA, alpha is left alone. */
export interface PixelData {
  readonly data: Uint8ClampedArray | Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly colorSpace?: PredefinedColorSpace;
}

/** 8-bit YUV with 2 x 2 subsampled chroma, as WebCodecs names it. */
export interface YuvImage {
  readonly format: "NV12" | "I420";
  /** The planes, one after the other, or as `layout` says. */
  readonly data: Uint8ClampedArray | Uint8Array;
  readonly width: number;
  readonly height: number;
  /** What `VideoFrame.copyTo` returns: for each plane, its first byte and the bytes from row to row. */
  readonly layout?: readonly { readonly offset: number; readonly stride: number }[];
  /** Without: BT.601 below 720 rows, BT.709 from there on. */
  readonly matrix?: "bt601" | "smpte170m" | "bt470bg" | "bt709" | "bt2020" | "bt2020-ncl";
  /** Luma of 0 … 255, not 16 … 235. */
  readonly fullRange?: boolean;
}

export interface Options {
  /** 0 leaves the image as it is, 1 (the default) is the model. */
  strength?: number;
  /** 0 (the default) … 1: how much of the noise is taken away; takes about as long again. */
  denoise?: number;
  /** The bytes of a `.dce` file; without: the weights in the package. */
  model?: BufferSource;
  /** The network sees the image at 1/scale of its size: 1 … 64; 0 or without: the model's own. */
  scale?: number;
  /**
   * "fast": network and curve in 16-bit fixed point: 99.9 % of the values within 1 of "exact", the default, none off by more than 2.
   * The curve of what is denoised stays exact.
   */
  precision?: "exact" | "fast";
  /** The standard deviation of the noise, in 1/255; 0 or without: estimated from each image. */
  noiseLevel?: number;
}

export interface EnhancerOptions extends Options {
  /** Against flicker, of the frames of a video: 0 (off) … less than 1. */
  smoothing?: number;
  /** 0 (off) … 1: noise that is taken away over the frames of a video. */
  temporalDenoise?: number;
  /** The network runs on every n-th frame of a video: 1 (each) … */
  mapInterval?: number;
  /** Keeps the times of each call. */
  timings?: boolean;
}

/** Milliseconds of the last call, by stage. */
export interface Timings {
  total: number;
  downsample: number;
  network: number;
  curve: number;
  denoise: number;
}

export interface CurveMap {
  /** Interleaved (height, width, channels), in (-1, 1). */
  data: Float32Array;
  width: number;
  height: number;
  channels: number;
}

export interface Model {
  architecture: "zerodcepp" | "zerodce" | "zerodcepp_scene";
  channels: number;
  scale: number;
  parameters: number;
}

/** Which of the two files this engine runs, "relaxed" being the faster one; null: neither. */
export function supported(): "relaxed" | "simd" | null;

/**
 * Compiles the WebAssembly. Everything else does so by itself when it is called first, from the file beside this module; bundlers,
 * workers and such pass another source, or a module that is compiled already. A failure is forgotten: the next call tries again.
 */
export function init(
  source?: WebAssembly.Module | BufferSource | Response | URL | string | Promise<WebAssembly.Module | BufferSource | Response | URL | string>,
): Promise<void>;

/** A brighter copy of a photograph. */
export function enhance(image: PixelData, options?: Options): Promise<ImageData>;

/** The curve map of a photograph: what the network says of it. */
export function curveMap(image: PixelData, options?: Options): Promise<CurveMap>;

/**
 * A model, and what stays between the frames of a video. Each has an instance with a memory of its own, which grows to what its
 * largest image needs and is freed with it. Calls are synchronous, but for `enhanceFrame`.
 */
export class Enhancer {
  private constructor();

  static create(options?: EnhancerOptions): Promise<Enhancer>;

  /** May change between frames; what is out of range is refused and changes nothing. */
  strength: number;
  denoise: number;
  smoothing: number;
  temporalDenoise: number;

  readonly precision: "exact" | "fast";
  readonly closed: boolean;
  readonly model: Model;
  /** Of the library within. */
  readonly version: string;
  /** Wants `timings` among the options. */
  readonly timings: Timings;

  /** Enhances in place, and returns what it was given (but see `allocate`). */
  enhance<Image extends PixelData>(image: Image): Image;

  /**
   * An image in the instance's own memory, to be filled: `enhance` need not copy it. Valid until the next call, whose result is to
   * be used then: when the memory grows, that is another view of it.
   */
  allocate(width: number, height: number): ImageData;

  /** Enhances in place, and returns what it was given. */
  enhanceYuv<Image extends YuvImage>(image: Image): Image;

  /** For display. The pixels are in the instance's memory: valid until its next call. */
  enhanceToRgba(image: YuvImage): ImageData;

  /** The same for a frame of WebCodecs, of any format, which stays the caller's to close. One at a time. */
  enhanceFrame(frame: VideoFrame): Promise<ImageData>;

  /** Of one image, whatever frames came before. */
  curveMap(image: PixelData): CurveMap;

  /** Forgets the frames so far. */
  reset(): void;

  /** Frees the memory. All but `closed` and `close` throws from now on. */
  close(): void;
  [Symbol.dispose](): void;
}
