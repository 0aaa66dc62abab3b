#!/usr/bin/python3
"""Slices."""
import numpy as np

from cases import Typed, case, draw, write


def by_size():
    x = draw(3, 5, 7)
    case("slice_by_size", x[1:3, 0:5, 2:6], x=x, begin=[1, 0, 2], size=[2, 5, 4])
    case("slice_by_size", x[-2:, -5:-4, 3:], x=x, begin=[-2, -5, 3], size=[-1, 1, -1])
    case("slice_by_size", x[2:3, 4:5, -7:], x=x, begin=[2, 4, -7], size=[1, 1, 7])
    case("slice_by_size", np.array([False]), x=np.array([True, False, True]), begin=[1], size=[1])


# Python slices of each rank, an index where the dimension vanishes.
SLICES = [
    (np.s_[1:4],), (np.s_[:3],), (np.s_[2:],), (np.s_[:],), (np.s_[-3:-1],), (np.s_[::2],), (np.s_[1:99:3],), (np.s_[-99:2],), (3,), (-1,),
    (np.s_[::-1],), (np.s_[4:1:-1],), (np.s_[-2::-2],), (np.s_[:2:-1],), (np.s_[99:-99:-3],),
    (np.s_[1:3], np.s_[::-2]), (np.s_[:], 1), (0, np.s_[2:4]), (2, -2),
    (np.s_[0:2], np.s_[1:], np.s_[::3], 1), (np.s_[:], np.s_[-1:], 3, np.s_[::-1]), (np.s_[1:], np.s_[:], np.s_[1:4], np.s_[:]),
]
SHAPES = {1: (6,), 2: (3, 5), 4: (2, 3, 5, 2)}


def parameters(slices):
    """begin, end, stride and masks of Python slices."""
    begin, end, stride, begin_mask, end_mask, squeeze_mask = [], [], [], [], [], []
    for s in slices:
        index = not isinstance(s, slice)
        begin.append(s if index else 0 if s.start is None else s.start)
        end.append(0 if index or s.stop is None else s.stop)
        stride.append(1 if index or s.step is None else s.step)
        begin_mask.append(not index and s.start is None)
        end_mask.append(not index and s.stop is None)
        squeeze_mask.append(index)
    given = {"begin": begin, "end": end}
    if any(step != 1 for step in stride):
        given["stride"] = stride
    for name, mask in {"begin_mask": begin_mask, "end_mask": end_mask, "squeeze_mask": squeeze_mask}.items():
        if any(mask):
            given[name] = np.array(mask)
    return given


def by_index():
    for slices in SLICES:
        x = draw(*SHAPES[len(slices)])
        case("slice_by_index", x[slices], x=x, **parameters(slices))
        update = draw(*x[slices].shape)
        updated = x.copy()
        updated[slices] = update
        case("slice_update", updated, x=x, update=update, **parameters(slices))
    whole = np.arange(12).reshape(3, 4)
    case("slice_by_index", whole[1:, ::-1], x=whole, **parameters(np.s_[1:, ::-1]))
    case("slice_by_index", Typed(np.zeros(0), "int32"), x=np.arange(3), begin=[2], end=[1])
    case("slice_by_index", whole[:2], x=whole, begin=[0, 1], end=[2, 0], stride=[1, 1], begin_mask=np.array([False, True]),
         end_mask=np.array([False, True]), squeeze_mask=np.array([False, False]))


def crops():
    for shape, height, width in [((2, 5, 7), [1, 2], [0, 3]), ((1, 3, 4, 4), [0, 0], [1, 1]), ((3, 3), [2, 0], [0, 2])]:
        x = draw(*shape)
        rows, columns = shape[-2:]
        case("crop", x[..., height[0]:rows - height[1], width[0]:columns - width[1]], x=x, crop_height=height, crop_width=width)


by_size()
by_index()
crops()
write()
