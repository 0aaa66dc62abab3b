"""The padding of windows, which convolutions and pools share."""
import math


def same_padding(size, kernel, stride, dilation, lower):
    total = max(0, (math.ceil(size / stride) - 1) * stride + (kernel - 1) * dilation + 1 - size)
    small, large = total // 2, total - total // 2
    return [large, small] if lower else [small, large]


def window_pads(sizes, kernel, strides, dilations, pad_type, pad):
    """(before, after) for each spatial dimension."""
    if pad_type == "valid":
        return [0] * 2 * len(sizes)
    if pad_type == "custom":
        return pad
    lower = pad_type == "same_lower"
    return sum([same_padding(*dim, lower) for dim in zip(sizes, kernel, strides, dilations)], [])


def torch_pads(pads):
    """The same as PyTorch takes it: from the last dimension."""
    return [p for d in reversed(range(len(pads) // 2)) for p in pads[2 * d:2 * d + 2]]
