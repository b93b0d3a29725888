import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import org.dcelite.Enhancer;

/** java Enhance WIDTH HEIGHT < in.rgb > out.rgb: enhances raw 8-bit RGB pixels. */
public final class Enhance {
    public static void main(String[] arguments) throws Exception {
        final int width = Integer.parseInt(arguments[0]);
        final int height = Integer.parseInt(arguments[1]);
        final ByteBuffer pixels = ByteBuffer.allocateDirect(3 * width * height);
        final ReadableByteChannel in = Channels.newChannel(System.in);
        while (pixels.hasRemaining() && in.read(pixels) >= 0) {}
        pixels.flip();
        try (Enhancer enhancer = Enhancer.open()) {
            enhancer.enhance(pixels, pixels, Enhancer.RGB8, width, height, 3 * width, 3 * width);
        }
        Channels.newChannel(System.out).write(pixels);
    }
}
