"""The engine's numbers and sums of products in NumPy, apart from the simulator's code: arrays of halves' patterns are
uint16, of their values float64.

  decode(0x7C00)                    # 65536
  matmul(a, b)                      # the values of a [rows, inner] times b [inner, columns], rounded to halves
"""
import numpy as np


def decode(bits):
    """Every pattern is a number, exponent 31 included."""
    bits = np.asarray(bits, dtype=np.int64)
    exponent, mantissa = bits >> 10 & 31, bits & 1023
    size = np.where(exponent == 0, mantissa * 2.0**-24, (1 + mantissa / 1024) * 2.0 ** (exponent - 15))
    return np.where(bits >> 15 == 1, -size, size) + 0.0


def encode(values):
    """To the nearest half by NumPy, ties to even; then ties are moved away from zero."""
    values = np.asarray(values, dtype=float) + 0.0
    with np.errstate(over="ignore"):
        near = values.astype(np.float16)
        further = np.nextafter(near, np.where(values < 0, -np.inf, np.inf).astype(np.float16), dtype=np.float16)
    with np.errstate(invalid="ignore"):
        tie = np.abs(further.astype(float) - values) == np.abs(near.astype(float) - values)
    result = np.where(tie, further, near)
    return np.where(result == 0, np.float16(0), result).view(np.uint16)


def r(values):
    """Rounded to halves; what becomes infinite is 65536, as an operand is."""
    return decode(encode(values))


def exponents(values):
    """Those of halves, by their values: subnormals count as of exponent -14."""
    return np.maximum(np.frexp(values)[1] - 1, -14)


def away(values):
    """To whole numbers, ties away from zero."""
    return np.sign(values) * np.floor(np.abs(values) + 0.5)


LIMIT = 2**31  # units of 2^-16


def sums(a, b, bias=None):
    """Of the products of a [rows, inner] and b [inner, columns], in units of 2^-16, infinite where they overflowed. The
    bias [rows] is the first value. The products of one k are added at a time, in order."""
    total = np.zeros((len(a), b.shape[1]))
    total += 0 if bias is None else away(np.asarray(bias) * 65536)[:, None]
    a_exponents, b_exponents = exponents(a), exponents(b)
    for k in range(a.shape[1]):
        kept = a_exponents[:, k, None] + b_exponents[k] > -17
        total += np.where(kept, away(a[:, k, None] * b[k] * 65536), 0)
        total[np.abs(total) >= LIMIT] *= np.inf
    return total


def halves_of(units):
    return encode(units / 65536)


def matmul(a, b):
    return halves_of(sums(a, b))


def draw(seed, shape, exponent):
    """Halves up to 2^exponent in size: draw n of SplitMix64, as base/random.h seeds it, gives 16 bits."""
    with np.errstate(over="ignore"):
        start = mixed(np.uint64(seed))
        n = np.arange(1, int(np.prod(shape)) + 1, dtype=np.uint64)
        bits = mixed(start + np.uint64(0x9E3779B97F4A7C15) * n) >> np.uint64(48)
    return r((bits.astype(float) - 32768) * 2.0 ** (exponent - 15)).reshape(shape)


def mixed(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def checksum(patterns):
    """FNV-1a of 64 bits over the bytes of halves, low first."""
    sum = 0xCBF29CE484222325
    for byte in np.asarray(patterns).astype("<u2").tobytes():
        sum = (sum ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{sum:016x}"
