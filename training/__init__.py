"""Training of Zero-DCE and Zero-DCE++ in MindSpore: networks, losses, data, checkpoints.

Importing any part of this package first sets the environment that MindSpore needs on a CPU, since it is read when
MindSpore is imported. Values that the user has set are kept.
"""

from __future__ import annotations

import os
import platform

if platform.machine().lower() in ("x86_64", "amd64"):
    # On CPUs with AVX-512, the oneDNN inside MindSpore falls back to its reference convolutions, 10 to 50 times slower.
    os.environ.setdefault("DNNL_MAX_CPU_ISA", "AVX2")
os.environ.setdefault("GLOG_v", "3")  # MindSpore's log level: 3 = errors only
