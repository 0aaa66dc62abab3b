#!/usr/bin/python3
"""Writes convolution.json: what convolutions are on M4, which computes them directly, and on M5, which uses Winograd's
algorithm where it can. Operands are drawn as engine.py says; of the results a checksum and the first eight.

  python3 tests/golden/sim/make_convolution.py
"""
import json
from pathlib import Path

import numpy as np
from engine import checksum, draw, halves_of, r, sums


def padded(x, pad):
    top, bottom, left, right = pad
    return np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))


def patches(x, kernel, strides, dilations):
    """[images, channels * taps, height, width] of x [images, channels, height, width], padded already."""
    out = [(x.shape[2 + d] - (kernel[d] - 1) * dilations[d] - 1) // strides[d] + 1 for d in (0, 1)]
    taps = []
    for i in range(kernel[0]):
        for j in range(kernel[1]):
            rows = slice(i * dilations[0], i * dilations[0] + (out[0] - 1) * strides[0] + 1, strides[0])
            columns = slice(j * dilations[1], j * dilations[1] + (out[1] - 1) * strides[1] + 1, strides[1])
            taps.append(x[:, :, rows, columns])
    return np.stack(taps, 2).reshape(len(x), -1, *out)


def direct(x, w, bias, pad, strides=(1, 1), dilations=(1, 1), groups=1):
    columns = patches(padded(x, pad), w.shape[2:], strides, dilations)
    results, images = len(w) // groups, []
    for image in columns.reshape(len(x), groups, -1, *columns.shape[2:]):
        parts = []
        for g in range(groups):
            rows = slice(g * results, (g + 1) * results)
            part = sums(w[rows].reshape(results, -1), image[g].reshape(image.shape[1], -1),
                        None if bias is None else bias[rows])  # fmt: skip
            parts.append(part.reshape(results, *columns.shape[2:]))
        images.append(np.concatenate(parts))
    return halves_of(np.stack(images))


def winograd(x, w, bias, pad):
    """F(2, 3) along the width; kernel rows are summed as channels are."""
    g0, g1, g2 = w[..., 0], w[..., 1], w[..., 2]
    u = [r(g).reshape(len(w), -1) for g in (g0, (g0 + g1 + g2) / 2, (g0 - g1 + g2) / 2, g2)]
    x = padded(x, pad)
    width = x.shape[3] - 2
    x = np.pad(x, ((0, 0), (0, 0), (0, 0), (0, width % 2)))
    d0, d1, d2, d3 = (x[..., i : i + width + width % 2 - 1 : 2] for i in range(4))
    v = [r(d) for d in (d0 - d2, d1 + d2, d2 - d1, d1 - d3)]
    m = []
    for j in range(4):
        columns = patches(v[j], (w.shape[2], 1), (1, 1), (1, 1))
        m.append(np.stack([sums(u[j], image.reshape(image.shape[0], -1), bias if j == 1 else None) for image in columns]))
    y = np.stack([m[0] + m[1] + m[2], m[1] - m[2] - m[3]], -1)
    height = x.shape[2] - w.shape[2] + 1
    return halves_of(y.reshape(len(x), len(w), height, -1)[..., :width])


def case(x, w, exponents, pad=(0, 0, 0, 0), bias=False, strides=(1, 1), dilations=(1, 1), groups=1):
    return {"x": x, "weight": w, "exponents": exponents, "pad": pad, "bias": bias, "strides": strides,
            "dilations": dilations, "groups": groups}  # fmt: skip


CASES = [
    case([1, 5, 1, 8], [3, 5, 1, 3], [0, -2]),
    case([2, 4, 1, 9], [5, 4, 1, 3], [1, -1], pad=(0, 0, 1, 1)),
    case([1, 64, 6, 10], [8, 64, 3, 3], [0, -3], pad=(1, 1, 1, 1)),
    case([2, 7, 5, 7], [4, 7, 3, 3], [2, -2], pad=(0, 2, 2, 1), bias=True),
    case([1, 33, 4, 5], [6, 33, 3, 3], [-6, -7], pad=(1, 1, 0, 0), bias=True),
    case([1, 3, 3, 3], [2, 3, 3, 3], [0, 0]),
    case([1, 3, 6, 9], [2, 3, 3, 3], [0, 0], strides=(1, 2)),
    case([1, 3, 6, 9], [2, 3, 3, 3], [0, 0], dilations=(1, 2)),
    case([1, 6, 6, 9], [4, 3, 3, 3], [0, 0], groups=2, bias=True),
    case([1, 3, 6, 9], [2, 3, 3, 2], [0, 0]),
    case([1, 3, 6, 9], [2, 3, 2, 3], [0, 0]),
    case([1, 3, 6, 9], [2, 3, 3, 1], [0, 0], pad=(1, 1, 0, 0)),
    case([1, 40, 4, 6], [3, 40, 1, 1], [7, 6], bias=True),
    case([1, 40, 3, 6], [3, 40, 2, 2], [7, 6]),
]


def uses_winograd(c):
    plain = list(c["strides"]) == [1, 1] and list(c["dilations"]) == [1, 1] and c["groups"] == 1
    return plain and c["weight"][2:] in ([1, 3], [3, 3])


def golden():
    for seed, c in enumerate(CASES):
        x = draw(3 * seed, c["x"], c["exponents"][0])
        w = draw(3 * seed + 1, c["weight"], c["exponents"][1])
        bias = draw(3 * seed + 2, c["weight"][:1], sum(c["exponents"])) if c["bias"] else None
        results = {"m4": direct(x, w, bias, c["pad"], c["strides"], c["dilations"], c["groups"])}
        results["m5"] = winograd(x, w, bias, c["pad"]) if uses_winograd(c) else results["m4"]
        for chip, y in results.items():
            yield {**c, "seed": 3 * seed, "chip": chip, "shape": y.shape, "checksum": checksum(y),
                   "results": y.reshape(-1)[:8].tolist()}  # fmt: skip


if __name__ == "__main__":
    lines = ",\n".join(json.dumps(line) for line in golden())
    Path(__file__).with_name("convolution.json").write_text(f"[\n{lines}\n]\n")
