#!/usr/bin/python3
"""Pooling."""
import math

import numpy as np
import torch
import torch.nn.functional as F

from cases import case, draw, write
from windows import torch_pads, window_pads

MAX = [F.max_pool1d, F.max_pool2d, F.max_pool3d]
AVERAGE = [F.avg_pool1d, F.avg_pool2d, F.avg_pool3d]


def padded(x, pads, value):
    return F.pad(torch.tensor(x), torch_pads(pads), value=value)


def pools(x, kernel, strides, pad_type, pad, **more):
    """All three, by pools of PyTorch's over an x padded beforehand."""
    dims = x.ndim - 2
    pads = window_pads(x.shape[2:], kernel, strides, [1] * dims, pad_type, pad)
    arguments = dict(x=x, kernel_sizes=kernel, strides=strides, pad_type=pad_type, **more)
    if pad_type != "valid":
        arguments["pad"] = pad  # `same` must ignore it
    size = dict(kernel_size=kernel, stride=strides)
    average = AVERAGE[dims - 1](padded(x, pads, 0), **size).numpy()
    real = AVERAGE[dims - 1](padded(np.ones_like(x), pads, 0), **size).numpy()  # the part that is no padding
    case("max_pool", MAX[dims - 1](padded(x, pads, -math.inf), **size).numpy(), **arguments)
    case("avg_pool", average, **arguments)
    case("avg_pool", average / real, exclude_padding_from_average=True, **arguments)
    if dims < 3:
        squares = AVERAGE[dims - 1](padded(x * x, pads, 0), **size).numpy() * math.prod(kernel)
        case("l2_pool", np.sqrt(squares), **arguments)


def ceil_pools(x, kernel, strides, pad):
    dims = x.ndim - 2
    size = dict(kernel_size=kernel, stride=strides, padding=pad, ceil_mode=True)
    arguments = dict(x=x, kernel_sizes=kernel, strides=strides, ceil_mode=True,
                     pad_type="custom" if max(pad) else "valid", pad=[p for p in pad for _ in range(2)])
    case("max_pool", MAX[dims - 1](torch.tensor(x), **size).numpy(), **arguments)
    for real in (False, True):
        y = AVERAGE[dims - 1](torch.tensor(x), count_include_pad=not real, **size).numpy()
        case("avg_pool", y, exclude_padding_from_average=real, **arguments)


def pooling():
    x = draw(1, 2, 5)
    case("max_pool", F.max_pool1d(torch.tensor(x), 2, 1).numpy(), x=x, kernel_sizes=[2], pad_type="valid")
    case("avg_pool", F.avg_pool1d(torch.tensor(x), 2, 1).numpy(), x=x, kernel_sizes=[2], pad_type="valid")
    setups = [  # x, kernel, strides, pad of `custom`
        ((2, 3, 7), [3], [1], [2, 0]),
        ((1, 1, 11), [7], [2], [3, 1]),
        ((1, 2, 5, 8), [3, 2], [2, 3], [1, 0, 0, 1]),
        ((2, 1, 1, 6), [1, 5], [1, 1], [0, 0, 2, 2]),
        ((1, 2, 4, 3, 5), [2, 3, 2], [2, 1, 3], [1, 0, 0, 2, 1, 1]),
    ]
    for shape, kernel, strides, pad in setups:
        for pad_type in ["valid", "custom", "same", "same_lower"]:
            pools(draw(*shape), kernel, strides, pad_type, pad)
    for shape, kernel, strides, pad in [((1, 2, 8), [3], [2], [0]), ((1, 1, 6), [2], [3], [1]),
                                        ((2, 1, 7, 6), [3, 4], [2, 3], [1, 2]), ((1, 2, 5, 5), [2, 2], [2, 2], [0, 0])]:
        ceil_pools(draw(*shape), kernel, strides, pad)


pooling()
write()
