#!/usr/bin/python3
"""Gathers and scatters, element by element from their definitions; gathers without batches also by NumPy's indexing."""
import itertools

import numpy as np

from cases import Typed, case, draw, random, write

MODES = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "max": max,
    "min": min,
    "update": lambda a, b: b,
}


def places(shape):
    return itertools.product(*(range(n) for n in shape))


def gather(x, indices, axis, batch=0):
    """y[batch, before, picks, after] = x[batch, before, indices[batch, picks], after]."""
    axis %= x.ndim
    y = np.empty(x.shape[:axis] + indices.shape[batch:] + x.shape[axis + 1 :], x.dtype)
    for place in places(y.shape):
        middle = len(indices.shape) - batch
        pick = indices[place[:batch] + place[axis : axis + middle]]
        y[place] = x[place[:axis] + (pick,) + place[axis + middle :]]
    return y


def gather_nd(x, indices, batch=0):
    k = indices.shape[-1]
    y = np.empty(indices.shape[:-1] + x.shape[batch + k :], x.dtype)
    for place in places(indices.shape[:-1]):
        y[place] = x[place[:batch] + tuple(indices[place])]
    return y


def scatter(data, indices, updates, axis, mode):
    y = data.copy()
    axis %= data.ndim
    for place in places(updates.shape):
        to = place[:axis] + (indices[place[axis]],) + place[axis + 1 :]
        y[to] = MODES[mode](y[to], updates[place])
    return y


def scatter_along_axis(data, indices, updates, axis, mode):
    y = data.copy()
    axis %= data.ndim
    for place in places(updates.shape):
        to = place[:axis] + (indices[place],) + place[axis + 1 :]
        y[to] = MODES[mode](y[to], updates[place])
    return y


def scatter_nd(data, indices, updates, mode):
    y = data.copy()
    for place in places(indices.shape[:-1]):
        to = tuple(indices[place])
        for rest in places(data.shape[len(to) :]):
            y[to + rest] = MODES[mode](y[to + rest], updates[place + rest])
    return y


def picks(size, *shape, negative=False):
    return random.integers(-size if negative else 0, size, shape)


def gathers():
    for opset in ("ios15", "ios16", "ios17"):
        for shape in [(5,), (4, 3), (2, 3, 4), (1, 3, 2, 3, 1)][: 2 if opset == "ios16" else 4]:
            x = draw(*shape)
            for axis in range(-len(shape), len(shape)):
                for index_shape in [(), (1,), (3,), (2, 2)][: 4 if len(shape) < 5 else 2]:
                    indices = picks(shape[axis], *index_shape, negative=opset < "ios17")
                    y = gather(x, indices, axis)
                    assert np.array_equal(y, np.take(x, indices, axis))
                    case("gather", y, x=x, indices=indices, axis=axis, opset=opset)
                indices = picks(shape[axis], *shape[: axis % len(shape)], 4, *shape[axis % len(shape) + 1 :], negative=opset < "ios17")
                y = np.take_along_axis(x, indices, axis)
                case("gather_along_axis", y, x=x, indices=indices, axis=axis, opset=opset)
        x = draw(4, 2)
        case("gather", x[[1, 3, 1]], x=x, indices=[1, 3, 1], opset=opset)
        case("gather_along_axis", x[[[1, 3]], [[0, 1]]], x=x, indices=[[1, 3]], opset=opset)
        case("gather", np.array([7, 5]), x=np.array([5, 6, 7]), indices=[2, 0], opset=opset)
        case("gather", np.array([True, False]), x=np.array([False, True]), indices=[1, 0], opset=opset)


def gathers_nd():
    for opset in ("ios15", "ios16", "ios17"):
        negative = opset < "ios17"
        for shape in [(5,), (4, 3), (2, 3, 4), (2, 1, 3, 2, 2)][: 2 if opset == "ios16" else 4]:
            x = draw(*shape)
            for k in range(1, len(shape) + 1):
                for leading in [(), (3,), (2, 2)]:
                    indices = np.stack([picks(n, *leading, negative=negative) for n in shape[:k]], -1)
                    y = gather_nd(x, indices)
                    assert np.array_equal(y, x[tuple(np.moveaxis(indices, -1, 0))])
                    case("gather_nd", y, x=x, indices=indices, opset=opset)


def batches():
    for opset in ("ios16", "ios17"):
        negative = opset < "ios17"
        x = draw(2, 3, 4, 2)
        for batch, axis, index_shape in [(0, 1, (2,)), (1, 1, (2, 5)), (1, 2, (2, 3)), (1, -1, (2, 2, 2)), (2, 2, (2, 3)), (2, 3, (2, 3, 3))]:
            indices = picks(x.shape[axis], *index_shape, negative=negative)
            case("gather", gather(x, indices, axis, batch), x=x, indices=indices, axis=axis, batch_dims=batch, opset=opset)
        for batch, k, leading in [(0, 2, (3,)), (1, 1, (2,)), (1, 2, (2, 3)), (1, 3, (2, 2, 2)), (2, 1, (2, 3)), (2, 2, (2, 3, 2))]:
            indices = np.stack([picks(n, *leading, negative=negative) for n in x.shape[batch : batch + k]], -1)
            case("gather_nd", gather_nd(x, indices, batch), x=x, indices=indices, batch_dims=batch, opset=opset)


def types():
    x = np.array([10, 20, 30])
    for dtype, since in [("int16", "ios16"), ("uint16", "ios16"), ("int8", "ios17"), ("uint8", "ios17")]:
        case("gather", x[[2, 0]], x=x, indices=Typed([2, 0], dtype), opset=since)
        case("gather_along_axis", x[[2, 0]], x=x, indices=Typed([2, 0], dtype), opset=since)
        case("gather_nd", x[[2, 0]], x=x, indices=Typed([[2], [0]], dtype), opset=since)
        values = Typed(x, dtype)
        case("gather", Typed(x[[2, 0]], dtype), x=values, indices=[2, 0])
        case("gather_along_axis", Typed(x[[2, 0]], dtype), x=values, indices=[2, 0])
        case("gather_nd", Typed(x[[2, 0]], dtype), x=values, indices=[[2], [0]])
    floats = draw(3, 2)
    case("gather", Typed(floats[[1]], "fp16"), x=Typed(floats, "fp16"), indices=[1])
    case("gather", floats[[2, 0]], x=floats, indices=Typed([2, 0], "uint8"), validate_indices=True)
    case("gather_along_axis", floats[[[2, 0]], [[0, 1]]], x=floats, indices=[[2, 0]], validate_indices=True)
    case("gather_nd", floats[[2]], x=floats, indices=[[2]], validate_indices=True)


def scatters():
    for opset in ("ios15", "ios17"):
        negative = opset < "ios17"
        for mode in MODES:
            for shape, axis in [((4,), 0), ((3, 4), -1), ((2, 3, 2), 1), ((1, 2, 1, 3, 2), -2)]:
                data, size = draw(*shape), shape[axis]
                axis_at = axis % len(shape)
                before, after = shape[:axis_at], shape[axis_at + 1 :]
                arguments = dict(axis=axis, mode=mode)
                # Five updates, so that some meet; none near 0, for they divide.
                updates = np.where((u := draw(*before, 5, *after)) < 0, u - 0.5, u + 0.5)
                indices = picks(size, 5, negative=negative)
                y = scatter(data, indices, updates, **arguments)
                case("scatter", y, data=data, indices=indices, updates=updates, **arguments, opset=opset)
                indices = picks(size, *updates.shape, negative=negative)
                y = scatter_along_axis(data, indices, updates, **arguments)
                case("scatter_along_axis", y, data=data, indices=indices, updates=updates, **arguments, opset=opset)
            for shape, k, leading in [((4,), 1, (5,)), ((3, 2), 1, (2, 2)), ((2, 3, 2), 2, (7,)), ((2, 2, 2), 3, ())]:
                data = draw(*shape)
                updates = np.where((u := draw(*leading, *shape[k:])) < 0, u - 0.5, u + 0.5)
                indices = np.stack([picks(n, *leading, negative=negative) for n in shape[:k]], -1)
                y = scatter_nd(data, indices, updates, mode)
                case("scatter_nd", y, data=data, indices=indices, updates=updates, mode=mode, opset=opset)


def scatter_defaults():
    for opset in ("ios15", "ios17"):
        data = np.array([1, 2, 3])
        case("scatter", np.array([1, 2, 12]), data=data, indices=[2, 2], updates=[4, 5], opset=opset)
        case("scatter_along_axis", np.array([1, 2, 12]), data=data, indices=[2, 2], updates=[4, 5], opset=opset)
        case("scatter_nd", np.array([1, 2, 12]), data=data, indices=[[2], [2]], updates=[4, 5], opset=opset)
    case("scatter", np.array([1, 6, 3]), data=data, indices=[1], updates=[4], validate_indices=True)
    case("scatter_along_axis", np.array([1, 6, 3]), data=data, indices=[1], updates=[4], validate_indices=True)
    case("scatter_nd", np.array([1, 6, 3]), data=data, indices=[[1]], updates=[4], validate_indices=True)


gathers()
gathers_nd()
batches()
types()
scatters()
scatter_defaults()
write()
