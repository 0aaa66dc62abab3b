#!/usr/bin/env python3
"""Writes draws.json: weights the seed's programs would start Stories110M from, at chosen places.

    python3 tests/golden/initialize/make.py > tests/golden/initialize/draws.json

Each value is had by jumping the generator straight to its draw (powers of the affine map), so a draw too many or too
few anywhere before it shows. Standard library only.
"""

import json
import math
import struct

LAYERS, DIM, HIDDEN, VOCAB = 12, 768, 2048, 32000
ATTENTION, FEED_FORWARD = DIM * DIM, DIM * HIDDEN
LAYER = 4 * ATTENTION + 3 * FEED_FORWARD
TOTAL = LAYERS * LAYER + VOCAB * DIM


def draw(n):
    """Draw n (from 0) of drand48 after srand48(42)."""
    modulus = 1 << 48
    a, c = 1, 0                       # the map applied n + 1 times, by squaring
    step_a, step_c = 0x5DEECE66D, 0xB
    k = n + 1
    while k:
        if k & 1:
            a, c = a * step_a % modulus, (c * step_a + step_c) % modulus
        step_a, step_c = step_a * step_a % modulus, (step_c * step_a + step_c) % modulus
        k >>= 1
    state = (42 << 16) | 0x330E
    return (a * state + c) % modulus / modulus


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def inverse_root(n):
    return f32(1 / f32(math.sqrt(n)))


D, H, R = inverse_root(DIM), inverse_root(HIDDEN), inverse_root(2 * LAYERS)
DR = f32(D * R)


def place(scheme, tensor, i):
    """The draw of element i within its layer, and its scale."""
    pair = 2 if scheme != "dynamic" else 1
    second = 1 if pair == 2 else ATTENTION
    residual = D if scheme == "train_large" else DR
    return {
        "attention.wq": (pair * i, D),
        "attention.wk": (pair * i + second, D),
        "attention.wv": (2 * ATTENTION + pair * i, D),
        "attention.wo": (2 * ATTENTION + pair * i + second, residual),
        "feed_forward.w1": (4 * ATTENTION + i, H),
        "feed_forward.w2": (4 * ATTENTION + FEED_FORWARD + i, residual),
        "feed_forward.w3": (4 * ATTENTION + 2 * FEED_FORWARD + i, H),
    }[tensor]


def value(n, scale):
    return f32(scale * (2 * draw(n) - 1))


def rows(scheme):
    for layer in (0, 5, 11):
        for tensor, last in (("attention.wq", ATTENTION), ("attention.wk", ATTENTION), ("attention.wv", ATTENTION),
                             ("attention.wo", ATTENTION), ("feed_forward.w1", FEED_FORWARD),
                             ("feed_forward.w2", FEED_FORWARD), ("feed_forward.w3", FEED_FORWARD)):
            for i in (0, 1, 12345, last - 1):
                n, scale = place(scheme, tensor, i)
                yield f"layers.{layer}.{tensor}.weight", i, value(layer * LAYER + n, scale)
    for i in (0, 1, 2, VOCAB * DIM - 1):
        yield "tok_embeddings.weight", i, value(LAYERS * LAYER + i, f32(0.02))


golden = {scheme: [list(row) for row in rows(scheme)] for scheme in ("train_large", "train_large_ane", "dynamic")}
print(json.dumps({"draws": TOTAL, **golden}).replace("[[", "[\n[").replace("], [", "],\n[").replace("]], ", "]],\n"))
