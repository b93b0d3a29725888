"""``python peer_ncnn.py MODEL.param FRAME FRAMES PICTURE [fp32]``: enhances bytes of RGB with ncnn, on one thread.

``fp32`` forbids what ncnn does of its own accord where the processor can: floats of 16 bits.
"""

import sys

import ncnn
import numpy as np

model, frame, frames, picture, *options = sys.argv[1:]
net = ncnn.Net()
net.opt.num_threads = 1
if options == ["fp32"]:
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
if net.load_param(model) != 0 or net.load_model(model.removesuffix("param") + "bin") != 0:
    sys.exit(f"{model}: ncnn refuses it")
(pixels,) = np.load(frame)
height, width, _ = pixels.shape
for _ in range(int(frames)):
    extractor = net.create_extractor()
    extractor.input("image.planar", ncnn.Mat.from_pixels(pixels, ncnn.Mat.PixelType.PIXEL_RGB, width, height))
    status, planes = extractor.extract("enhanced.clamped")
    if status != 0:
        sys.exit(f"{model}: ncnn fails with status {status}")
# Once, so that no frame counts it: ncnn has Mat.to_pixels for C++, and not for Python.
np.save(picture, np.array(planes).transpose(1, 2, 0).astype(np.uint8)[None])
