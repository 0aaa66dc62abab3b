#!/usr/bin/python3
"""Elementwise arithmetic and functions."""
import numpy as np

from cases import case, draw, random, write


def binaries():
    shapes = [((3,), (3,)), ((2, 3), (3,)), ((1, 5, 1), (3, 1, 7)), ((), (2, 1, 3)), ((2, 1, 3, 1, 2), (3, 3, 1))]
    functions = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "real_div": np.divide, "pow": np.power,
                 "maximum": np.maximum, "minimum": np.minimum}
    for op, f in functions.items():
        for a, b in shapes:
            x = draw(*a, low=0.25 if op == "pow" else -2)
            y = draw(*b, low=0.25 if op == "real_div" else -2)
            case(op, f(x, y), x=x, y=y)
    x, y = random.integers(-9, 9, (2, 3)), random.integers(1, 5, (3,))
    for op, f in functions.items():
        exact = np.trunc(x / y).astype(np.int64) if op == "real_div" else f(x, y)
        case(op, exact, x=x, y=y)


def unaries():
    functions = {"abs": np.abs, "square": np.square, "exp": np.exp, "sqrt": np.sqrt, "tanh": np.tanh}
    for op, f in functions.items():
        for shape in [(), (7,), (1, 3, 1, 5)]:
            x = draw(*shape, low=0 if op == "sqrt" else -2)
            case(op, f(x), x=x)
    for op, f in {"log": np.log, "rsqrt": lambda v: v ** -0.5, "inverse": lambda v: 1 / v}.items():
        for shape in [(), (5,), (2, 1, 3)]:
            x = draw(*shape, low=0.25)
            case(op, f(x + 0.125), x=x, epsilon=np.float64(0.125))
            default = np.float64(np.float32({"log": 1e-45, "rsqrt": 1e-12, "inverse": 1e-4}[op]))
            case(op, f(x + default), x=x)


binaries()
unaries()
write()
