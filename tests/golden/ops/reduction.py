#!/usr/bin/python3
"""Reductions."""
import numpy as np

from cases import case, draw, random, write


def reductions():
    functions = {"reduce_sum": np.sum, "reduce_mean": np.mean, "reduce_max": np.max, "reduce_min": np.min}
    for op, f in functions.items():
        for shape in [(5,), (2, 3), (1, 3, 2, 3)]:
            x = draw(*shape)
            case(op, f(x), x=x)
            case(op, f(x, keepdims=True), x=x, keep_dims=True)
            for axis in range(-len(shape), len(shape)):
                case(op, f(x, axis=axis, keepdims=True), x=x, axes=[axis], keep_dims=True)
                case(op, f(x, axis=axis), x=x, axes=[axis], keep_dims=False)
        case(op, f(x, axis=(3, 1)), x=x, axes=[-1, 1])
        case(op, f(scalar := draw()), x=scalar)
        whole = random.integers(-9, 9, (2, 4))
        exact = np.trunc(np.mean(whole, axis=1)).astype(np.int64) if op == "reduce_mean" else f(whole, axis=1)
        case(op, exact, x=whole, axes=[1])


reductions()
write()
