#!/usr/bin/python3
"""Reductions."""
import numpy as np
import torch

from cases import Typed, case, draw, random, write


def log_sum_exp(x, axis=None, keepdims=False):
    axes = tuple(range(x.ndim)) if axis is None else axis
    if axes == ():
        return x
    return torch.logsumexp(torch.from_numpy(x), axes, keepdims).numpy()


def reductions():
    functions = {
        "reduce_sum": np.sum, "reduce_mean": np.mean, "reduce_max": np.max, "reduce_min": np.min, "reduce_prod": np.prod,
        "reduce_l1_norm": lambda x, **k: np.sum(np.abs(x), **k),
        "reduce_l2_norm": lambda x, **k: np.sqrt(np.sum(x * x, **k)),
        "reduce_sum_square": lambda x, **k: np.sum(x * x, **k),
        "reduce_log_sum": lambda x, **k: np.log(np.sum(x, **k)),
        "reduce_log_sum_exp": log_sum_exp,
    }
    for op, f in functions.items():
        low = 0.5 if op == "reduce_log_sum" else -2
        for shape in [(5,), (2, 3), (1, 3, 2, 3)]:
            x = draw(*shape, low=low)
            case(op, f(x), x=x)
            case(op, f(x, keepdims=True), x=x, keep_dims=True)
            for axis in range(-len(shape), len(shape)):
                case(op, f(x, axis=axis, keepdims=True), x=x, axes=[axis], keep_dims=True)
                case(op, f(x, axis=axis), x=x, axes=[axis], keep_dims=False)
        case(op, f(x, axis=(3, 1)), x=x, axes=[-1, 1])
        case(op, f(x, axis=(1, 2), keepdims=True), x=x, axes=[2, 1], keep_dims=True)
        case(op, f(x, axis=()), x=x, axes=[])
        case(op, f(scalar := draw(low=low)), x=scalar)
        whole = random.integers(1 if op == "reduce_log_sum" else -9, 9, (2, 4))
        exact = f(whole.astype(np.float64), axis=1)
        case(op, np.trunc(exact).astype(np.int64), x=whole, axes=[1])
    zeros = np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 3.0]])
    case("reduce_prod", np.prod(zeros, 1), x=zeros, axes=[1])


def indices():
    for op, f in {"reduce_argmax": np.argmax, "reduce_argmin": np.argmin}.items():
        for shape in [(5,), (2, 3), (2, 1, 4, 3)]:
            x = draw(*shape)
            case(op, f(x, -1), x=x)
            for axis in range(-len(shape), len(shape)):
                case(op, f(x, axis, keepdims=True), x=x, axis=axis, keep_dims=True)
                case(op, f(x, axis), x=x, axis=axis, opset="ios15")
                case(op, Typed(f(x, axis), "uint16"), x=x, axis=axis, output_dtype="uint16")
        case(op, f(x, 1), x=x, axis=1, keep_dims=False, output_dtype="int32")
        ties = np.array([[1, 3, 3, 1], [2, 2, 2, 2]])
        case(op, f(ties, 1), x=ties, axis=1)
        special = np.array([[1.0, np.nan, np.inf, np.nan], [-np.inf, np.inf, -np.inf, np.inf]])
        case(op, f(special, 1), x=special, axis=1)


def running_sums():
    for shape in [(5,), (1,), (2, 3), (2, 3, 1, 4)]:
        x = draw(*shape)
        case("cumsum", np.cumsum(x, 0), x=x)
        for axis in range(-len(shape), len(shape)):
            total = np.cumsum(x, axis)
            backwards = np.flip(np.cumsum(np.flip(x, axis), axis), axis)
            case("cumsum", total, x=x, axis=axis)
            case("cumsum", total - x, x=x, axis=axis, exclusive=True)
            case("cumsum", backwards, x=x, axis=axis, reverse=True)
            case("cumsum", backwards - x, x=x, axis=axis, reverse=True, exclusive=True)
    whole = random.integers(-9, 9, (3, 5))
    case("cumsum", np.cumsum(whole, 1), x=whole, axis=1, exclusive=False, reverse=False)


reductions()
indices()
running_sums()
write()
