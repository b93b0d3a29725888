import org.dcelite.demo.core.Orientation;

public final class OrientationTest {
    // Pictures are arrays of rows; every pixel has a number of its own.
    private static int[][] picture(int width, int height) {
        final int[][] rows = new int[height][width];
        for (int i = 0; i < width * height; i++) {
            rows[i / width][i % width] = i;
        }
        return rows;
    }

    private static int[][] mirrored(int[][] rows) {
        final int[][] result = new int[rows.length][rows[0].length];
        for (int y = 0; y < rows.length; y++) {
            for (int x = 0; x < rows[0].length; x++) {
                result[y][rows[0].length - 1 - x] = rows[y][x];
            }
        }
        return result;
    }

    private static int[][] turnedClockwise(int[][] rows) {
        final int[][] result = new int[rows[0].length][rows.length];
        for (int y = 0; y < rows.length; y++) {
            for (int x = 0; x < rows[0].length; x++) {
                result[x][rows.length - 1 - y] = rows[y][x];
            }
        }
        return result;
    }

    private static int[][] displayed(Orientation orientation, int[][] rows) {
        int[][] result = orientation.mirrored ? mirrored(rows) : rows;
        for (int i = 0; i < orientation.quarterTurns; i++) {
            result = turnedClockwise(result);
        }
        return result;
    }

    private static String text(int[][] rows) {
        return java.util.Arrays.deepToString(rows);
    }

    /** By the table of the EXIF standard: where row 0 and column 0 of the file are in the scene. */
    public void exif() {
        final int[][] file = {{0, 1, 2}, {3, 4, 5}};
        final String[] scenes = {
            "[[0, 1, 2], [3, 4, 5]]",    // 1: top, left
            "[[2, 1, 0], [5, 4, 3]]",    // 2: top, right
            "[[5, 4, 3], [2, 1, 0]]",    // 3: bottom, right
            "[[3, 4, 5], [0, 1, 2]]",    // 4: bottom, left
            "[[0, 3], [1, 4], [2, 5]]",  // 5: left, top
            "[[3, 0], [4, 1], [5, 2]]",  // 6: right, top
            "[[5, 2], [4, 1], [3, 0]]",  // 7: right, bottom
            "[[2, 5], [1, 4], [0, 3]]"   // 8: left, bottom
        };
        for (int value = 1; value <= 8; value++) {
            Check.equal(scenes[value - 1], text(displayed(Orientation.ofExif(value), file)));
        }
        for (int value : new int[] {0, 9, -1, 65535}) {
            Check.equal(text(file), text(displayed(Orientation.ofExif(value), file)));
        }
    }

    /** The matrix puts the middle of every pixel where turning the picture by hand puts the pixel. */
    public void matrices() {
        for (int value = 1; value <= 8; value++) {
            final Orientation orientation = Orientation.ofExif(value);
            final int width = 7;
            final int height = 4;
            final int[][] wanted = displayed(orientation, picture(width, height));
            Check.equal(wanted[0].length, orientation.displayedWidth(width, height));
            Check.equal(wanted.length, orientation.displayedHeight(width, height));
            for (int[] view : new int[][] {{70, 40}, {40, 70}, {100, 100}, {1080, 2400}}) {
                final float[] m = orientation.fit(width, height, view[0], view[1]);
                final float scale = Math.min((float) view[0] / wanted[0].length, (float) view[1] / wanted.length);
                final float left = (view[0] - scale * wanted[0].length) / 2;
                final float top = (view[1] - scale * wanted.length) / 2;
                for (int i = 0; i < width * height; i++) {
                    final float x = i % width + 0.5f;
                    final float y = i / width + 0.5f;
                    final float shownX = (m[0] * x + m[1] * y + m[2] - left) / scale;
                    final float shownY = (m[3] * x + m[4] * y + m[5] - top) / scale;
                    Check.equal(i, wanted[(int) Math.floor(shownY)][(int) Math.floor(shownX)]);
                    Check.near(0.5, shownX - Math.floor(shownX), 0.01);
                    Check.near(0.5, shownY - Math.floor(shownY), 0.01);
                }
                Check.that(m[6] == 0 && m[7] == 0 && m[8] == 1, "last row");
            }
        }
    }

    /** What is left of the line on display is what the rectangle holds, or a pixel more where it has to begin evenly. */
    public void leftParts() {
        for (int value = 1; value <= 8; value++) {
            final Orientation orientation = Orientation.ofExif(value);
            for (int width = 1; width <= 7; width++) {
                for (int height = 1; height <= 7; height++) {
                    for (int step = 0; step <= 20; step++) {
                        leftPart(orientation, width, height, step / 20f);
                    }
                }
            }
        }
    }

    private static void leftPart(Orientation orientation, int width, int height, float fraction) {
        final int[][] shown = displayed(orientation, picture(width, height));
        final int columns = Math.round(fraction * shown[0].length);
        final int[] part = orientation.leftPart(width, height, fraction);
        Check.that(part[0] >= 0 && part[1] >= 0 && part[0] + part[2] <= width && part[1] + part[3] <= height, "beyond");
        Check.that(part[0] % 2 == 0 && part[1] % 2 == 0, "odd corner");
        for (int[] row : shown) {
            for (int x = 0; x < row.length; x++) {
                final int column = row[x] % width - part[0];
                final int line = row[x] / width - part[1];
                final boolean inside = column >= 0 && line >= 0 && column < part[2] && line < part[3];
                Check.that(x >= columns || inside, "a pixel left of the line is missing: " + text(shown));
                Check.that(x <= columns || !inside, "a pixel right of the line is in: " + text(shown));
                Check.that(columns > 0 || !inside, "a pixel without a left part");
            }
        }
    }

    /** Phones: the sensor stands by 90 degrees at the back, by 270 at the front. */
    public void cameras() {
        final int[] displays = {0, 90, 180, 270};
        final int[] backTurns = {1, 0, 3, 2};
        for (int i = 0; i < 4; i++) {
            final Orientation back = Orientation.ofCamera(90, displays[i], false);
            Check.equal(backTurns[i], back.quarterTurns);
            Check.that(!back.mirrored, "mirrored at the back");
        }
        // The front: turn by sensor + display as for a photograph, then mirror what is displayed.
        for (int sensor : displays) {
            for (int display : displays) {
                int[][] wanted = picture(3, 2);
                for (int turns = 0; turns < (sensor + display) / 90; turns++) {
                    wanted = turnedClockwise(wanted);
                }
                final Orientation front = Orientation.ofCamera(sensor, display, true);
                Check.equal(text(mirrored(wanted)), text(displayed(front, picture(3, 2))));
            }
        }
    }

    public void splits() {
        Check.near(0.5, Orientation.lineFraction(100, 200, 200), 0);
        Check.near(0.75, Orientation.lineFraction(150, 200, 200), 0);
        Check.near(0, Orientation.lineFraction(10, 200, 100), 0);
        Check.near(1, Orientation.lineFraction(190, 200, 100), 0);
        Check.near(0, Orientation.lineFraction(10, 200, 0), 0);
        Check.near(0, Orientation.lineFraction(10, 200, Float.NaN), 0);
        for (float fraction = 0; fraction <= 1; fraction += 0.125f) {
            Check.near(fraction, Orientation.lineFraction(Orientation.linePosition(fraction, 300, 130), 300, 130), 1e-5);
        }
        Check.near(85, Orientation.linePosition(0, 300, 130), 0);
        Check.near(215, Orientation.linePosition(1, 300, 130), 0);
    }
}
