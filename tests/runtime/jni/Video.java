import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Paths;
import org.dcelite.Enhancer;

/**
 * Enhances frames of raw RGB one after the other and writes them, once with an enhancer that was opened with the settings, once
 * with one that was told afterwards: Video FRAMES RESULTS WIDTH HEIGHT DENOISE TEMPORAL_DENOISE NOISE_LEVEL.
 */
public final class Video {
    private static byte[] frames;
    private static int width;
    private static int height;

    private Video() {
    }

    public static void main(String[] arguments) throws IOException {
        frames = Files.readAllBytes(Paths.get(arguments[0]));
        width = Integer.parseInt(arguments[2]);
        height = Integer.parseInt(arguments[3]);
        final float denoise = Float.parseFloat(arguments[4]);
        final float temporalDenoise = Float.parseFloat(arguments[5]);
        final float noiseLevel = Float.parseFloat(arguments[6]);
        try (OutputStream out = new FileOutputStream(arguments[1])) {
            final Enhancer.Options options = new Enhancer.Options().denoise(denoise).temporalDenoise(temporalDenoise);
            try (Enhancer enhancer = Enhancer.open((String) null, options.noiseLevel(noiseLevel))) {
                enhance(enhancer, out);
            }
            try (Enhancer enhancer = Enhancer.open((String) null, new Enhancer.Options().noiseLevel(noiseLevel))) {
                enhancer.setDenoise(denoise);
                enhancer.setTemporalDenoise(temporalDenoise);
                enhance(enhancer, out);
            }
        }
    }

    private static void enhance(Enhancer enhancer, OutputStream out) throws IOException {
        final byte[] frame = new byte[3 * width * height];
        final ByteBuffer pixels = ByteBuffer.allocateDirect(frame.length);
        for (int i = 0; i < frames.length; i += frame.length) {
            pixels.clear();
            pixels.put(frames, i, frame.length).rewind();
            enhancer.enhance(pixels, pixels, Enhancer.RGB8, width, height, 3 * width, 3 * width);
            pixels.get(frame);
            out.write(frame);
        }
    }
}
