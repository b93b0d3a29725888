import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Paths;
import java.nio.file.StandardOpenOption;
import org.dcelite.Enhancer;

/** Enhances the frames of a file and writes the memory after each to another: Frames CASES RESULTS; see ../jni_builds.py. */
public final class Frames {
    private final DataInputStream in;
    private final DataOutputStream out;

    private Frames(DataInputStream in, DataOutputStream out) {
        this.in = in;
        this.out = out;
    }

    public static void main(String[] arguments) throws IOException {
        try (DataInputStream in = new DataInputStream(new FileInputStream(arguments[0]));
                DataOutputStream out = new DataOutputStream(new FileOutputStream(arguments[1]))) {
            final int count = in.readInt();
            for (int i = 0; i < count; i++) {
                new Frames(in, out).run();
            }
        }
    }

    private void run() throws IOException {
        final String model = in.readUTF();
        final boolean inMemory = in.readBoolean();
        final Enhancer.Options options = new Enhancer.Options().threads(in.readInt()).scale(in.readInt());
        options.strength(in.readFloat());
        final int srcFormat = in.readInt();
        final int dstFormat = in.readInt();
        final int width = in.readInt();
        final int height = in.readInt();
        final int matrix = in.readInt();
        final int uvPixelStride = in.readInt();
        final ByteBuffer[] regions = readRegions();
        final int[] strides = new int[in.readInt()];
        final ByteBuffer[] views = new ByteBuffer[strides.length];
        for (int i = 0; i < views.length; i++) {
            views[i] = regions[in.readInt()].duplicate();
            final int position = in.readInt();
            views[i].limit(in.readInt());
            views[i].position(position);
            strides[i] = in.readInt();
        }

        try (Enhancer enhancer = inMemory ? Enhancer.open(mapped(model), options)
                : Enhancer.open(model.isEmpty() ? null : model, options)) {
            if (views.length == 4) {
                enhancer.enhanceYuv420(views[0], strides[0], views[1], strides[1], views[2], strides[2], uvPixelStride, matrix,
                        views[3], dstFormat, strides[3], width, height);
            } else if (matrix != Enhancer.BT601_FULL) {
                enhancer.enhance(views[0], srcFormat, strides[0], views[1], dstFormat, strides[1], width, height, matrix);
            } else if (srcFormat != dstFormat) {
                enhancer.enhance(views[0], srcFormat, strides[0], views[1], dstFormat, strides[1], width, height);
            } else {
                enhancer.enhance(views[0], views[1], srcFormat, width, height, strides[0], strides[1]);
            }
        }
        for (ByteBuffer region : regions) {
            final byte[] bytes = new byte[region.capacity()];
            region.get(bytes);
            out.write(bytes);
        }
    }

    private static ByteBuffer mapped(String path) throws IOException {
        try (FileChannel file = FileChannel.open(Paths.get(path), StandardOpenOption.READ)) {
            return file.map(FileChannel.MapMode.READ_ONLY, 0, file.size());
        }
    }

    private ByteBuffer[] readRegions() throws IOException {
        final ByteBuffer[] regions = new ByteBuffer[in.readInt()];
        for (int i = 0; i < regions.length; i++) {
            final byte[] bytes = new byte[in.readInt()];
            in.readFully(bytes);
            regions[i] = ByteBuffer.allocateDirect(bytes.length);
            regions[i].put(bytes).rewind();
        }
        return regions;
    }
}
