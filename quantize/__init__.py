"""Quantisation: a checkpoint and a folder of dark photographs become int8 models in all formats, with a report.

``quantize.py`` is the entry. ``calibration.py`` chooses the pictures, ``float_network.py`` runs the network on them,
``ranges.py`` and ``equalize.py`` bring every channel to one scale, ``rounding.py`` rounds the weights,
``int8_network.py`` defines the integer arithmetic and what a ``.dce`` holds, ``sensitivity.py`` finds what has to stay
wide; ``onnx_int8.py`` and ``lite_int8.py`` write the other formats; ``measure.py`` and ``report.py`` say what was lost.
"""
