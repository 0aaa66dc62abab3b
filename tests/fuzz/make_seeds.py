#!/usr/bin/env python3
"""Writes the inputs that fuzzing starts from, tests/fuzz/seeds/*: small files of every kind that a target tells apart.

    python3 tests/fuzz/make_seeds.py
"""

import pathlib
import struct

here = pathlib.Path(__file__).parent


def save(target, seeds):
    folder = here / "seeds" / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds.items():
        (folder / name).write_bytes(data)


# ---- Weight files


def header(count=1, version=2, reserved=b""):
    return struct.pack("<II", count, version) + reserved.ljust(56, b"\0")


def metadata(dtype, size, offset, unused_bits=0, reserved=b""):
    return struct.pack("<IIQQQ", 0xDEADBEEF, dtype, size, offset, unused_bits) + reserved.ljust(32, b"\0")


def padded(data):
    return data + b"\0" * (-len(data) % 64)


def weight_file(*blobs, count=None):
    """blobs: (dtype, data, unused bits)."""
    file = header(len(blobs) if count is None else count)
    for dtype, data, unused_bits in blobs:
        file += metadata(dtype, len(data), len(file) + 64, unused_bits) + padded(data)
    return file


halves = struct.pack("<3e", 1.5, -2, 1)
two = (1, halves, 0), (12, b"\xd1\x01", 7)
bits = [16, 32, 8, 8, 16, 16, 16, 4, 1, 2, 4, 3, 6, 32, 32, 8, 8]  # of the element types 1 to 17


def seven_elements(dtype):
    used = 7 * bits[dtype - 1]
    size = (used + 7) // 8
    return dtype, bytes(size), size * 8 - used


save(
    "blob",
    {
        "two": weight_file(*two),
        "every_type": weight_file(*(seven_elements(1 + i) for i in range(len(bits)))),
        "none": weight_file(),
        "scalar_unpadded": weight_file((2, struct.pack("<f", 1), 0))[:132],
        "count_too_small": weight_file(*two, count=1),
        "wrong_fields": header() + 2 * (metadata(1, 0x80000, 0) + halves),
        "odd_address": header() + metadata(4, 0x100000, 0) + b"\7" + metadata(1, 0x80000, 0) + halves,
        "mislabelled": header() + metadata(1, 0x80000, 0) + b"\1\xff\x80",
        "no_file_header": metadata(1, 0x80000, 0) + b"\1\xff\x80",
        "reserved_garbage": header() + metadata(1, 6, 128, 0xABCDEF0123456789, b"garbage") + padded(halves),
        "header_garbage": header(reserved=b"garbage") + metadata(1, 6, 128) + padded(halves),
        "nested": weight_file((3, metadata(3, 1, 256) + b"\1", 0)),
        "version_1": header(version=1),
        "lfs_pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 999\n",
    },
)

# ---- NumPy's files (tests/golden/npy has some of NumPy's own)


def array(descr, shape, data, fortran_order=False, version=1, header=None):
    text = header or f"{{'descr': {descr!r}, 'fortran_order': {fortran_order}, 'shape': {shape}, }}\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text.encode() + data


save(
    "npy",
    {
        **{kind: array("<" + kind, (1, 2), bytes(2 * int(kind[1]))) for kind in "f2 f4 f8 i2 i4 i8 u2 u4 u8".split()},
        **{kind: array("|" + kind, (3,), b"\1\0\1") for kind in ["b1", "i1", "u1"]},
        "scalar": array("<f4", (), struct.pack("<f", 1)),
        "empty": array("<f4", (0, 3), b""),
        "fortran": array("<i2", (2, 3, 2), bytes(range(24)), fortran_order=True),
        "version_2": array("|u1", (1,), b"\7", version=2),
        "version_3": array("|u1", (1,), b"\7", version=3),
        "big_endian": array(">f4", (1,), bytes(4)),
        "structured": array([("a", "<f4")], (1,), bytes(4)),
        "double_quotes": array("", "", b"\7", header='{"shape":(1,1),"fortran_order":True,"descr":"|u1"}'),
        "overflow": array("|u1", (2147483647, 2147483647, 4294967297), b""),
    },
)
