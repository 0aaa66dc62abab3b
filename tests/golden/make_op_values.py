#!/usr/bin/python3
"""Writes op_values.json: for each op of the table, calls with inputs and the results that NumPy and PyTorch compute.

    /usr/bin/python3 tests/golden/make_op_values.py > tests/golden/op_values.json      (Debian's python3-torch)

Everything is computed in double precision from inputs that fp16 holds exactly. A case is {op, arguments, results}; an
argument is {dtype, shape, data}, {text}, or for a tuple a list of those.
"""
import json
import math

import numpy as np
import torch
import torch.nn.functional as F

random = np.random.default_rng(20)
cases = []


def draw(*shape, low=-2.0, high=2.0):
    """Multiples of 1/16, as doubles."""
    return np.round(random.uniform(low, high, shape) * 16) / 16


def tensor(data, dtype):
    data = np.asarray(data)
    flat = [int(v) if dtype in ("int32", "bool", "int8", "uint8", "uint16") else float(v) for v in data.reshape(-1)]
    return {"dtype": dtype, "shape": list(data.shape), "data": flat}


def argument(value):
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, tuple):
        return [argument(v) for v in value]
    if isinstance(value, bool):
        return tensor(value, "bool")
    if isinstance(value, (int, list)):
        return tensor(np.array(value, dtype=np.int64), "int32")
    return tensor(value, {"i": "int32", "b": "bool", "f": "fp32"}[np.asarray(value).dtype.kind])


def case(op, result, **arguments):
    result = np.asarray(result)
    dtype = {"i": "int32", "b": "bool", "f": "fp32"}[result.dtype.kind]
    cases.append({"op": op, "arguments": {k: argument(v) for k, v in arguments.items()},
                  "results": [tensor(result, dtype)]})


def binaries():
    shapes = [((3,), (3,)), ((2, 3), (3,)), ((1, 5, 1), (3, 1, 7)), ((), (2, 1, 3)), ((2, 1, 3, 1, 2), (3, 3, 1))]
    functions = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "real_div": np.divide, "pow": np.power,
                 "maximum": np.maximum, "minimum": np.minimum}
    for op, f in functions.items():
        for a, b in shapes:
            x = draw(*a, low=0.25 if op == "pow" else -2)
            y = draw(*b, low=0.25 if op == "real_div" else -2)
            case(op, f(x, y), x=x, y=y)
    x, y = random.integers(-9, 9, (2, 3)), random.integers(1, 5, (3,))
    for op, f in functions.items():
        exact = np.trunc(x / y).astype(np.int64) if op == "real_div" else f(x, y)
        case(op, exact, x=x, y=y)


def unaries():
    functions = {"abs": np.abs, "square": np.square, "exp": np.exp, "sqrt": np.sqrt, "tanh": np.tanh}
    for op, f in functions.items():
        for shape in [(), (7,), (1, 3, 1, 5)]:
            x = draw(*shape, low=0 if op == "sqrt" else -2)
            case(op, f(x), x=x)
    for op, f in {"log": np.log, "rsqrt": lambda v: v ** -0.5, "inverse": lambda v: 1 / v}.items():
        for shape in [(), (5,), (2, 1, 3)]:
            x = draw(*shape, low=0.25)
            case(op, f(x + 0.125), x=x, epsilon=np.float64(0.125))
            default = np.float64(np.float32({"log": 1e-45, "rsqrt": 1e-12, "inverse": 1e-4}[op]))
            case(op, f(x + default), x=x)


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


def reductions():
    functions = {"reduce_sum": np.sum, "reduce_mean": np.mean, "reduce_max": np.max, "reduce_min": np.min}
    for op, f in functions.items():
        for shape in [(5,), (2, 3), (1, 3, 2, 3)]:
            x = draw(*shape)
            case(op, f(x), x=x)
            case(op, f(x, keepdims=True), x=x, keep_dims=True)
            for axis in range(-len(shape), len(shape)):
                case(op, f(x, axis=axis, keepdims=True), x=x, axes=[axis], keep_dims=True)
                case(op, f(x, axis=axis), x=x, axes=[axis], keep_dims=False)
        case(op, f(x, axis=(3, 1)), x=x, axes=[-1, 1])
        case(op, f(scalar := draw()), x=scalar)
        whole = random.integers(-9, 9, (2, 4))
        exact = np.trunc(np.mean(whole, axis=1)).astype(np.int64) if op == "reduce_mean" else f(whole, axis=1)
        case(op, exact, x=whole, axes=[1])


def shapes():
    for shape in [(), (3,), (1, 2, 3)]:
        x = draw(*shape)
        case("identity", x, x=x)
    x = np.array([-2.75, -0.5, 0.0, 0.5, 2.5, 100.0])
    case("cast", np.trunc(x).astype(np.int64), x=x, dtype="int32")
    case("cast", x != 0, x=x, dtype="bool")
    case("cast", x, x=x, dtype="fp32")
    case("cast", np.array([1.0, 0.0]), x=np.array([True, False]), dtype="fp32")
    case("cast", np.array([-3.0, 4.0]), x=np.array([-3, 4]), dtype="fp32")
    for shape, to in [((2, 3), [3, 2]), ((2, 3), [-1]), ((2, 3, 5), [0, -1]), ((2, 3, 5), [5, 0, -1]), ((6,), [1, 2, -1, 1]),
                      ((1, 1), []), ((4, 3), [0, 0])]:
        x = draw(*shape)
        numbers = list(to)
        for d, size in enumerate(to):  # a zero copies the dimension that stands as far from the right
            from_right = len(to) - d
            if size == 0:
                numbers[d] = shape[-from_right] if from_right <= len(shape) else 1
        case("reshape", x.reshape(numbers), x=x, shape=to)
    x = draw(2, 50)
    case("reshape", x.reshape(1, 1, 2, 50), x=x, shape=[1, 0, -1, 0])  # coremltools' own example
    for shape, perm in [((3,), [0]), ((2, 3), [1, 0]), ((1, 2, 3, 5), [0, 1, 3, 2]), ((1, 2, 3, 5), [-1, 0, -2, 1]),
                        ((2, 1, 3, 2, 2), [4, 2, 0, 3, 1])]:
        x = draw(*shape)
        case("transpose", x.transpose(perm), x=x, perm=perm)
    x = draw(3, 5, 7)
    case("slice_by_size", x[1:3, 0:5, 2:6], x=x, begin=[1, 0, 2], size=[2, 5, 4])
    case("slice_by_size", x[-2:, -5:-4, 3:], x=x, begin=[-2, -5, 3], size=[-1, 1, -1])
    case("slice_by_size", x[2:3, 4:5, -7:], x=x, begin=[2, 4, -7], size=[1, 1, 7])
    for shape in [(2,), (3, 2), (1, 2, 3, 2)]:
        values = tuple(draw(*shape) for _ in range(3))
        for axis in range(-len(shape), len(shape)):
            case("concat", np.concatenate(values, axis), values=values, axis=axis)
            woven = np.stack(values, axis % len(shape) + 1)
            woven = woven.reshape([s * 3 if d == axis % len(shape) else s for d, s in enumerate(shape)])
            case("concat", woven, values=values, axis=axis, interleave=True)
    values = (draw(2, 1, 3), draw(2, 4, 3), draw(2, 2, 3))
    case("concat", np.concatenate(values, 1), values=values, axis=1, interleave=False)


for family in (binaries, unaries, activations, convolutions, products, reductions, shapes):
    family()
print("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]")
