"""``python peer_mindspore_lite.py MODEL.ms FRAME FRAMES PICTURE LIBRARY``: a graph with MindSpore Lite, on one thread.

LIBRARY is this project's engine, ``libdcelite_mslite.so``: MindSpore Lite 2.0 has wheels for Python 3.7 only.
"""

import ctypes
import sys

import numpy as np

model, frame, frames, picture, library = sys.argv[1:]
engine = ctypes.CDLL(library)
message = ctypes.create_string_buffer(512)
handle = ctypes.c_void_p()
if engine.dce_mslite_model_open(model.encode(), 1, ctypes.byref(handle), message, ctypes.c_size_t(512)) != 0:
    sys.exit(f"{model}: {message.value.decode()}")
pixels = np.load(frame)
height, width = pixels.shape[1:3] if pixels.dtype == np.uint8 else pixels.shape[2:]
result = np.empty_like(pixels)
ends = [ctypes.c_void_p(array.ctypes.data) for array in (pixels, result)]
for _ in range(int(frames)):
    if engine.dce_mslite_model_run(handle, ends[0], height, width, ends[1], message, ctypes.c_size_t(512)) != 0:
        sys.exit(f"{model}: {message.value.decode()}")
np.save(picture, result)
