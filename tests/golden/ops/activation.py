#!/usr/bin/python3
"""Activations."""
import torch
import torch.nn.functional as F

from cases import case, draw, write


def activations():
    functions = {"relu": F.relu, "sigmoid": torch.sigmoid, "silu": F.silu}
    for op, f in functions.items():
        for shape in [(), (9,), (2, 3, 1, 3)]:
            x = draw(*shape, low=-8, high=8)
            case(op, f(torch.tensor(x)).numpy(), x=x)
    for shape in [(1,), (5,), (2, 3), (1, 3, 2, 5), (2, 1, 3, 1, 2)]:
        x = draw(*shape, low=-8, high=8)
        for axis in range(-len(shape), len(shape)):
            case("softmax", torch.softmax(torch.tensor(x), axis).numpy(), x=x, axis=axis)
    case("softmax", torch.softmax(torch.tensor(x), -1).numpy(), x=x)


activations()
write()
