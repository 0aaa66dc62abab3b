#!/usr/bin/python3
"""Resizing. Bilinear grids, point by point from their definitions, and PyTorch's interpolate where it has the mode."""
import math

import numpy as np
import torch

from cases import Typed, case, draw, write


def grid(mode, n, size):
    """Where n points lie on an axis of `size` elements."""
    points = []
    for i in range(n):
        if mode == "ALIGN_CORNERS" and n == 1:
            point = (size - 1) / 2
        elif mode in ("ALIGN_CORNERS", "STRICT_ALIGN_CORNERS"):
            point = i * (size - 1) / (n - 1) if n > 1 else 0
        elif mode == "DEFAULT":
            point = i * size / n
        elif mode == "OFFSET_CORNERS":
            point = (i + 0.5) * max(1, size - 1) / n
        elif mode == "UNALIGN_CORNERS":
            point = (i + 0.5) * size / n - 0.5
        points.append(min(max(point, 0), size - 1))
    return points


MODES = ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "DEFAULT", "OFFSET_CORNERS", "UNALIGN_CORNERS")


def linear(x, axis, n, mode):
    lines = []
    for point in grid(mode, n, x.shape[axis]):
        low = math.floor(point)
        high = min(low + 1, x.shape[axis] - 1)
        lines.append(x.take(low, axis) * (1 - (point - low)) + x.take(high, axis) * (point - low))
    return np.stack(lines, axis)


def nearest(x, axis, n, mode):
    return np.stack([x.take(math.floor(p + 0.5), axis) for p in grid(mode, n, x.shape[axis])], axis)


def below(x, axis, n):
    return np.stack([x.take(i * x.shape[axis] // n, axis) for i in range(n)], axis)


def bilinear(x, height, width, mode):
    return linear(linear(x, -2, height, mode), -1, width, mode)


def interpolate(x, size, **how):
    """PyTorch's, of a NumPy array of rank 4."""
    return torch.nn.functional.interpolate(torch.from_numpy(x), size=size, **how).numpy()


SIZES = [(3, 4, 5, 7), (3, 4, 2, 3), (2, 3, 1, 1), (1, 1, 3, 2), (4, 4, 4, 4), (5, 2, 3, 4)]


def resizes():
    for height, width, to_height, to_width in SIZES:
        x = draw(1, 2, height, width)
        size = dict(target_size_height=to_height, target_size_width=to_width)
        y = below(below(x, -2, to_height), -1, to_width)
        assert np.array_equal(y, interpolate(x, (to_height, to_width), mode="nearest"))
        case("resize_nearest_neighbor", y, x=x, **size)
        for mode in MODES:
            y = bilinear(x, to_height, to_width, mode)
            if mode == "UNALIGN_CORNERS":
                assert np.allclose(y, interpolate(x, (to_height, to_width), mode="bilinear", align_corners=False))
            if mode == "STRICT_ALIGN_CORNERS":
                assert np.allclose(y, interpolate(x, (to_height, to_width), mode="bilinear", align_corners=True))
            case("resize_bilinear", y, x=x, sampling_mode=mode, **size)
    for shape in [(2, 3, 4), (1, 2, 1, 3, 2)]:
        x = draw(*shape)
        case("resize_bilinear", bilinear(x, 1, 1, "DEFAULT"), x=x)
        case("resize_bilinear", bilinear(x, 5, 3, "DEFAULT"), x=x, target_size_height=5, target_size_width=3)
        case("resize_nearest_neighbor", below(below(x, -2, 5), -1, 3), x=x, target_size_height=5, target_size_width=3)


def upsamples():
    for opset in ("ios15", "ios16"):
        for shape in [(1, 2, 3, 4), (2, 3, 5), (1, 2, 1, 2, 2)]:
            x = draw(*shape)
            for sh, sw in [(2, 3), (1.5, 2.0), (0.5, 1.25), (2.6, 1.0)]:
                height, width = math.floor(shape[-2] * sh), math.floor(shape[-1] * sw)
                if height == 0:
                    continue
                scale = {}
                for name, s in [("scale_factor_height", sh), ("scale_factor_width", sw)]:
                    scale[name] = s if isinstance(s, int) else np.array(s)
                if opset == "ios15":
                    case("upsample_nearest_neighbor", below(below(x, -2, height), -1, width), x=x, **scale)
                aligned = bilinear(x, height, width, "STRICT_ALIGN_CORNERS")
                half = bilinear(x, height, width, "UNALIGN_CORNERS")
                case("upsample_bilinear", aligned, x=x, **scale, opset=opset)
                case("upsample_bilinear", aligned, x=x, **scale, align_corners=True, opset=opset)
                case("upsample_bilinear", half, x=x, **scale, align_corners=False, opset=opset)
                if opset == "ios16":
                    neither = bilinear(x, height, width, "DEFAULT")
                    case("upsample_bilinear", neither, x=x, **scale, align_corners=False, half_pixel_centers=False)
                    case("upsample_bilinear", half, x=x, **scale, align_corners=False, half_pixel_centers=True)
                    case("upsample_bilinear", aligned, x=x, **scale, align_corners=True, half_pixel_centers=False)
        case("upsample_bilinear", x, x=x, opset=opset)
    case("upsample_nearest_neighbor", x, x=x)
    # A factor of 0.7 is an fp32 just below it, yet 10 become 7.
    x = draw(1, 1, 10)
    case("upsample_nearest_neighbor", below(x, -1, 7), x=x, scale_factor_width=np.array(np.float32(0.7)))


def resize():
    def resized(x, sizes, mode, f):
        for d, n in enumerate(reversed(sizes)):
            x = f(x, x.ndim - 1 - d, n, mode)
        return x

    x = draw(2, 3, 4)
    for f, interpolation in [(linear, "LINEAR"), (nearest, "NEAREST_NEIGHBOR")]:
        for mode in MODES:
            arguments = dict(x=x, interpolation_mode=interpolation, sampling_mode=mode)
            for sizes in [(5,), (1,), (5, 3), (2, 7), (3, 1), (4, 5, 2)]:
                y = resized(x, sizes, mode, f)
                case("resize", y, shape=list(sizes), resized_dims=Typed(len(sizes), "uint32"), **arguments)
        y = resized(x, (6, 4), "DEFAULT", f)
        for shape in [[6, 0], [6, 4], [9, 6, 0]]:
            case("resize", y, x=x, shape=shape, resized_dims=Typed(2, "uint32"), interpolation_mode=interpolation)
    # Rounds: 2 to 3 takes 0, 1, 1.
    pair = np.array([1.0, 2.0])
    case("resize", pair[[0, 1, 1]], x=pair, shape=[3], resized_dims=Typed(1, "uint32"), interpolation_mode="NEAREST_NEIGHBOR")
    for dtype in ("int16", "uint16", "uint32"):
        case("resize", linear(x, -1, 3, "DEFAULT"), x=x, shape=Typed([3], dtype), resized_dims=Typed(1, "uint32"))
    case("resize", x, x=x, shape=[5, 5], resized_dims=Typed(0, "uint32"))
    five = draw(1, 2, 1, 2, 3)
    case("resize", linear(linear(five, -1, 5, "DEFAULT"), -2, 3, "DEFAULT"), x=five, shape=[3, 5], resized_dims=Typed(2, "uint32"))


resizes()
upsamples()
resize()
write()
