"""``python peer_litert.py MODEL.tflite FRAME FRAMES PICTURE``: enhances bytes of RGB with LiteRT, on one thread.

XNNPACK is the delegate that LiteRT takes of its own accord.
"""

import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter

model, frame, frames, picture = sys.argv[1:]
interpreter = Interpreter(model, num_threads=1)
interpreter.allocate_tensors()
(entry,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
pixels = np.load(frame)
for _ in range(int(frames)):
    interpreter.set_tensor(entry["index"], pixels)
    interpreter.invoke()
    enhanced = interpreter.get_tensor(result["index"])
np.save(picture, enhanced)
