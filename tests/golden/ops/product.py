#!/usr/bin/python3
"""Convolution and matrix products."""
import math

import numpy as np
import torch
import torch.nn.functional as F

from cases import case, draw, random, write


def same_padding(size, kernel, stride, dilation, lower):
    total = max(0, (math.ceil(size / stride) - 1) * stride + (kernel - 1) * dilation + 1 - size)
    small, large = total // 2, total - total // 2
    return [large, small] if lower else [small, large]


def conv(x, w, strides, dilations, groups, pad_type, pad, bias):
    spatial = x.ndim - 2
    pads = {"valid": [0] * 2 * spatial, "custom": pad}.get(pad_type)
    if pads is None:
        pads = sum([same_padding(x.shape[d + 2], w.shape[d + 2], strides[d], dilations[d], pad_type == "same_lower")
                    for d in range(spatial)], [])
    backward = [p for d in reversed(range(spatial)) for p in pads[2 * d:2 * d + 2]]  # PyTorch pads from the last
    padded = F.pad(torch.tensor(x), backward)
    f = [F.conv1d, F.conv2d, F.conv3d][spatial - 1]
    b = None if bias is None else torch.tensor(bias)
    y = f(padded, torch.tensor(w), b, stride=strides, dilation=dilations, groups=groups).numpy()
    arguments = dict(x=x, weight=w, strides=strides, dilations=dilations, groups=groups, pad_type=pad_type)
    if bias is not None:
        arguments["bias"] = bias
    if pad_type != "valid":
        arguments["pad"] = pad  # `same` must ignore it
    case("conv", y, **arguments)


def convolutions():
    x, w = draw(1, 5, 1, 7), draw(3, 5, 1, 1)
    case("conv", F.conv2d(torch.tensor(x), torch.tensor(w)).numpy(), x=x, weight=w)
    setups = [  # x, weight, strides, dilations, groups, pad of `custom`
        ((2, 3, 7), (5, 3, 3), [1], [1], 1, [2, 0]),
        ((1, 4, 9), (6, 2, 2), [3], [2], 2, [0, 3]),
        ((1, 6, 5, 8), (9, 2, 3, 2), [2, 1], [1, 3], 3, [1, 0, 2, 1]),
        ((2, 4, 6, 5), (4, 1, 2, 4), [1, 3], [2, 1], 4, [0, 1, 0, 2]),
        ((1, 2, 4, 3, 5), (3, 2, 2, 3, 2), [2, 1, 3], [1, 1, 2], 1, [1, 0, 0, 2, 1, 1]),
    ]
    for xs, ws, strides, dilations, groups, pad in setups:
        for number, pad_type in enumerate(["valid", "custom", "same", "same_lower"]):
            bias = draw(ws[0]) if number % 2 else None
            conv(draw(*xs), draw(*ws), strides, dilations, groups, pad_type, pad, bias)


def products():
    batches = [((), ()), ((2,), (2,)), ((3, 1), (1, 2)), ((2,), ()), ((), (3, 2)), ((1, 3), (2, 1, 1))]
    for bx, by in batches:
        for tx in (False, True):
            for ty in (False, True):
                x = draw(*bx, *((3, 2) if tx else (2, 3)))
                y = draw(*by, *((5, 3) if ty else (3, 5)))
                value = np.matmul(np.swapaxes(x, -1, -2) if tx else x, np.swapaxes(y, -1, -2) if ty else y)
                case("matmul", value, x=x, y=y, transpose_x=tx, transpose_y=ty)
    for xs, ys in [((3,), (3, 5)), ((2, 3), (3,)), ((3,), (3,)), ((3,), (2, 3, 4)), ((2, 4, 3), (3,))]:
        x, y = draw(*xs), draw(*ys)
        case("matmul", np.matmul(x, y), x=x, y=y)
    x, y = random.integers(-9, 9, (2, 3)), random.integers(-9, 9, (3, 2))
    case("matmul", x @ y, x=x, y=y)


convolutions()
products()
write()
