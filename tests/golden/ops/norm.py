#!/usr/bin/python3
"""Normalisation."""
import numpy as np
import torch
import torch.nn.functional as F

from cases import Typed, case, draw, write


def single(value):
    """A setting in fp32, as a double."""
    return float(np.float32(value))


def scales(*shape):
    """None, one or both of gamma and beta."""
    gamma, beta = draw(*shape), draw(*shape)
    return [{}, {"gamma": gamma}, {"beta": beta}, {"gamma": gamma, "beta": beta}]


def tensors(arguments):
    return {"weight": None, "bias": None} | {
        {"gamma": "weight", "beta": "bias"}[name]: torch.tensor(value) for name, value in arguments.items()}


def half(arguments):
    return {name: Typed(value, "fp16") for name, value in arguments.items()}


def batch_norms():
    for shape in [(2, 3, 4), (1, 2, 3, 2), (1, 3, 2, 1, 2)]:
        x, mean, variance = draw(*shape), draw(shape[1]), draw(shape[1], low=0.0)
        for given in scales(shape[1]):
            y = F.batch_norm(torch.tensor(x), torch.tensor(mean), torch.tensor(variance), **tensors(given),
                             eps=single(1e-5)).numpy()
            case("batch_norm", y, x=x, mean=mean, variance=variance, **given)
        case("batch_norm", y, x=x, **half(dict(mean=mean, variance=variance, **given)))
        y = F.batch_norm(torch.tensor(x), torch.tensor(mean), torch.tensor(variance), **tensors(given), eps=0.5).numpy()
        case("batch_norm", y, x=x, mean=mean, variance=variance, epsilon=0.5, opset="ios15", **given)


def instance_norms():
    for shape in [(2, 3, 4), (1, 2, 3, 2)]:
        x = draw(*shape)
        for given in scales(shape[1]):
            y = F.instance_norm(torch.tensor(x), **tensors(given), eps=single(1e-5)).numpy()
            case("instance_norm", y, x=x, **given)
        case("instance_norm", y, x=x, **half(given))
        y = F.instance_norm(torch.tensor(x), **tensors(given), eps=0.5).numpy()
        case("instance_norm", y, x=x, epsilon=0.5, opset="ios15", **given)


def layer_norms():
    setups = [((5,), None), ((2, 3), [-1]), ((2, 3, 4), [1, 2]), ((2, 3, 4), [0]), ((2, 4, 1, 3), [1]),
              ((2, 2, 3, 2), [-1, 1]), ((1, 2, 2, 3, 2), [2, -1, 1])]
    for shape, axes in setups:
        x = draw(*shape)
        kept = range(len(shape)) if axes is None else sorted(a % len(shape) for a in axes)
        others = [d for d in range(len(shape)) if d not in kept]
        order = [*others, *kept]
        normalized = [shape[d] for d in kept]
        arguments = {} if axes is None else {"axes": axes}
        for number, given in enumerate(scales(*normalized)):
            epsilon = 0.5 if number == 2 else single(1e-5)
            y = F.layer_norm(torch.tensor(x).permute(order), normalized, **tensors(given), eps=epsilon)
            y = y.permute(*np.argsort(order).tolist()).numpy()
            more = {"epsilon": 0.5, "opset": "ios15"} if number == 2 else {}
            case("layer_norm", y, x=x, **arguments, **given, **more)
        case("layer_norm", y, x=x, **arguments, **half(given))
    x = 1000 + draw(2, 8) / 64  # large means leave the small differences
    case("layer_norm", F.layer_norm(torch.tensor(x), [8], eps=0.25).numpy(), x=x, axes=[1], epsilon=0.25)


def l2_norms():
    for shape in [(2, 3, 4), (2, 1, 3, 2), (2, 2, 1, 3, 2)]:
        x = draw(*shape)
        squares = np.sum(x * x, axis=(-1, -2, -3), keepdims=True)
        case("l2_norm", x / np.sqrt(squares + single(1e-6)), x=x)
        case("l2_norm", x / np.sqrt(squares + 0.5), x=x, epsilon=0.5)


def local_response_norms():
    for shape, size in [((1, 5, 4), 3), ((2, 6, 2, 3), 4), ((1, 3, 2), 1), ((1, 2, 1, 3), 5)]:
        x = draw(*shape)
        y = F.local_response_norm(torch.tensor(x), size, single(1e-4), 0.75, 1.0)
        case("local_response_norm", y.numpy(), x=x, size=size)
        y = F.local_response_norm(torch.tensor(x), size, 0.5, 1.5, 2.0)
        case("local_response_norm", y.numpy(), x=x, size=size, alpha=0.5, beta=1.5, k=2.0)


batch_norms()
instance_norms()
layer_norms()
l2_norms()
local_response_norms()
write()
