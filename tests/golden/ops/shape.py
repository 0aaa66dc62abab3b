#!/usr/bin/python3
"""What moves whole tensors."""
import numpy as np

from cases import case, draw, write


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
    for shape in [(2,), (3, 2), (1, 2, 3, 2)]:
        values = tuple(draw(*shape) for _ in range(3))
        for axis in range(-len(shape), len(shape)):
            case("concat", np.concatenate(values, axis), values=values, axis=axis)
            woven = np.stack(values, axis % len(shape) + 1)
            woven = woven.reshape([s * 3 if d == axis % len(shape) else s for d, s in enumerate(shape)])
            case("concat", woven, values=values, axis=axis, interleave=True)
    values = (draw(2, 1, 3), draw(2, 4, 3), draw(2, 2, 3))
    case("concat", np.concatenate(values, 1), values=values, axis=1, interleave=False)


shapes()
write()
