#!/usr/bin/python3
"""The engine's rules against published measurements: error norms |C - AB| / |AB| of random matrices and images, which
ANEForge published for M1 to M6, computed with NumPy alone (tests/golden/sim/engine.py and make_convolution.py).

  python3 benchmarks/sim/error_norms.py                       # products of 512 and 1024, convolutions of 64 channels
  python3 benchmarks/sim/error_norms.py --most 4096 --channels 512   # nearly all that was published; minutes

ANEForge's device_saturation_sweep.py draws the operands: for a product of n, from NumPy's default_rng(0), x and w,
both n by n, normal, as float32, over sqrt(n); the engine computes x w^T of the halves of these. For a 3x3 convolution of
c channels over 64 by 64 pixels, padded by 1, from default_rng(1), b images and the weight, the latter times
sqrt(2 / 9c), in double. The error is taken against the unrounded operands, of the first 256 rows or the first image.

The products of other sizes are those whose bits the simulator's own tests compare (make_products.py).
"""
import argparse
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/golden/sim"))
from engine import decode, matmul, r  # noqa: E402
from make_convolution import direct, winograd  # noqa: E402
from make_products import cases as own_products  # noqa: E402

PRODUCTS = {  # M1, M1 Max, M4, M4 Pro, M4 Max, M5 and M6 alike, as far as each was measured
    512: 0.00257800397023792, 1024: 0.005528352999597525, 2048: 0.012131920427695623, 4096: 0.027237621125542212,
}  # fmt: skip
CONVOLUTIONS = [  # the chip, its algorithm, channels, images
    ("M4", direct, 64, 16, 0.00036713452579315676), ("M4", direct, 128, 16, 0.000373510899298669),
    ("M4", direct, 256, 8, 0.00039034647589447895), ("M4", direct, 512, 4, 0.000418456590926874),
    ("M6", winograd, 64, 8, 0.0005162338465671137), ("M6", winograd, 128, 8, 0.0005214500415248461),
    ("M6", winograd, 256, 4, 0.0005323365234218932), ("M6", winograd, 512, 2, 0.0005551710379119106),
]  # fmt: skip
ROWS = 256  # of a product, that the error is taken of


def halves(x):
    return x.astype(np.float16).astype(float)


def norm(actual, expected):
    return np.linalg.norm(actual - expected) / np.linalg.norm(expected)


def product_norm(n):
    random = np.random.default_rng(0)
    x, w = (random.standard_normal((n, n)).astype(np.float32) / np.float32(np.sqrt(n)) for _ in range(2))
    x = x[:ROWS]
    return norm(decode(matmul(halves(x), halves(w).T)), x.astype(float) @ w.astype(float).T)


def exact_convolution(x, w):
    height, width = x.shape[2] - w.shape[2] + 1, x.shape[3] - w.shape[3] + 1
    taps = [(i, j) for i in range(w.shape[2]) for j in range(w.shape[3])]
    parts = (np.einsum("oc,nchw->nohw", w[:, :, i, j], x[:, :, i : i + height, j : j + width]) for i, j in taps)
    return sum(parts)


def convolution_norm(algorithm, channels, images):
    random = np.random.default_rng(1)
    x = random.standard_normal((images, channels, 64, 64)).astype(np.float32)[:1]
    w = random.standard_normal((channels, channels, 3, 3)).astype(np.float32)
    w = w.astype(float) * np.sqrt(2 / (9 * channels))
    y = algorithm(halves(x), halves(w), None, (1, 1, 1, 1))
    padded = np.pad(x.astype(float), ((0, 0), (0, 0), (1, 1), (1, 1)))
    return norm(decode(y), exact_convolution(padded, w))


def even(values):
    return values.astype(np.float16).astype(float)


def sum_norm(terms, rounded):
    """Of sums of halves in halves, element i with element i + n/2: the choice reduction-order, for a power of 2."""
    x = halves(np.random.default_rng(0).standard_normal((ROWS, terms)))
    exact = x.sum(1)
    while x.shape[1] > 1:
        x = rounded(x[:, : x.shape[1] // 2] + x[:, x.shape[1] // 2 :])
    return norm(x[:, 0], exact)


def show(what, computed, published):
    print(f"{what:34} {computed:.16g}  published {published:.16g}  ratio - 1: {computed / published - 1:+.1e}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=1024, help="the largest product")
    parser.add_argument("--channels", type=int, default=64, help="the most channels of a convolution")
    given = parser.parse_args()
    for case in own_products():
        print(f"{'product of %d x %d x %d' % case['size']:34} {case['error']:.16g}  {case['infinite']} infinite")
    for what, rounded in (("away from zero", r), ("to even", even)):
        print(f"{'sums of 4096, ties ' + what:34} {sum_norm(4096, rounded):.3g}  published about 8e-4")
    for n, published in PRODUCTS.items():
        if n <= given.most:
            show(f"product of {n}", product_norm(n), published)
    for chip, algorithm, channels, images, published in CONVOLUTIONS:
        if channels <= given.channels:
            show(f"3x3 of {channels} channels, {chip}", convolution_norm(algorithm, channels, images), published)


if __name__ == "__main__":
    main()
