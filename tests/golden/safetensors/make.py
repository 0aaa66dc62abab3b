#!/usr/bin/env python3
"""Writes official.safetensors with the format's own package.

    pip install safetensors numpy
    python3 tests/golden/safetensors/make.py tests/golden/safetensors/official.safetensors
"""

import sys

import numpy as np
from safetensors.numpy import save_file

save_file(
    {
        "floats": np.array([[0.5, -1.25, 3.0], [1e-30, 65504.0, -0.0]], dtype=np.float32),
        "halves": np.array([1.0, -2.5, 6e-8], dtype=np.float16),
        "doubles": np.array([np.pi]),
        "ids": np.array([[1], [-7]], dtype=np.int64),
        "counts": np.array([3, -4], dtype=np.int32),
        "bytes": np.array([255, 0, 7], dtype=np.uint8),
        "big": np.array([2**64 - 1], dtype=np.uint64),
        "scalar": np.array(42.0, dtype=np.float32),
        "empty": np.zeros((0, 5), dtype=np.float32),
        "flags": np.array([True, False]),
    },
    sys.argv[1],
    metadata={"format": "np", "author": "the official package, ünïcode"},
)
