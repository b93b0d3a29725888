package org.dcelite.demo;

import android.app.Activity;
import android.content.Context;
import android.graphics.ImageFormat;
import android.graphics.Rect;
import android.hardware.camera2.CameraAccessException;
import android.hardware.camera2.CameraCaptureSession;
import android.hardware.camera2.CameraCharacteristics;
import android.hardware.camera2.CameraDevice;
import android.hardware.camera2.CameraManager;
import android.hardware.camera2.CaptureRequest;
import android.hardware.camera2.params.StreamConfigurationMap;
import android.media.Image;
import android.media.ImageReader;
import android.os.Handler;
import android.util.Size;
import android.view.Surface;
import java.util.Collections;
import org.dcelite.demo.core.Frame;
import org.dcelite.demo.core.Orientation;
import org.dcelite.demo.core.PictureSize;
import org.dcelite.demo.core.YuvPlanes;

/**
 * The frames of a camera, in YUV_420_888. All methods run on the thread of the handler, and so do all calls to the listener.
 * Used once: {@link #start}, {@link #stop}, {@link #release}.
 */
final class CameraSource {
    interface Listener {
        /** The listener closes the frame. */
        void frame(Frame frame);

        /** The camera gives no more frames. */
        void failed(String message);
    }

    /** 1280 x 720: most phones give it at 30 frames a second. */
    private static final long PIXELS = 1280 * 720;
    /** One that is enhanced, one that waits, one that the camera hands over, one that it fills. */
    private static final int FRAMES = 4;

    private final Activity activity;
    private final CameraManager manager;
    private final Handler handler;
    private final Listener listener;
    private ImageReader reader;
    private CameraDevice device;
    private int sensorDegrees;
    private boolean front;
    private boolean stopped;

    CameraSource(Activity activity, Handler handler, Listener listener) {
        this.activity = activity;
        manager = (CameraManager) activity.getSystemService(Context.CAMERA_SERVICE);
        this.handler = handler;
        this.listener = listener;
    }

    void start() {
        attempt(() -> {
            final String id = choose();
            final CameraCharacteristics about = id == null ? null : manager.getCameraCharacteristics(id);
            final Size size = id == null ? null : size(about);
            if (size == null) {
                fail(R.string.camera_none);
                return;
            }
            final Integer degrees = about.get(CameraCharacteristics.SENSOR_ORIENTATION);
            sensorDegrees = degrees == null ? 0 : degrees;
            front = isFront(about);
            reader = ImageReader.newInstance(size.getWidth(), size.getHeight(), ImageFormat.YUV_420_888, FRAMES);
            reader.setOnImageAvailableListener(this::onImage, handler);
            manager.openCamera(id, new DeviceCallback(), handler);
        });
    }

    private interface Action {
        void run() throws CameraAccessException;
    }

    private void attempt(Action action) {
        try {
            action.run();
        } catch (CameraAccessException e) {
            fail(message(e));
        } catch (SecurityException e) {
            fail(R.string.camera_permission_refused);
        } catch (IllegalStateException e) {
            fail(R.string.camera_disconnected);
        } catch (IllegalArgumentException e) {
            fail(R.string.camera_failed);  // the camera was unplugged in between
        }
    }

    /** No frame comes after this. Those that are out stay valid until {@link #release}. */
    void stop() {
        stopped = true;
        if (device != null) {
            device.close();
        }
    }

    /** After {@link #stop}, when all frames are closed. */
    void release() {
        if (reader != null) {
            reader.close();
        }
    }

    // The first camera on the back, else the first.
    private String choose() throws CameraAccessException {
        final String[] ids = manager.getCameraIdList();
        for (String id : ids) {
            if (!isFront(manager.getCameraCharacteristics(id))) {
                return id;
            }
        }
        return ids.length == 0 ? null : ids[0];
    }

    private static boolean isFront(CameraCharacteristics about) {
        final Integer facing = about.get(CameraCharacteristics.LENS_FACING);
        return facing != null && facing == CameraCharacteristics.LENS_FACING_FRONT;
    }

    private static Size size(CameraCharacteristics about) {
        final StreamConfigurationMap map = about.get(CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP);
        final Size[] sizes = map == null ? null : map.getOutputSizes(ImageFormat.YUV_420_888);
        Size best = null;
        for (Size size : sizes == null ? new Size[0] : sizes) {
            if (best == null || PictureSize.better(size.getWidth(), size.getHeight(), best.getWidth(),
                    best.getHeight(), PIXELS)) {
                best = size;
            }
        }
        return best;
    }

    private void fail(int message) {
        if (!stopped) {
            stop();
            listener.failed(activity.getString(message));
        }
    }

    private static int message(CameraAccessException e) {
        switch (e.getReason()) {
            case CameraAccessException.CAMERA_IN_USE:
            case CameraAccessException.MAX_CAMERAS_IN_USE:
                return R.string.camera_in_use;
            case CameraAccessException.CAMERA_DISABLED:
                return R.string.camera_disabled;
            case CameraAccessException.CAMERA_DISCONNECTED:
                return R.string.camera_disconnected;
            default:
                return R.string.camera_failed;
        }
    }

    private void onImage(ImageReader from) {
        final Image image = stopped ? null : from.acquireNextImage();
        if (image != null) {
            listener.frame(frame(image));
        }
    }

    private final class DeviceCallback extends CameraDevice.StateCallback {
        @Override
        public void onOpened(CameraDevice opened) {
            if (stopped) {
                opened.close();
                return;
            }
            device = opened;
            attempt(() -> {
                final Surface surface = reader.getSurface();
                final CaptureRequest.Builder request = opened.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW);
                request.addTarget(surface);
                opened.createCaptureSession(Collections.singletonList(surface), repeating(request.build()), handler);
            });
        }

        @Override
        public void onDisconnected(CameraDevice lost) {
            lost.close();
            fail(R.string.camera_disconnected);
        }

        @Override
        public void onError(CameraDevice lost, int error) {
            lost.close();
            final boolean inUse = error == ERROR_CAMERA_IN_USE || error == ERROR_MAX_CAMERAS_IN_USE;
            final boolean disabled = error == ERROR_CAMERA_DISABLED;
            fail(inUse ? R.string.camera_in_use : disabled ? R.string.camera_disabled : R.string.camera_failed);
        }
    }

    private CameraCaptureSession.StateCallback repeating(CaptureRequest request) {
        return new CameraCaptureSession.StateCallback() {
            @Override
            public void onConfigured(CameraCaptureSession session) {
                if (!stopped) {
                    attempt(() -> session.setRepeatingRequest(request, null, null));
                }
            }

            @Override
            public void onConfigureFailed(CameraCaptureSession session) {
                fail(R.string.camera_failed);
            }
        };
    }

    /** An image of the camera, without the margin that some devices have around it. */
    private Frame frame(Image image) {
        final int quarters = activity.getWindowManager().getDefaultDisplay().getRotation();  // Surface.ROTATION_90 is 1
        final Orientation orientation = Orientation.ofCamera(sensorDegrees, 90 * quarters, front);
        return new Frame() {
            @Override
            public YuvPlanes planes() {
                final Image.Plane[] planes = image.getPlanes();
                final YuvPlanes whole = new YuvPlanes(planes[0].getBuffer(), planes[0].getRowStride(),
                        planes[1].getBuffer(), planes[2].getBuffer(), planes[1].getRowStride(),
                        planes[1].getPixelStride(), image.getWidth(), image.getHeight());
                final Rect crop = image.getCropRect();
                final int left = crop.left - crop.left % 2;
                final int top = crop.top - crop.top % 2;
                return whole.crop(left, top, crop.right - left, crop.bottom - top);
            }

            @Override
            public Orientation orientation() {
                return orientation;
            }

            @Override
            public void close() {
                image.close();
            }
        };
    }
}
