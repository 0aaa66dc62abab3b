#!/usr/bin/python3
"""Convolution, matrix products and attention."""
import numpy as np
import torch
import torch.nn.functional as F

from cases import Fixed, Typed, case, draw, random, write
from windows import torch_pads, window_pads


def conv(x, w, strides, dilations, groups, pad_type, pad, bias, fixed=False, **more):
    spatial = x.ndim - 2
    pads = window_pads(x.shape[2:], w.shape[2:], strides, dilations, pad_type, pad)
    padded = F.pad(torch.tensor(x), torch_pads(pads))
    f = [F.conv1d, F.conv2d, F.conv3d][spatial - 1]
    b = None if bias is None else torch.tensor(bias)
    y = f(padded, torch.tensor(w), b, stride=strides, dilation=dilations, groups=groups).numpy()
    fixed = fixed or max(dilations) > 1
    arguments = dict(x=x, weight=Fixed(w) if fixed else w, strides=strides, dilations=dilations, groups=groups,
                     pad_type=pad_type)
    if bias is not None:
        arguments["bias"] = bias
    if pad_type != "valid":
        arguments["pad"] = pad  # `same` must ignore it
    case("conv", y, **arguments, **more)


def convolutions():
    x, w = draw(1, 5, 1, 7), draw(3, 5, 1, 1)
    y = F.conv2d(torch.tensor(x), torch.tensor(w)).numpy()
    case("conv", y, x=x, weight=w)
    case("conv", y, x=x, weight=w, opset="ios15")
    case("conv", y, x=x, weight=Fixed(Typed(w, "fp16")))  # element types may differ
    b = draw(3)
    case("conv", y + b[:, None, None], x=x, weight=Typed(w, "fp16"), bias=Typed(b, "fp16"))
    case("conv", y + b[:, None, None], x=x, weight=w, bias=Fixed(b), opset="ios15")
    setups = [  # x, weight, strides, dilations, groups, pad of `custom`
        ((2, 3, 7), (5, 3, 3), [1], [1], 1, [2, 0]),
        ((1, 4, 9), (6, 2, 2), [3], [2], 2, [0, 3]),
        ((2, 4, 8), (6, 2, 2), [3], [1], 2, [3, 4]),  # more padding than the kernel reaches
        ((1, 6, 5, 8), (9, 2, 3, 2), [2, 1], [1, 3], 3, [1, 0, 2, 1]),
        ((2, 4, 6, 5), (4, 1, 2, 4), [1, 3], [2, 1], 4, [0, 1, 0, 2]),
        ((2, 4, 6, 5), (4, 2, 3, 2), [2, 2], [1, 1], 2, [1, 1, 0, 0]),
        ((1, 2, 4, 3, 5), (3, 2, 2, 3, 2), [2, 1, 3], [1, 1, 2], 1, [1, 0, 0, 2, 1, 1]),
        ((2, 2, 4, 3, 3), (4, 1, 2, 2, 1), [2, 1, 1], [1, 1, 1], 2, [1, 0, 0, 1, 1, 1]),
    ]
    for xs, ws, strides, dilations, groups, pad in setups:
        for number, pad_type in enumerate(["valid", "custom", "same", "same_lower"]):
            bias = draw(ws[0]) if number % 2 else None
            conv(draw(*xs), draw(*ws), strides, dilations, groups, pad_type, pad, bias, fixed=number == 2)


def fitted(full, axis, before, size):
    """`size` elements from `before` on, zeros where there are no more."""
    full = np.take(full, range(before, min(before + size, full.shape[axis])), axis)
    missing = [(0, 0)] * full.ndim
    missing[axis] = (0, size - full.shape[axis])
    return np.pad(full, missing)


def conv_transpose(x, w, bias, strides, dilations, groups, pad_type, pad, output_shape=None, **more):
    f = [F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d][x.ndim - 3]
    y = f(torch.tensor(x), torch.tensor(w), stride=strides, dilation=dilations, groups=groups).numpy()
    for d in range(x.ndim - 2):
        axis, full = d + 2, y.shape[d + 2]
        size = {"valid": full, "custom": full - pad[2 * d] - pad[2 * d + 1]}.get(pad_type, strides[d] * x.shape[axis])
        if output_shape is not None:
            size = output_shape[axis]
        crop = max(0, full - size)
        before = pad[2 * d] if pad_type == "custom" else (crop + 1) // 2 if pad_type == "same_lower" else crop // 2
        y = fitted(y, axis, before, size)
    arguments = dict(x=x, weight=w, strides=strides, dilations=dilations, groups=groups, pad_type=pad_type, pad=pad)
    if bias is not None:
        y = y + bias.reshape(-1, *[1] * (x.ndim - 2))
        arguments["bias"] = bias
    if output_shape is not None:
        arguments["output_shape"] = output_shape
    case("conv_transpose", y, **arguments, **more)


def transposed_convolutions():
    x, w = draw(1, 3, 4), draw(3, 2, 3)
    y = F.conv_transpose1d(torch.tensor(x), torch.tensor(w)).numpy()
    case("conv_transpose", y, x=x, weight=w)
    case("conv_transpose", y, x=x, weight=w, opset="ios15")
    case("conv_transpose", y, x=x, weight=Typed(w, "fp16"))
    setups = [  # x, weight, strides, dilations, groups, pad of `custom`, an output_shape
        ((2, 3, 5), (3, 4, 3), [1], [1], 1, [2, 0], [2, 4, 4]),
        ((1, 4, 5), (4, 3, 2), [3], [2], 2, [0, 1], [1, 6, 16]),
        ((1, 4, 3), (4, 1, 1), [3], [1], 4, [0, 0], [1, 4, 9]),  # a kernel shorter than the stride leaves holes
        ((1, 6, 3, 4), (6, 1, 3, 2), [2, 1], [1, 3], 3, [1, 0, 2, 1], [1, 3, 8, 6]),
        ((2, 2, 3, 2), (2, 3, 2, 4), [2, 3], [2, 1], 1, [0, 1, 1, 2], [2, 3, 5, 6]),
        ((1, 2, 2, 3, 2), (2, 1, 2, 2, 3), [2, 1, 3], [1, 2, 1], 2, [1, 0, 0, 2, 1, 1], [1, 2, 4, 3, 5]),
    ]
    for xs, ws, strides, dilations, groups, pad, shape in setups:
        for number, pad_type in enumerate(["valid", "custom", "same", "same_lower"]):
            bias = draw(ws[1] * groups) if number % 2 else None
            conv_transpose(draw(*xs), draw(*ws), bias, strides, dilations, groups, pad_type, pad)
        conv_transpose(draw(*xs), draw(*ws), draw(ws[1] * groups), strides, dilations, groups, "same", pad, shape)
    # The padding before stays where output_shape comes beside it.
    conv_transpose(draw(1, 2, 4), draw(2, 2, 3), None, [2], [1], 1, "custom", [2, 0], [1, 2, 8])


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
        case("matmul", np.matmul(x, y), x=x, y=y, opset="ios15")
    x, y = draw(2, 3), draw(4, 3)
    case("matmul", x @ y.T, x=x, y=Fixed(Typed(y, "fp16")), transpose_y=True)
    case("matmul", x @ y.T, x=Fixed(Typed(x, "fp16")), y=y, transpose_y=True)
    x, y = random.integers(-9, 9, (2, 3)), random.integers(-9, 9, (3, 2))
    case("matmul", x @ y, x=x, y=y)


def linears():
    for xs, opset in [((3,), None), ((2, 3), "ios15"), ((1, 4, 3), None), ((2, 1, 5, 3), "ios15")]:
        x, w, b = draw(*xs), draw(4, 3), draw(4)
        case("linear", x @ w.T, x=x, weight=w, opset=opset)
        case("linear", x @ w.T + b, x=x, weight=w, bias=b, opset=opset)
    case("linear", x @ w.T + b, x=x, weight=Typed(w, "fp16"), bias=Typed(b, "fp16"))
    x, w, b = (random.integers(-9, 9, shape) for shape in [(2, 3), (5, 3), (5,)])
    case("linear", x @ w.T + b, x=x, weight=w, bias=b)


def einsums():
    for n, h in [((2, 2), (3, 3)), ((1, 2), (3, 1)), ((2, 1), (1, 3))]:
        a, b = draw(n[0], 5, h[0], 4), draw(n[1], 4, h[1], 3)
        y = np.einsum("nchw,nwhu->nchu", np.broadcast_to(a, (2, 5, 3, 4)), np.broadcast_to(b, (2, 4, 3, 3)))
        case("einsum", y, values=(a, b), equation="nchw,nwhu->nchu")
    case("einsum", y, values=(a, b), equation="bqhk,bkhd->bqhd")
    a, b = draw(5, 3, 4), draw(4, 1, 2)
    y = np.einsum("chw,whr->chr", a, np.broadcast_to(b, (4, 3, 2)))
    case("einsum", y, values=(a, b), equation="chw,whr->chr")
    case("einsum", y, values=(a, b), equation="zab,bac->zac")


def attention():
    setups = [  # batch, L, S, E, V, shape of a mask
        ((2,), 3, 4, 5, 2, (3, 4)),
        ((1,), 1, 3, 2, 2, (1, 1, 3)),
        ((2, 3), 3, 3, 4, 4, (2, 1, 3, 3)),
        ((1, 2, 2), 2, 5, 3, 1, (5,)),
    ]
    for batch, l, s, e, v, mask_shape in setups:
        q, k, value = draw(*batch, l, e), draw(*batch, s, e), draw(*batch, s, v)
        boolean = random.random(mask_shape) < 0.6
        boolean[..., 0] = True
        for mask in (None, boolean, draw(*mask_shape)):
            scores = torch.tensor(q @ np.swapaxes(k, -1, -2) / np.sqrt(e))
            if mask is not None:
                scores = scores.masked_fill(~torch.tensor(mask), -torch.inf) if mask is boolean else scores + mask
            y = torch.softmax(scores, -1) @ torch.tensor(value)
            arguments = {} if mask is None else {"attn_mask": mask}
            case("scaled_dot_product_attention", y.numpy(), query=q, key=k, value=value, **arguments)


convolutions()
transposed_convolutions()
products()
linears()
einsums()
attention()
write()
