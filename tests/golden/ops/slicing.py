#!/usr/bin/python3
"""Slices."""
from cases import case, draw, write


def slices():
    x = draw(3, 5, 7)
    case("slice_by_size", x[1:3, 0:5, 2:6], x=x, begin=[1, 0, 2], size=[2, 5, 4])
    case("slice_by_size", x[-2:, -5:-4, 3:], x=x, begin=[-2, -5, 3], size=[-1, 1, -1])
    case("slice_by_size", x[2:3, 4:5, -7:], x=x, begin=[2, 4, -7], size=[1, 1, 7])


slices()
write()
