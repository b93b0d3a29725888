"""``python peer_mnn.py MODEL.mnn FRAME FRAMES PICTURE [fp16]``: enhances bytes of RGB with MNN, on one thread.

``python peer_mnn.py MODEL.onnx MODEL.mnn`` converts.
"""

import sys

if len(sys.argv) == 3:
    import _tools  # not MNN.tools.mnnconvert, which sends word of it to its makers

    options = ["-f", "ONNX", "--modelFile", sys.argv[1], "--MNNModel", sys.argv[2], "--bizCode", "dcelite"]
    _tools.mnnconvert(["mnnconvert", *options])
    sys.exit()

import MNN
import numpy as np

model, frame, frames, picture, *options = sys.argv[1:]
interpreter = MNN.Interpreter(model)
precision = "low" if options == ["fp16"] else "normal"
session = interpreter.createSession({"backend": "CPU", "numThread": 1, "precision": precision})
entry, result = interpreter.getSessionInput(session), interpreter.getSessionOutput(session)
pixels = np.load(frame)
enhanced = np.zeros_like(pixels)
# "Caffe": axes as they are; the graph itself puts the channels first.
kind = MNN.Halide_Type_Uint8, MNN.Tensor_DimensionType_Caffe
source, target = (MNN.Tensor(pixels.shape, kind[0], array, kind[1]) for array in (pixels, enhanced))
for _ in range(int(frames)):
    entry.copyFrom(source)
    interpreter.runSession(session)
    result.copyToHostTensor(target)
np.save(picture, np.array(target.getNumpyData(), np.uint8).reshape(pixels.shape))
