#!/usr/bin/python3
"""Activations."""
import numpy as np
import torch
import torch.nn.functional as F

from cases import Typed, case, draw, write

SHAPES = [(), (9,), (2, 3, 1, 3)]


def plain():
    functions = {"relu": F.relu, "relu6": F.relu6, "sigmoid": torch.sigmoid, "silu": F.silu, "softplus": F.softplus,
                 "softsign": F.softsign}
    for op, f in functions.items():
        for shape in SHAPES:
            x = draw(*shape, low=-8, high=8)
            case(op, f(torch.tensor(x), **({"threshold": 1000} if op == "softplus" else {})).numpy(), x=x)


def gelus():
    modes = {"EXACT": F.gelu, "TANH_APPROXIMATION": lambda t: F.gelu(t, approximate="tanh"),
             "SIGMOID_APPROXIMATION": lambda t: t * torch.sigmoid(1.702 * t)}
    for shape in SHAPES:
        x = draw(*shape, low=-8, high=8)
        for mode, f in modes.items():
            case("gelu", f(torch.tensor(x)).numpy(), x=x, mode=mode)
        case("gelu", F.gelu(torch.tensor(x)).numpy(), x=x)


def with_numbers():
    functions = {  # of x, alpha and beta
        "leaky_relu": lambda t, a, b: F.leaky_relu(t, a),
        "elu": lambda t, a, b: F.elu(t, a),
        "thresholded_relu": lambda t, a, b: torch.where(t >= a, t, 0.0),
        "clamped_relu": lambda t, a, b: torch.clamp(F.leaky_relu(t, a), max=b),
        "linear_activation": lambda t, a, b: a * t + b,
        "scaled_tanh": lambda t, a, b: a * torch.tanh(b * t),
        "sigmoid_hard": lambda t, a, b: torch.clamp(a * t + b, 0, 1),
    }
    for op, f in functions.items():
        for number, shape in enumerate(SHAPES + [(1, 5)]):
            x = draw(*shape, low=-6, high=6)
            alpha, beta = [(0.125, 0.5), (1.5, 2.0), (-0.75, 1.25), (0.0, -0.5)][number]
            settings = {"alpha": np.float64(alpha)}
            if op not in ("leaky_relu", "elu", "thresholded_relu"):
                settings["beta"] = np.float64(beta)
            case(op, f(torch.tensor(x), alpha, beta).numpy(), x=x, **settings, opset="ios16" if number == 2 else None)
            if number == 1:  # a number of the other float type
                case(op, Typed(f(torch.tensor(x), alpha, beta).numpy(), "fp16"), x=Typed(x, "fp16"), **settings)


def with_channels():
    for shape in [(2, 3, 1, 5), (1, 1, 2, 2), (1, 4, 3, 1)]:
        x, alpha = draw(*shape, low=-6, high=6), draw(shape[1])
        opset = "ios16" if shape[0] == 2 else None
        case("prelu", F.prelu(torch.tensor(x), torch.tensor(alpha)).numpy(), x=x, alpha=alpha, opset=opset)
    for shape in [(2, 3, 5), (1, 1, 1), (2, 3, 1, 2, 2)]:
        x, alpha = draw(*shape, low=-6, high=6), np.full(shape[1], 0.375)
        case("prelu", F.prelu(torch.tensor(x), torch.tensor(alpha)).numpy(), x=x, alpha=alpha)
    case("prelu", Typed(np.array([[[2.0, -0.5]]]), "fp16"), x=Typed([[[2.0, -1.0]]], "fp16"), alpha=np.array([0.5]))
    for shape in [(2, 3), (2, 3, 5), (1, 3, 2, 2), (2, 1, 3, 1, 2)]:
        x, alpha, beta = draw(*shape, low=-6, high=6), draw(shape[1]), draw(shape[1])
        a, b = (v.reshape(-1, *[1] * (len(shape) - 2)) for v in (alpha, beta))
        opset = "ios16" if len(shape) == 3 else None
        case("softplus_parametric", a * np.logaddexp(0, b * x), x=x, alpha=alpha, beta=beta, opset=opset)


def softmaxes():
    for shape in [(1,), (5,), (2, 3), (1, 3, 2, 5), (2, 1, 3, 1, 2)]:
        x = draw(*shape, low=-8, high=8)
        for axis in range(-len(shape), len(shape)):
            case("softmax", torch.softmax(torch.tensor(x), axis).numpy(), x=x, axis=axis)
    case("softmax", torch.softmax(torch.tensor(x), -1).numpy(), x=x)


plain()
gelus()
with_numbers()
with_channels()
softmaxes()
write()
