"""``python peer_onnx.py MODEL.onnx FRAMES``: runs a graph on one thread.

By a Python of the counted processor, which has NumPy and ONNX Runtime and nothing of this project.
"""

import sys

import numpy as np
import onnxruntime

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
(entry,) = session.get_inputs()
is_whole = "uint8" in entry.type
# Sizes are free: the network alone sees the 100 x 75 pixels that 1200 x 900 become.
dark = np.random.default_rng(1).integers(0, 96, (1, 900, 1200, 3) if is_whole else (1, 3, 75, 100))
frame = dark.astype(np.uint8) if is_whole else (dark / 255).astype(np.float32)
for _ in range(int(sys.argv[2])):
    session.run(None, {entry.name: frame})
