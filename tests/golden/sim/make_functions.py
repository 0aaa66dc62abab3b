#!/usr/bin/python3
"""Writes functions.json: what the engine's unary functions make of all 65536 halves, computed with NumPy, apart from
the simulator's code. For each function a checksum of the results (FNV-1a, 64 bits, over their bytes, low first) and
those of every 1021st half.

  python3 tests/golden/sim/make_functions.py           # writes the file
  python3 tests/golden/sim/make_functions.py --errors  # prints the functions' largest errors instead
"""
import json
import math
import sys
from pathlib import Path

import numpy as np
from engine import checksum, decode, encode, r

STRIDE = 1021

# ---- Tables


def entries(f, count=33):
    return r([f(i) for i in range(count)])


def segment(u):
    whole = np.minimum(u.astype(np.int64), 31)
    return whole, u - whole


def lut(table, u):
    i, way = segment(u)
    i = np.minimum(i, len(table) - 2)
    return r(table[i] + r((table[i + 1] - table[i]) * way))


def fitted(f, limit):
    """Least squares over all normal halves within the limit, in the basis of the 33 hats."""
    x = decode(np.arange(1 << 10, 1 << 15))
    x = x[x <= limit]
    x = np.concatenate([-x, x])
    i, way = segment((x + limit) * 16 / limit)
    hats = np.zeros((len(x), 33))
    hats[np.arange(len(x)), i] = 1 - way
    hats[np.arange(len(x)), i + 1] = way
    return r(np.linalg.lstsq(hats, f(x), rcond=None)[0])


# ---- Functions with a published arithmetic

INFINITY = 65536.0
HUGE = 1e30  # rounds to infinity

erf_true = np.vectorize(math.erf)


def safely(f):
    """f with the warnings of what lies beyond its domain, whose results are replaced, left out."""

    def quiet(*arguments):
        with np.errstate(all="ignore"):
            return f(*arguments)

    return quiet


def tanh(x):
    a = np.abs(x)
    table = lut(entries(lambda i: math.tanh(i / 8)), np.minimum(8 * a, 32))
    return np.sign(x) * np.where(a < 4, table, 1)


def erf(x):
    a = np.abs(x)
    table = lut(entries(lambda i: math.erf(i / 16)), np.minimum(16 * a, 32))
    return np.sign(x) * np.where(a < 2, table, np.minimum(1, r(0.97038 + 0.0124 * a)))


def sigmoid(x):
    table = entries(lambda i: 1 / (1 + math.exp(8 - i / 2)))
    i, way = segment(np.clip(2 * x + 16, 0, 32))
    step = table[i + 1] - table[i]
    inside = np.where(x < 0, r(table[i + 1] - r(step * (1 - way))), r(table[i] + r(step * way)))
    tail = np.maximum(0, 3.3545e-4 + 1.732e-4 * (8 - np.abs(x)))
    return np.where(np.abs(x) <= 8, inside, r(np.where(x < 0, tail, 1 - tail)))


def exp2(x):
    whole = np.floor(x)
    return r(lut(entries(lambda i: 2 ** (i / 32)), 32 * (x - whole)) * 2.0 ** np.clip(whole, -200, 200))


def exp(x):
    return exp2(r(x * 1.4423828125))


def log(x):
    m, e = np.frexp(np.abs(x))
    log2 = r(lut(entries(lambda i: math.log2((32 + i) / 64)), np.abs(64 * m - 32)) + e)
    return np.where(x <= 0, -HUGE, np.where(x >= INFINITY, 0, r(log2 * 0.693359375)))


def by_fours(x):
    """x = m * 4^k, m in [1/2, 2)."""
    m, e = np.frexp(np.abs(x))
    odd = e % 2
    return np.where(m == 0, 0.5, m * (1 + odd)), (e - odd) // 2


def sqrt(x):
    m, k = by_fours(x)
    y = lut(entries(lambda i: math.sqrt((8 + i) / 16), 25), 16 * m - 8) * 2.0**k
    return np.where(x <= 0, 0, np.where(x >= INFINITY, HUGE, y))


def rsqrt(x):
    m, k = by_fours(x)
    y = lut(entries(lambda i: ((8 + i) / 16) ** -0.5, 25), 16 * m - 8) * 2.0**-k
    return np.where(x <= 0, HUGE, np.where(x >= INFINITY, 0, y))


def inverse(x):
    m, e = np.frexp(np.abs(x))
    y = lut(entries(lambda i: 64 / (32 + i)), np.where(m == 0, 0, 64 * m - 32)) * 2.0**-e
    y = np.where(x == 0, HUGE, np.where(np.abs(x) >= INFINITY, 0, r(y)))
    return np.where(x < 0, -y, y)


def shifted(f, epsilon):
    units = math.floor(epsilon * 65536 + 0.5)
    return lambda x: f(r(x + units / 65536))


def wave(x, quarter):
    """sin(|x| + quarter * pi / 2), by whole 2^-16ths of a quadrant."""
    units = np.floor(np.abs(x) * 2 / np.pi * 65536 + 0.5).astype(np.int64) + quarter * 65536
    table = entries(lambda i: math.sin(i * math.pi / 64))
    i, way = segment((units % 65536) / 2048)
    up = table[i] + r((table[i + 1] - table[i]) * way)
    down = table[32 - i] + r((table[31 - i] - table[32 - i]) * way)
    y = r(np.where(units >> 16 & 1, down, up))
    return np.where(units >> 17 & 1, -y, y)


def sin(x):
    return np.sign(x) * wave(x, 0)


def gated(f, limit):
    def evaluate(x):
        inside = lut(fitted(f, limit), (np.clip(x, -limit, limit) + limit) * 16 / limit)
        return np.where(np.abs(x) <= limit, inside, np.maximum(x, 0))

    return evaluate


def gelu_true(x):
    return x * (1 + erf_true(x / math.sqrt(2))) / 2


def silu_true(x):
    return x / (1 + np.exp(-x))


# ---- Functions by choice


def rounded(x):
    return np.sign(x) * np.floor(r(np.abs(x) + 0.5))


def atan(x):
    a = np.abs(x)
    table = entries(lambda i: math.atan(i / 32))
    far = r(r(math.pi / 2) - lut(table, 32 * np.minimum(inverse(np.maximum(a, 1)), 1)))
    return np.sign(x) * np.where(a <= 1, lut(table, 32 * np.minimum(a, 1)), far)


def leaky(x, alpha):
    return np.where(x < 0, r(alpha * x), x)


def softplus(x):
    return r(np.maximum(x, 0) + log(r(1 + exp(-np.abs(x)))))


def elu(x, alpha):
    return np.where(x > 0, x, r(alpha * r(exp(np.minimum(x, 0)) - 1)))


PUBLISHED = {
    "abs": np.abs, "sign": np.sign, "square": np.square, "relu": lambda x: np.maximum(x, 0), "floor": np.floor,
    "tanh": tanh, "erf": erf, "sigmoid": sigmoid, "exp": exp, "log": log, "sqrt": sqrt, "rsqrt": rsqrt,
    "inverse": shifted(inverse, 1e-4), "sin": sin, "gelu": gated(gelu_true, 4), "silu": gated(silu_true, 8),
}  # fmt: skip
CHOSEN = {
    "round": rounded, "ceil": np.ceil, "exp2": exp2, "cos": lambda x: wave(x, 1), "atan": atan,
    "relu6": lambda x: np.clip(x, 0, 6), "softplus": softplus, "softsign": lambda x: x * inverse(r(1 + np.abs(x))),
}  # fmt: skip
WITH_SETTINGS = [
    ("log", {"epsilon": 1e-3}, shifted(log, 1e-3)),
    ("rsqrt", {"epsilon": 1e-5}, shifted(rsqrt, 1e-5)),
    ("inverse", {"epsilon": 0.0}, inverse),
    ("clip", {"alpha": -1.5, "beta": 3.25}, lambda x: np.clip(x, -1.5, 3.25)),
    ("threshold", {"alpha": 0.75}, lambda x: np.maximum(x, 0.75)),
    ("thresholded_relu", {"alpha": 0.75}, lambda x: np.where(x < 0.75, 0, x)),
    ("leaky_relu", {"alpha": 0.1}, lambda x: leaky(x, r(0.1))),
    ("prelu", {"alpha": 0.3}, lambda x: leaky(x, r(0.3))),
    ("clamped_relu", {"alpha": 0.1, "beta": 20.0}, lambda x: np.minimum(leaky(x, r(0.1)), 20)),
    ("linear_activation", {"alpha": 1.7, "beta": -0.3}, lambda x: r(r(1.7) * x) + r(-0.3)),
    ("sigmoid_hard", {"alpha": 0.2, "beta": 0.5}, lambda x: np.clip(r(r(r(0.2) * x) + 0.5), 0, 1)),
    ("scaled_tanh", {"alpha": 1.7159, "beta": 0.6667}, lambda x: r(1.7159) * tanh(r(r(0.6667) * x))),
    ("elu", {"alpha": 0.9}, lambda x: elu(x, r(0.9))),
    ("softplus_parametric", {"alpha": 1.1, "beta": 0.7}, lambda x: r(1.1) * softplus(r(r(0.7) * x))),
]


def cases():
    for functions in (PUBLISHED, CHOSEN):
        yield from ((op, {}, f) for op, f in functions.items())
    yield from WITH_SETTINGS


def golden():
    x = decode(np.arange(65536))
    for op, settings, f in cases():
        results = encode(safely(f)(x))
        yield {"op": op, "settings": settings, "checksum": checksum(results),
               "results": results[::STRIDE].tolist()}  # fmt: skip


# ---- Errors


def sigmoid_true(x):
    return 1 / (1 + np.exp(-x))


ALL, POSITIVE = (-65504, 65504), (2.0**-24, 65504)
TRUTHS = [  # the function, the true one, the range, and whether errors count in ulps of the true value
    ("tanh", np.tanh, ALL, False), ("erf", erf_true, ALL, False), ("sigmoid", sigmoid_true, ALL, False),
    ("exp", np.exp, (-10, 10), True), ("log", np.log, (1e-3, 1e3), False), ("log", np.log, POSITIVE, False),
    ("sqrt", np.sqrt, POSITIVE, True), ("rsqrt", lambda x: x**-0.5, POSITIVE, True),
    ("inverse", lambda x: 1 / x, (1 / 64, 65504), True),
    ("sin", np.sin, (-20, 20), False), ("sin", np.sin, (1, 20), True),
    ("gelu", gelu_true, ALL, False), ("silu", silu_true, ALL, False), ("cos", np.cos, (-20, 20), False),
    ("atan", np.arctan, ALL, False), ("exp2", np.exp2, (-14, 15.9), True),
    ("softplus", lambda x: np.logaddexp(x, 0), (-20, 20), False),
    ("softsign", lambda x: x / (1 + np.abs(x)), ALL, False),
]  # fmt: skip


def print_errors():
    bits = np.arange(65536)
    numbers = decode(bits[(bits >> 10 & 31) != 31])
    for op, true, (low, high), in_ulps in TRUTHS:
        x = numbers[(low <= numbers) & (numbers <= high)]
        truth = safely(true)(x)
        errors = np.abs(decode(encode(safely({**PUBLISHED, **CHOSEN}[op])(x))) - truth)
        if in_ulps:
            errors /= 2.0 ** (np.maximum(np.frexp(truth)[1] - 1, -14) - 10)
        worst = np.argmax(errors)
        unit = "ulp" if in_ulps else "   "
        print(f"{op:9} {low:10.4g} to {high:<7.5g} {errors[worst]:9.3g} {unit} at {x[worst]:.7g}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--errors"]:
        print_errors()
    else:
        lines = ",\n".join(json.dumps(case) for case in golden())
        Path(__file__).with_name("functions.json").write_text(f"[\n{lines}\n]\n")
