"""MindSpore, with the environment that it reads when it is imported on a CPU. Values that the user has set are kept.

All that runs MindSpore takes it from here; nothing else imports this module, so that no other program, nor what it
starts, sees these variables.
"""

from __future__ import annotations

import os
import platform

if platform.machine().lower() in ("x86_64", "amd64"):
    # On CPUs with AVX-512, the oneDNN inside MindSpore falls back to its reference convolutions, 10 to 50 times slower.
    os.environ.setdefault("DNNL_MAX_CPU_ISA", "AVX2")
os.environ.setdefault("GLOG_v", "3")  # MindSpore's log level: 3 = errors only

import mindspore as ms
from mindspore import Tensor, nn, ops

__all__ = ["Tensor", "ms", "nn", "ops"]
