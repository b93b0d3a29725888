"""``python peer_onnx.py MODEL.onnx FRAME FRAMES PICTURE``: runs a graph with ONNX Runtime, on one thread.

By a Python of the counted processor, which has NumPy and the runtime and nothing of this project; the other scripts
``peer_….py`` likewise. FRAME and PICTURE are arrays of NumPy: (1, height, width, 3) bytes of RGB, or for a network
alone (1, 3, height, width) floats, and what comes of them.
"""

import sys

import numpy as np
import onnxruntime

model, frame, frames, picture = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
(entry,) = session.get_inputs()
pixels = np.load(frame)
for _ in range(int(frames)):
    (result,) = session.run(None, {entry.name: pixels})
np.save(picture, result)
