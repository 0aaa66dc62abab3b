#!/usr/bin/python3
"""Writes products.json: matrix products of operands drawn as engine.py says, a checksum and the first eight of the
results, and the norm of their error, |C - AB| / |AB| in double precision.

  python3 tests/golden/sim/make_products.py
"""
import json
from pathlib import Path

import numpy as np
from engine import checksum, decode, draw, matmul

CASES = [  # rows, contraction, columns; the operands' exponents: the last sums beyond 2^15, some of them
    ((96, 1024, 64), (-4, -4)), ((64, 512, 40), (0, -2)), ((33, 2048, 7), (-6, -2)), ((40, 100, 48), (7, 6)),
]  # fmt: skip


def cases():
    for i, ((rows, inner, columns), exponents) in enumerate(CASES):
        a, b = (draw(100 + 2 * i + j, shape, exponents[j]) for j, shape in enumerate(((rows, inner), (inner, columns))))
        c = matmul(a, b)
        finite = (c & 0x7FFF) != 0x7C00
        error = np.linalg.norm((decode(c) - a @ b)[finite]) / np.linalg.norm((a @ b)[finite])
        yield {"size": (rows, inner, columns), "exponents": exponents, "seeds": (100 + 2 * i, 101 + 2 * i),
               "infinite": int(np.sum(~finite)), "error": error, "checksum": checksum(c),
               "results": c.reshape(-1)[:8].tolist()}  # fmt: skip


if __name__ == "__main__":
    lines = ",\n".join(json.dumps(case) for case in cases())
    Path(__file__).with_name("products.json").write_text(f"[\n{lines}\n]\n")
