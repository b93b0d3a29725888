package org.dcelite.demo.core;

import java.nio.ByteBuffer;
import org.dcelite.Enhancer;

/** The engine of the app: the native library. */
public final class NativeEngine implements FrameEngine {
    private final Enhancer enhancer;
    private final int threads;
    private Enhancer plain;
    private final long[] timings = new long[1 + STAGES];

    /** @param model the bytes of a model file in a direct buffer, or null for the shipped weights */
    public NativeEngine(ByteBuffer model, int threads) {
        this(model, threads, false);
    }

    /** @param fast see {@link LiveSettings#fast} */
    public NativeEngine(ByteBuffer model, int threads, boolean fast) {
        this.threads = threads;
        final Enhancer.Options options =
                new Enhancer.Options().threads(threads).precision(fast ? Enhancer.FAST : Enhancer.EXACT);
        enhancer = model == null ? Enhancer.open((String) null, options) : Enhancer.open(model, options);
    }

    @Override
    public void enhance(YuvPlanes frame, ByteBuffer rgba, int stride) {
        run(enhancer, frame, rgba, stride);
    }

    @Override
    public void convert(YuvPlanes frame, ByteBuffer rgba, int stride) {
        if (plain == null) {
            // At strength 0 a frame is only converted; the network, of no use here, is kept as small as it gets.
            plain = Enhancer.open((String) null, new Enhancer.Options().threads(threads).strength(0).scale(64));
        }
        run(plain, frame, rgba, stride);
    }

    private static void run(Enhancer enhancer, YuvPlanes frame, ByteBuffer rgba, int stride) {
        enhancer.enhanceYuv420(frame.y, frame.yRowStride, frame.u, frame.uvRowStride, frame.v, frame.uvRowStride,
                frame.pixelStride, Enhancer.BT601_FULL, rgba, Enhancer.RGBA8, stride, frame.width, frame.height);
    }

    @Override
    public void enhance(ByteBuffer rgba, int width, int height) {
        enhancer.enhance(rgba, rgba, Enhancer.RGBA8, width, height, 4 * width, 4 * width);
    }

    @Override
    public void set(float strength, float smoothing, float denoise) {
        enhancer.setStrength(strength);
        enhancer.setSmoothing(smoothing);
        enhancer.setDenoise(denoise);
        enhancer.setTemporalDenoise(denoise);
    }

    @Override
    public void stages(long[] nanoseconds) {
        enhancer.timings(timings);
        System.arraycopy(timings, 1, nanoseconds, 0, STAGES);
    }

    @Override
    public void close() {
        enhancer.close();
        if (plain != null) {
            plain.close();
        }
    }
}
