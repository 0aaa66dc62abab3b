#!/usr/bin/python3
"""Elementwise arithmetic, comparisons and functions."""
import numpy as np
import torch

from cases import Typed, case, draw, random, write

SHAPES = [((3,), (3,)), ((2, 3), (3,)), ((1, 5, 1), (3, 1, 7)), ((), (2, 1, 3)), ((2, 1, 3, 1, 2), (3, 3, 1))]


def binaries():
    functions = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "real_div": np.divide, "pow": np.power,
                 "maximum": np.maximum, "minimum": np.minimum, "floor_div": np.floor_divide}
    for op, f in functions.items():
        for a, b in SHAPES:
            x = draw(*a, low=0.25 if op == "pow" else -2)
            y = draw(*b, low=0.25 if op in ("real_div", "floor_div") else -2)
            case(op, f(x, y), x=x, y=y)
    x, y = draw(5, 1), -draw(4, low=0.25)
    for op in ("real_div", "floor_div"):
        case(op, functions[op](x, y), x=x, y=y)
    for a, b in SHAPES:  # no multiples, where it jumps: odd sixteenths by whole eighths
        x, y = draw(*a) // 0.125 * 0.125 + 0.0625, draw(*b, low=0.5) // 0.125 * 0.125
        for sign in (1, -1):
            case("mod", np.mod(x, sign * y), x=x, y=sign * y)
    functions["mod"] = np.mod
    x, y = random.integers(-9, 9, (2, 3)), random.integers(1, 5, (3,))
    for op, f in functions.items():
        exact = np.trunc(x / y).astype(np.int64) if op == "real_div" else f(x, y)
        case(op, exact, x=x, y=y)
        if op in ("floor_div", "mod"):
            case(op, f(x, -y), x=x, y=-y)
    x, y = random.integers(-2**31, 2**31, (4, 1)), random.integers(-2**31, 2**31, (5,))
    for op in ("add", "sub", "mul"):
        case(op, functions[op](x.astype(np.int32), y.astype(np.int32)), x=x, y=y)
    y = np.array([0, 1, 2, 7, 30])
    case("pow", np.power(x.astype(np.int32), y.astype(np.int32)), x=x, y=y)
    case("square", np.square(x.astype(np.int32)), x=x)


def comparisons():
    functions = {"equal": np.equal, "not_equal": np.not_equal, "less": np.less, "less_equal": np.less_equal,
                 "greater": np.greater, "greater_equal": np.greater_equal}
    for op, f in functions.items():
        for a, b in SHAPES:
            x, y = np.round(draw(*a)), np.round(draw(*b))  # few values, so that some are equal
            case(op, f(x, y), x=x, y=y)
        x, y = random.integers(-3, 3, (4, 1)), random.integers(-3, 3, (5,))
        case(op, f(x, y), x=x, y=y)
    for op, f in {"logical_and": np.logical_and, "logical_or": np.logical_or, "logical_xor": np.logical_xor}.items():
        for a, b in SHAPES:
            x, y = random.random(a) < 0.5, random.random(b) < 0.5
            case(op, f(x, y), x=x, y=y)
    for shape in [(), (7,), (2, 1, 3)]:
        x = np.asarray(random.random(shape) < 0.5)
        case("logical_not", np.logical_not(x), x=x)


def selects():
    for shapes in [((3,), (3,), (3,)), ((2, 1), (1, 3), ()), ((), (2, 3), (3,)), ((5, 1, 1), (3, 1), (1, 1, 2)),
                   ((2, 1, 3, 1, 2), (3, 1, 1), (1, 1, 3, 3, 1))]:
        cond = np.asarray(random.random(shapes[0]) < 0.5)
        a, b = draw(*shapes[1]), draw(*shapes[2])
        case("select", np.where(cond, a, b), cond=cond, a=a, b=b)
    cond = np.array([True, False])
    for dtype, high in {"int32": 9, "bool": 2, "uint8": 255, "int4": 7}.items():
        a, b = random.integers(0, high, (3, 1)), random.integers(0, high, (2,))
        case("select", Typed(np.where(cond, a, b), dtype), cond=cond, a=Typed(a, dtype), b=Typed(b, dtype))


def unaries():
    functions = {"abs": np.abs, "sign": np.sign, "square": np.square, "exp": np.exp, "exp2": np.exp2, "sqrt": np.sqrt,
                 "erf": lambda v: torch.erf(torch.tensor(v)).numpy(), "ceil": np.ceil, "floor": np.floor,
                 "round": np.round, "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos,
                 "atan": np.arctan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "atanh": np.arctanh}
    for op, f in functions.items():
        limit = {"asin": 0.875, "acos": 0.875, "atanh": 0.875, "tan": 1.25}.get(op, 2)
        for shape in [(), (7,), (1, 3, 1, 5)]:
            x = draw(*shape, low=0.25 if op == "sqrt" else -limit, high=limit)
            case(op, f(x), x=x)
    for op in ("ceil", "floor", "round"):
        x = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.0, 0.0])
        case(op, functions[op](x), x=x)
    x = random.integers(-9, 9, (2, 5))
    for op in ("abs", "sign", "square"):
        case(op, functions[op](x), x=x)
    case("exp2", np.array([0, 0, 1, 2, 1024, -2**31, 0]), x=np.array([-3, -1, 0, 1, 10, 31, 2000]))
    for op, f in {"log": np.log, "rsqrt": lambda v: v ** -0.5, "inverse": lambda v: 1 / v}.items():
        for shape in [(), (5,), (2, 1, 3)]:
            x = draw(*shape, low=0.25)
            case(op, f(x + 0.125), x=x, epsilon=np.float64(0.125))
            default = np.float64(np.float32({"log": 1e-45, "rsqrt": 1e-12, "inverse": 1e-4}[op]))
            case(op, f(x + default), x=x)


def limits():
    for shape in [(), (9,), (2, 3, 1, 3)]:
        x = draw(*shape, low=-3, high=3)
        for low, high in [(-1.0, 1.5), (0.5, 0.5), (-np.inf, 0.25), (0.25, np.inf)]:
            opset = "ios16" if low == high else None
            case("clip", np.clip(x, low, high), x=x, alpha=np.float64(low), beta=np.float64(high), opset=opset)
        opset = "ios16" if x.ndim == 1 else None
        case("threshold", np.maximum(x, 0.375), x=x, alpha=np.float64(0.375), opset=opset)
    x = random.integers(-9, 9, (2, 5))
    case("threshold", np.maximum(x, -2), x=x, alpha=-2)
    x = draw(7)
    case("clip", Typed(np.clip(x, -0.5, 1), "fp16"), x=Typed(x, "fp16"), alpha=np.float64(-0.5), beta=np.float64(1))
    case("log", Typed(np.log(np.abs(x) + 0.25), "fp16"), x=Typed(np.abs(x), "fp16"), epsilon=np.float64(0.25))


binaries()
comparisons()
selects()
unaries()
limits()
write()
