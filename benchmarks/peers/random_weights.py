"""Files of random weights, for programs that want a checkpoint to start from.

Values repeat after a million: for speed only their size matters.
"""

import array
import itertools
import random

PERIOD = 1 << 20


def normal_floats(deviation=0.02):
    """An endless stream of arrays of floats, the same each time."""
    numbers = random.Random(1)
    block = array.array("f", (numbers.gauss(0, deviation) for _ in range(PERIOD)))
    return itertools.repeat(block)


def write_floats(file, count, blocks):
    for block in blocks:
        if count <= 0:
            return
        block[: min(count, PERIOD)].tofile(file)
        count -= PERIOD


def write_ones(file, count):
    array.array("f", [1.0] * count).tofile(file)


def write_zeros(file, count):
    array.array("f", bytes(4 * count)).tofile(file)
