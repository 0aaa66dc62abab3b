#!/usr/bin/env python3
"""Writes arrays with NumPy's own numpy.save, for src/mil/npy_test.cc.

    /usr/bin/python3 tests/golden/npy/make.py        # Debian's python3-numpy, 1.24

From 1.23 on NumPy pads headers so that the first dimension may grow in place; the bytes of files that we write are
those of such a version.
"""

import pathlib

import numpy as np

folder = pathlib.Path(__file__).parent


def save(name, array, version=(1, 0)):
    with open(folder / f"{name}.npy", "wb") as file:
        np.lib.format.write_array(file, array, version=version)


for dtype in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]:
    values = np.array([[0, 1, 2], [3, 100, 127]], dtype=dtype)
    save(dtype, values if dtype[0] == "u" else values - np.array(3, dtype=dtype))
save("b1", np.array([True, False, True]))

save("scalar", np.array(-1.5, dtype="f4"))
save("row", np.array([1, 2, 3], dtype="u1"))
save("rank5", np.arange(12, dtype="i1").reshape(1, 2, 1, 3, 2))
save("empty", np.zeros((0, 3), dtype="f4"))
save("empty_inside", np.zeros((2, 0, 3), dtype="i2"))
save("growing", np.zeros((0,) + (1,) * 12 + (100,), dtype="u1"))  # the room to grow just makes it 64 bytes longer
save("wide", np.zeros((1,) * 31 + (2,), dtype="u1"))  # a header of 192 bytes

save("fortran", np.asfortranarray(np.arange(24, dtype="i2").reshape(2, 3, 4)))
save("version2", np.arange(3, dtype="f4"), version=(2, 0))
save("version3", np.arange(3, dtype="f4"), version=(3, 0))

save("big_endian", np.arange(3, dtype=">f4"))
save("complex", np.array([1j], dtype="c8"))
save("structured", np.zeros(2, dtype=[("a", "f4"), ("b", "i4")]))
save("text", np.array(["abc"]))
