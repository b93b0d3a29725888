package org.dcelite.demo.core;

/** What the user set for the live picture. Immutable; values out of range are brought into it. */
public final class LiveSettings {
    /** The engine with the weights that are compiled in. */
    public static final String SHIPPED = "";
    /** The library takes 0 … 64 threads; a phone has no use for more than this. 0: one per processor. */
    public static final int MAX_THREADS = 8;
    /** Above, a scene that changes leaves a trail for seconds. */
    public static final float MAX_SMOOTHING = 0.95f;

    public static final LiveSettings DEFAULTS = new LiveSettings(SHIPPED, 0, 1, 0.6f, 1, 0.5f);

    /** {@link #SHIPPED}, or the name of a model file in the app. */
    public final String engine;
    public final int threads;
    /** 0: as the camera sees it … 1: as the model has it. */
    public final float strength;
    /** 0 (off) … {@link #MAX_SMOOTHING}. */
    public final float smoothing;
    /** 0 (off) … 1: how much of the noise is taken away. */
    public final float denoise;
    /** Share of the picture, from the left, that stays as the camera sees it. */
    public final float split;
    /** Whether network and curve are in fixed point: nearly the same, and faster. */
    public final boolean fast;

    public LiveSettings(String engine, int threads, float strength, float smoothing, float denoise, float split) {
        this(engine, threads, strength, smoothing, denoise, split, false);
    }

    public LiveSettings(String engine, int threads, float strength, float smoothing, float denoise, float split,
            boolean fast) {
        this.engine = engine;
        this.threads = Math.max(0, Math.min(threads, MAX_THREADS));
        this.strength = within(strength, 1, 1);
        this.smoothing = within(smoothing, MAX_SMOOTHING, 0);
        this.denoise = within(denoise, 1, 1);
        this.split = within(split, 1, 0.5f);
        this.fast = fast;
    }

    /** Whether an engine that is open for the other settings also serves these. */
    public boolean sharesEngineWith(LiveSettings other) {
        return engine.equals(other.engine) && threads == other.threads && fast == other.fast;
    }

    private static float within(float value, float most, float ofNaN) {
        return Float.isNaN(value) ? ofNaN : Math.max(0, Math.min(value, most));
    }
}
