#!/usr/bin/python3
"""one_hot, fill, fill_like, range_1d and non_zero."""
import numpy as np

from cases import Typed, case, draw, random, write


def one_hots():
    for shape in [(), (4,), (2, 3), (1, 2, 2, 1)]:
        indices = random.integers(-1, 5, shape)  # 0 to 3 are in range
        for axis in range(-len(shape) - 1, len(shape) + 1):
            hot = np.stack([indices == i for i in range(4)], axis)
            case("one_hot", hot.astype(np.int32), indices=indices, one_hot_vector_size=4, axis=axis)
            case("one_hot", np.where(hot, 2.5, -1.0), indices=indices, one_hot_vector_size=4, axis=axis, on_value=np.array(2.5), off_value=np.array(-1.0))
    case("one_hot", np.array([[0, 1], [1, 0]]), indices=[1, 0], one_hot_vector_size=2)
    case("one_hot", np.array([[0, 7]]), indices=[1], one_hot_vector_size=2, on_value=7)
    case("one_hot", np.array([[0.5, 1]]), indices=[1], one_hot_vector_size=2, off_value=np.array(0.5))
    case("one_hot", np.array([[0, 1.5]]), indices=[1], one_hot_vector_size=2, on_value=np.array(1.5))
    case("one_hot", np.array([[True, False]]), indices=[1], one_hot_vector_size=2, on_value=np.array(False), off_value=np.array(True))
    for dtype in ("int8", "uint8", "int16", "uint16"):
        case("one_hot", np.array([[0, 0, 1]]), indices=Typed([2], dtype), one_hot_vector_size=3)


def fills():
    for shape in [(), (3,), (2, 1, 3), (1, 2, 1, 2, 1, 2)]:
        case("fill", np.zeros(shape), shape=list(shape))
        case("fill", np.full(shape, 1.5), shape=list(shape), value=np.array(1.5))
        case("fill", np.full(shape, -3), shape=list(shape), value=-3)
        like = draw(*shape)
        case("fill_like", np.zeros(shape), ref_tensor=like)
        case("fill_like", np.full(shape, 7), ref_tensor=like, value=7)
        case("fill_like", np.full(shape, 0.25), ref_tensor=Typed(np.zeros(shape), "bool"), value=np.array(0.25))
    case("fill", np.full((2,), True), shape=[2], value=np.array(True))
    case("fill", np.zeros((2, 0, 3)), shape=[2, 0, 3])
    case("fill", Typed(np.full((2,), 0.5), "fp16"), shape=[2], value=Typed(0.5, "fp16"))


def ranges():
    for start, end, step in [(0, 5, 1), (5, 0, -2), (3, 3, 1), (2, 9, 3), (0, -4, 1), (-7, -1, 6)]:
        case("range_1d", np.arange(start, end, step), start=start, end=end, step=step)
    for start, end, step in [(0.0, 1.0, 0.25), (0.5, 2.0, 0.5), (1.0, -0.25, -0.5), (0.0, 1.0, 2.0)]:
        case("range_1d", np.arange(start, end, step), start=np.array(start), end=np.array(end), step=np.array(step))
    case("range_1d", Typed(np.arange(0, 2, 0.5), "fp16"), start=Typed(0, "fp16"), end=Typed(2, "fp16"), step=Typed(0.5, "fp16"))


def non_zeros():
    for shape in [(7,), (3, 4), (2, 1, 3, 2)]:
        x = random.integers(-1, 2, shape)
        case("non_zero", np.argwhere(x), x=x)
        case("non_zero", np.argwhere(x), x=x / 2)
        case("non_zero", np.argwhere(x > 0), x=x > 0)
    case("non_zero", np.zeros((0, 2), np.int64), x=np.zeros((2, 2)))
    case("non_zero", np.zeros((1, 0), np.int64), x=3)
    case("non_zero", np.array([[1]]), x=np.array([-0.0, np.nan]))


one_hots()
fills()
ranges()
non_zeros()
write()
