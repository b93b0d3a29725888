package org.dcelite.demo;

import android.content.Context;
import android.content.res.AssetFileDescriptor;
import android.content.res.AssetManager;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;
import org.dcelite.demo.core.FrameEngine;
import org.dcelite.demo.core.LiveSettings;
import org.dcelite.demo.core.NativeEngine;

/** The engines of this app: the weights in the library, and the model files in its assets. */
final class Models implements FrameEngine.Factory {
    private static final String FOLDER = "models";

    private final AssetManager assets;

    Models(Context context) {
        assets = context.getAssets();
    }

    /** The engines that open on this device. Takes a moment: not for the thread of the screen. */
    List<String> available() throws IOException {
        final List<String> names = new ArrayList<>();
        names.add(LiveSettings.SHIPPED);
        for (String file : assets.list(FOLDER)) {
            if (opens(file)) {
                names.add(file);
            }
        }
        return names;
    }

    // Not, for instance, a .ms file in an app that was built without MindSpore Lite.
    private boolean opens(String file) {
        try {
            open(file, 1).close();
            return true;
        } catch (RuntimeException | LinkageError e) {
            return false;
        }
    }

    /** What the user reads. */
    static String title(Context context, String engine) {
        return engine.equals(LiveSettings.SHIPPED) ? context.getString(R.string.shipped_weights) : engine;
    }

    @Override
    public FrameEngine open(String engine, int threads) {
        return open(engine, threads, false);
    }

    @Override
    public FrameEngine open(String engine, int threads, boolean fast) {
        return new NativeEngine(engine.equals(LiveSettings.SHIPPED) ? null : read(engine), threads, fast);
    }

    // Models are stored in the APK as they are, so they are mapped.
    private ByteBuffer read(String file) {
        try (AssetFileDescriptor asset = assets.openFd(FOLDER + "/" + file);
                FileInputStream stream = asset.createInputStream()) {
            return stream.getChannel().map(FileChannel.MapMode.READ_ONLY, asset.getStartOffset(), asset.getLength());
        } catch (IOException e) {
            throw new IllegalStateException(file + ": is not in this app", e);
        }
    }
}
