"""MindSpore Lite: the engine for ``.ms`` models, and the converter that makes them.

    python -m dcelite.mindspore_lite install      # fetch the SDK, compile converter and engine
    convert(Path("zerodcepp.onnx"), Path("zerodcepp.ms"))
    model = open_model(Path("zerodcepp.ms"), threads=2)

Neither Python 3.7 nor the Python package of MindSpore Lite is needed; see ``sdk.py``.
"""

from dcelite.mindspore_lite.converter import convert
from dcelite.mindspore_lite.engine import MindSporeLiteModel, open_model

__all__ = ["MindSporeLiteModel", "convert", "open_model"]
