package org.dcelite;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.jetbrains.annotations.NotNull;
import org.jetbrains.annotations.Nullable;

/**
 * Brightens dark images and video frames with Zero-DCE curves.
 *
 * <pre>{@code
 * try (Enhancer enhancer = Enhancer.open()) {
 *     enhancer.enhance(pixels, pixels, Enhancer.RGBA8, width, height, 4 * width, 4 * width);
 * }
 * }</pre>
 *
 * <p>Buffers are direct ({@link ByteBuffer#allocateDirect}, planes of an {@code android.media.Image}). An image begins at
 * {@code position()} and must end by {@code limit()}; neither is changed. Nothing is copied and nothing allocated for a
 * frame. The destination may be the source itself (same first byte, stride, and bytes a pixel; of YUV the same format);
 * images that overlap otherwise are refused, and so are read-only destinations.
 *
 * <p>Strides are bytes from a row to the one below it, at least those of a row. A buffer that is null throws {@link
 * NullPointerException}; one that is not direct, too short or read-only, and a stride that is too small or negative,
 * {@link IllegalArgumentException}; all that the library itself refuses, such as overlaps, {@link DceliteException}.
 *
 * <p>Threads: an enhancer serves one call at a time. A call that arrives while another one runs throws {@link
 * DceliteException} with the code {@link DceliteException#BUSY} and changes nothing. Different enhancers are independent.
 *
 * <p>{@link #close} must be called: no finalizer frees the native memory and the threads of a forgotten enhancer.
 */
public final class Enhancer implements AutoCloseable {
    /** Interleaved, 8 bits a channel. Alpha is copied unchanged. */
    public static final int RGB8 = 0;
    public static final int BGR8 = 1;
    /** As in a {@code Bitmap} of {@code ARGB_8888}. */
    public static final int RGBA8 = 2;
    public static final int BGRA8 = 3;
    /** 16 bits a channel, in the byte order of the processor; the address of the image and its stride are even. */
    public static final int RGB16 = 4;
    /** Luma, then U and V in turn. See {@link #enhance(ByteBuffer, int, int, ByteBuffer, int, int, int, int, int)}. */
    public static final int NV12 = 5;
    /** Luma, then V and U in turn. */
    public static final int NV21 = 6;
    /** Luma, then U, then V. */
    public static final int I420 = 7;
    /** As {@link #RGB16}, with alpha, which is copied unchanged. */
    public static final int RGBA16 = 8;
    /**
     * 10 bits, the high ones of words of 16 bits in the byte order of the processor, at even addresses: luma, then U and V
     * in turn. The low 6 bits are ignored, and written as zeros. As {@code ImageFormat.YCBCR_P010}.
     */
    public static final int P010 = 9;
    /** 10 bits, the low ones of such words, of which more than 1023 counts for 1023: luma, then U, then V. */
    public static final int I010 = 10;

    public static final int BT601_LIMITED = 0;
    /** JPEG, and the cameras of Android. */
    public static final int BT601_FULL = 1;
    public static final int BT709_LIMITED = 2;
    public static final int BT709_FULL = 3;
    /** Ultra high definition, of non-constant luminance; {@code DataSpace.RANGE_LIMITED}, as of video. */
    public static final int BT2020_LIMITED = 4;
    public static final int BT2020_FULL = 5;

    /** {@link #architecture} of a model that MindSpore Lite runs. */
    public static final int ARCHITECTURE_ENGINE = 0;
    public static final int ARCHITECTURE_ZERODCEPP = 1;
    public static final int ARCHITECTURE_ZERODCE = 2;
    /** Zero-DCE++, steered by statistics of the whole picture. */
    public static final int ARCHITECTURE_ZERODCEPP_SCENE = 3;

    /** Of {@link Options#precision}: network and curve in floating point, or in 16-bit fixed point. */
    public static final int EXACT = 0;
    public static final int FAST = 1;

    static {
        final String path = System.getProperty("org.dcelite.library");
        if (path != null) {
            System.load(path);
        } else {
            System.loadLibrary("dcelite_jni");
        }
    }

    /** How to enhance; what is not set has the library's default. */
    public static final class Options {
        private int threads = 0;
        private int scale = 0;
        private float strength = 1;
        private float smoothing = 0;
        private int mapInterval = 1;
        private float denoise = 0;
        private float temporalDenoise = 0;
        private float noiseLevel = 0;
        private float white = 1;
        private int precision = EXACT;
        private boolean timings = true;

        /** 1 to 64, or 0: one per processor that the process may use. */
        public @NotNull Options threads(int value) {
            threads = value;
            return this;
        }

        /** Downsampling factor before the network, 1 to 64, or 0: the model's own (12 for the shipped weights). */
        public @NotNull Options scale(int value) {
            scale = value;
            return this;
        }

        /** 0 leaves the image as it is, 1 is the model. */
        public @NotNull Options strength(float value) {
            strength = value;
            return this;
        }

        /** Against flicker in video: 0 (off) to less than 1. With it, calls are the frames of one video. */
        public @NotNull Options smoothing(float value) {
            smoothing = value;
            return this;
        }

        /** Run the network on every n-th frame of a video only; 1: on each. */
        public @NotNull Options mapInterval(int value) {
            mapInterval = value;
            return this;
        }

        /** How much of the noise is taken away within each image, before the curve multiplies it: 0 (off) to 1. */
        public @NotNull Options denoise(float value) {
            denoise = value;
            return this;
        }

        /** How much over the frames of a video, as far as nothing moves: 0 (off) to 1. With it, calls are such frames. */
        public @NotNull Options temporalDenoise(float value) {
            temporalDenoise = value;
            return this;
        }

        /** Standard deviation of the noise in R, G and B, in levels of 255: 0 to 255; 0: estimated from each image. */
        public @NotNull Options noiseLevel(float value) {
            noiseLevel = value;
            return this;
        }

        /**
         * Of YUV, the R'G'B' that is 1 to network and curve, more than 0, up to 1: it stays what it is, and so does what is
         * brighter. Of HDR10 video, 0.7518 for a display that was mastered to 1000 cd/m2.
         */
        public @NotNull Options white(float value) {
            white = value;
            return this;
        }

        /** {@link #EXACT}, or {@link #FAST}: 99.9 % of the 8-bit values within 1 of the exact ones, none off by more than 2. */
        public @NotNull Options precision(int value) {
            precision = value;
            return this;
        }

        /** Whether {@link Enhancer#timings} works, for a few readings of the clock; it does unless this is set to false. */
        public @NotNull Options timings(boolean value) {
            timings = value;
            return this;
        }
    }

    // Guarded by this object's monitor. The native side is entered by one thread at a time, and never without `busy`.
    private long handle;
    private boolean busy;
    private boolean closed;

    private final int scale;
    private final int architecture;
    private final int parameters;

    private Enhancer(long handle, int[] info) {
        this.handle = handle;
        scale = info[0];
        architecture = info[1];
        parameters = info[2];
    }

    /** Opens the shipped weights. */
    public static @NotNull Enhancer open() {
        return open((String) null, null);
    }

    /**
     * Opens a model file: {@code .dce}, or, where the library was built with MindSpore Lite, {@code .ms}.
     *
     * @param modelPath null: the shipped weights
     * @param options null: the defaults
     * @throws DceliteException where the file is absent, no model, or damaged, or an option is out of its range
     */
    public static @NotNull Enhancer open(@Nullable String modelPath, @Nullable Options options) {
        if (modelPath != null && modelPath.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("modelPath: contains the character 0");
        }
        final byte[] path = modelPath == null ? null : (modelPath + '\0').getBytes(StandardCharsets.UTF_8);
        return open(path, null, 0, 0, options);
    }

    /**
     * Opens a model from memory: the bytes of such a file, from position to limit, for example an asset of an app. They are
     * not used after the call.
     *
     * @param options null: the defaults
     */
    public static @NotNull Enhancer open(@NotNull ByteBuffer model, @Nullable Options options) {
        requireDirect(model, "model");
        return open(null, model, model.position(), model.limit(), options);
    }

    private static Enhancer open(byte[] path, ByteBuffer model, int position, int limit, Options given) {
        final Options options = given != null ? given : new Options();
        final long[] handle = new long[1];
        final int[] info = new int[3];
        final byte[] failure = openNative(path, model, position, limit, options.threads, options.scale, options.strength,
                options.smoothing, options.mapInterval, options.denoise, options.temporalDenoise, options.noiseLevel,
                options.white, options.precision, options.timings, handle, info);
        if (failure != null) {
            throw new DceliteException(info[0], new String(failure, StandardCharsets.UTF_8));
        }
        return new Enhancer(handle[0], info);
    }

    /** Enhances an image into one of the same format. YUV is {@link #BT601_FULL}. */
    public void enhance(@NotNull ByteBuffer src, @NotNull ByteBuffer dst, int format, int width, int height, int srcStride,
            int dstStride) {
        enhance(src, format, srcStride, dst, format, dstStride, width, height, BT601_FULL);
    }

    /** Enhances an image into one of another format. YUV is {@link #BT601_FULL}. */
    public void enhance(@NotNull ByteBuffer src, int srcFormat, int srcStride, @NotNull ByteBuffer dst, int dstFormat,
            int dstStride, int width, int height) {
        enhance(src, srcFormat, srcStride, dst, dstFormat, dstStride, width, height, BT601_FULL);
    }

    /**
     * Enhances an image into one of another format: any two of RGB8, BGR8, RGBA8 and BGRA8 (alpha becomes 255 where the
     * source has none); any two of RGB16 and RGBA16; any two of NV12, NV21 and I420, or of P010 and I010; one of these five
     * into one of the first four.
     *
     * <p>A YUV image is one block of memory. The stride is that of luma, and there are {@code height} rows of it, each with
     * its whole stride. Then come ceil(height / 2) rows of chroma: of NV12, NV21 and P010 with the stride of luma, rounded
     * up to a whole number of pairs of samples; of I420 and I010 first all of U, then all of V, with half of that.
     *
     * @param matrix of YUV: BT601_LIMITED, BT601_FULL, BT709_LIMITED, BT709_FULL, BT2020_LIMITED or BT2020_FULL
     */
    public void enhance(@NotNull ByteBuffer src, int srcFormat, int srcStride, @NotNull ByteBuffer dst, int dstFormat,
            int dstStride, int width, int height, int matrix) {
        requireDirect(src, "src");
        requireWritable(dst);
        final long open = enter();
        int status = 0;
        try {
            status = enhanceNative(open, src, src.position(), src.limit(), srcFormat, srcStride, dst, dst.position(),
                    dst.limit(), dstFormat, dstStride, width, height, matrix);
        } finally {
            leave(status);
        }
    }

    /**
     * Enhances the planes of an {@code android.media.Image} in the format {@code YUV_420_888} for display. Row and pixel
     * strides are those of its planes; the last row of a plane may end with its last sample.
     *
     * @param uvPixelStride bytes from a chroma sample to the next one, 1 to 16
     * @param dstFormat RGB8, BGR8, RGBA8 or BGRA8
     */
    public void enhanceYuv420(@NotNull ByteBuffer y, int yRowStride, @NotNull ByteBuffer u, int uRowStride,
            @NotNull ByteBuffer v, int vRowStride, int uvPixelStride, int matrix, @NotNull ByteBuffer dst, int dstFormat,
            int dstStride, int width, int height) {
        requireDirect(y, "y");
        requireDirect(u, "u");
        requireDirect(v, "v");
        requireWritable(dst);
        final long open = enter();
        int status = 0;
        try {
            status = enhancePlanesNative(open, y, y.position(), y.limit(), yRowStride, u, u.position(), u.limit(),
                    uRowStride, v, v.position(), v.limit(), vRowStride, uvPixelStride, dst, dst.position(), dst.limit(),
                    dstFormat, dstStride, width, height, matrix);
        } finally {
            leave(status);
        }
    }

    /** From the next frame on: 0 leaves the image as it is, 1 is the model. */
    public void setStrength(float strength) {
        leave(setStrengthNative(enter(), strength));
    }

    /** From the next frame on: 0 (off) to less than 1. */
    public void setSmoothing(float smoothing) {
        leave(setSmoothingNative(enter(), smoothing));
    }

    /** From the next frame on: 0 (off) to 1. */
    public void setDenoise(float denoise) {
        leave(setDenoiseNative(enter(), denoise));
    }

    /** From the next frame on: 0 (off) to 1. Where it was off, that frame begins a new video. */
    public void setTemporalDenoise(float temporalDenoise) {
        leave(setTemporalDenoiseNative(enter(), temporalDenoise));
    }

    /** From the next frame on, which begins a new video: more than 0, up to 1. */
    public void setWhite(float white) {
        leave(setWhiteNative(enter(), white));
    }

    /** Forgets the frames so far: the next one begins a new video. */
    public void reset() {
        leave(resetNative(enter()));
    }

    /**
     * How long the last enhancement took; zeros before the first. The stages are the time that all threads spent in them,
     * divided by the number of threads; what they leave of the total is preparation and waiting.
     *
     * @param nanoseconds receives total, reordering of channels, downsampling, network, and curve; where it has a sixth
     *     element, denoising; it may be longer
     */
    public void timings(@NotNull long[] nanoseconds) {
        if (nanoseconds.length < 5) {
            throw new IllegalArgumentException("nanoseconds: " + nanoseconds.length + " elements, 5 were wanted");
        }
        leave(timingsNative(enter(), nanoseconds));
    }

    /** The downsampling factor in effect. */
    public int scale() {
        requireOpen();
        return scale;
    }

    /** One of ARCHITECTURE_ENGINE, ARCHITECTURE_ZERODCEPP, ARCHITECTURE_ZERODCE and ARCHITECTURE_ZERODCEPP_SCENE. */
    public int architecture() {
        requireOpen();
        return architecture;
    }

    /** Weights and biases of the network; 0 where MindSpore Lite runs it. */
    public int parameters() {
        requireOpen();
        return parameters;
    }

    /** Version of the native library, "1.2.3". */
    public static @NotNull String version() {
        return versionNative();
    }

    /**
     * Frees the model and its threads. While another thread is inside a call, waits until that call is over; calls that
     * begin later throw {@link IllegalStateException}. Harmless when repeated.
     */
    @Override
    public void close() {
        boolean interrupted = false;
        synchronized (this) {
            closed = true;
            while (busy) {
                try {
                    wait();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
            closeNative(handle);
            handle = 0;
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    // Takes the handle for one call. It cannot be freed before leave(). Only the natives that take images throw.
    private synchronized long enter() {
        requireOpen();
        if (busy) {
            throw new DceliteException(DceliteException.BUSY, "the enhancer is in use by another thread");
        }
        busy = true;
        return handle;
    }

    // Ends that call, with the library's sentence where it failed.
    private synchronized void leave(int status) {
        final byte[] message = status == 0 ? null : messageNative(handle);
        busy = false;
        if (closed) {
            notifyAll();
        }
        if (message != null) {
            throw new DceliteException(status, new String(message, StandardCharsets.UTF_8));
        }
    }

    private synchronized void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the enhancer is closed");
        }
    }

    private static void requireDirect(ByteBuffer buffer, String name) {
        if (buffer == null) {
            throw new NullPointerException(name + ": is null, a direct ByteBuffer was wanted");
        }
        if (!buffer.isDirect()) {
            throw new IllegalArgumentException(name + ": is no direct ByteBuffer (ByteBuffer.allocateDirect makes one)");
        }
    }

    private static void requireWritable(ByteBuffer dst) {
        requireDirect(dst, "dst");
        if (dst.isReadOnly()) {
            throw new IllegalArgumentException("dst: is read-only");
        }
    }

    // Null, with the handle and {scale, architecture, parameters}; or the library's sentence, with the status in info[0].
    private static native byte[] openNative(byte[] path, ByteBuffer model, int position, int limit, int threads, int scale,
            float strength, float smoothing, int mapInterval, float denoise, float temporalDenoise, float noiseLevel,
            float white, int precision, boolean timings, long[] handle, int[] info);

    // These return a dce_status. The two that take images throw IllegalArgumentException for what is wrong with the buffers.

    private static native int enhanceNative(long handle, ByteBuffer src, int srcPosition, int srcLimit, int srcFormat,
            int srcStride, ByteBuffer dst, int dstPosition, int dstLimit, int dstFormat, int dstStride, int width, int height,
            int matrix);

    private static native int enhancePlanesNative(long handle, ByteBuffer y, int yPosition, int yLimit, int yStride,
            ByteBuffer u, int uPosition, int uLimit, int uStride, ByteBuffer v, int vPosition, int vLimit, int vStride,
            int uvPixelStride, ByteBuffer dst, int dstPosition, int dstLimit, int dstFormat, int dstStride, int width,
            int height, int matrix);

    private static native int setStrengthNative(long handle, float strength);
    private static native int setSmoothingNative(long handle, float smoothing);
    private static native int setDenoiseNative(long handle, float denoise);
    private static native int setTemporalDenoiseNative(long handle, float temporalDenoise);
    private static native int setWhiteNative(long handle, float white);
    private static native int resetNative(long handle);
    private static native int timingsNative(long handle, long[] nanoseconds);
    private static native byte[] messageNative(long handle);
    private static native String versionNative();
    private static native void closeNative(long handle);
}
