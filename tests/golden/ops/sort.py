#!/usr/bin/python3
"""topk and argsort. NumPy sorts; of equal values the first comes first."""
import numpy as np

from cases import Typed, case, draw, random, write


def order(x, axis, ascending):
    """NumPy's stable sort of x, or of −x."""
    return np.argsort(x if ascending else -x, axis=axis, kind="stable")


def argsorts():
    for shape in [(6,), (3, 4), (2, 3, 5), (1, 2, 1, 3, 2)]:
        for axis in range(-len(shape), len(shape)):
            for ascending in (False, True):
                x = np.round(draw(*shape) * 2) / 2  # with ties
                case("argsort", order(x, axis, ascending), x=x, axis=axis, ascending=ascending)
    whole = random.integers(-3, 3, (2, 7))
    case("argsort", order(whole, -1, False), x=whole)
    halves = draw(5)
    case("argsort", order(halves, -1, True), x=Typed(halves, "fp16"), ascending=True)


def topk(x, k, axis=-1, ascending=False):
    indices = np.take(order(x, axis, ascending), np.arange(k), axis)
    return np.take_along_axis(x, indices, axis), indices


def topks():
    for opset in ("ios15", "ios16", "ios17"):
        for shape in [(6,), (3, 4), (2, 3, 5), (1, 2, 1, 3, 2)]:
            # Distinct values, no matter the jitter of gradients.
            x = random.permutation(np.prod(shape)).reshape(shape) / 8 - 1
            for axis in range(-len(shape), len(shape)):
                for k in sorted({1, shape[axis]}):
                    case("topk", *topk(x, k, axis), x=x, k=k, axis=axis, opset=opset)
                    case("topk", *topk(x, k, axis, True), x=x, k=k, axis=axis, ascending=True, opset=opset)
        case("topk", *topk(x, 1), x=x, opset=opset)
        ties = np.array([[1, 2, 2, 1], [0, 0, 0, 0]])
        case("topk", *topk(ties, 3), x=ties, k=3, opset=opset)
    x = random.permutation(8).reshape(2, 4) / 4
    for opset in ("ios16", "ios17"):
        values, indices = topk(x, 2)
        case("topk", values, indices, x=x, k=2, sort=True, return_indices=True, opset=opset)
        case("topk", values, x=x, k=2, return_indices=False, opset=opset)
        case("topk", topk(x, 1, 0, True)[0], x=x, axis=0, ascending=True, return_indices=False, opset=opset)
    case("topk", values, Typed(indices, "uint16"), x=x, k=2, output_indices_dtype="uint16")
    case("topk", values, indices, x=x, k=2, output_indices_dtype="int32")
    case("topk", *topk(x, 4), x=x, k=-1)
    case("topk", *topk(x, 2, 0), x=x, k=Typed(-1, "int8"), axis=0)
    whole = random.permutation(6)
    for dtype in ("int8", "uint8", "int16", "uint16"):
        values, indices = topk(whole, 4)
        case("topk", Typed(values, dtype), indices, x=Typed(whole, dtype), k=4)


argsorts()
topks()
write()
