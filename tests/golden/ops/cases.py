"""What the golden values of the op table are written with.

A family is a script here: `elementwise.py` writes `elementwise.json`, and so on. Values are NumPy's and PyTorch's
(Debian's python3-numpy and python3-torch), computed in double precision from inputs that fp16 holds exactly.

    /usr/bin/python3 tests/golden/ops/elementwise.py

A case is {op, arguments, results} and perhaps {opset}; an argument is {dtype, shape, data}, perhaps with {fixed}, {state}
or {strides, interleave_factors}, or {text}, or for a tuple a list of those. Numbers that JSON lacks are "nan", "inf" and
"-inf".
"""
import json
import math
import pathlib
import sys

import numpy as np

random = np.random.default_rng(20)
cases = []
INTEGERS = ("bool", "int4", "int8", "int16", "int32", "int64", "uint1", "uint2", "uint3", "uint4", "uint6", "uint8", "uint16", "uint32")


class Typed:
    """An array with the MIL element type to declare: Typed([1, 2], "uint8")."""

    def __init__(self, data, dtype):
        self.data, self.dtype = np.asarray(data), dtype


class Fixed:
    """An operand to be held as a constant, though it might be an input: Fixed(weight)."""

    def __init__(self, value):
        self.value = value


class State(Typed):
    """The same as a state."""


class Buffer(Typed):
    """The same as a tensor_buffer: its elements come packed all the same."""

    def __init__(self, data, dtype, strides, interleave_factors):
        super().__init__(data, dtype)
        self.layout = {"strides": strides, "interleave_factors": interleave_factors}


def draw(*shape, low=-2.0, high=2.0):
    """Multiples of 1/16, as doubles."""
    return np.round(random.uniform(low, high, shape) * 16) / 16


def number(value, dtype):
    if dtype in INTEGERS:
        return int(value)
    return float(value) if math.isfinite(value) else str(float(value))


def tensor(data, dtype):
    data = np.asarray(data)
    return {"dtype": dtype, "shape": list(data.shape), "data": [number(v, dtype) for v in data.reshape(-1)]}


def typed(value):
    if isinstance(value, Typed):
        more = {"state": True} if isinstance(value, State) else getattr(value, "layout", {})
        return tensor(value.data, value.dtype) | more
    value = np.asarray(value)
    return tensor(value, {"i": "int32", "b": "bool", "f": "fp32"}[value.dtype.kind])


def argument(value):
    """A string, a tuple of arguments, or numbers: floats are fp32, whole numbers int32, lists of them rank 1."""
    if isinstance(value, str):
        return {"text": value}
    if isinstance(value, Fixed):
        return {**argument(value.value), "fixed": True}
    if isinstance(value, tuple):
        return [argument(v) for v in value]
    if isinstance(value, (int, list)) and not isinstance(value, bool):
        value = np.array(value, dtype=np.asarray(value).dtype if np.size(value) else np.int64)
    return typed(value)


def case(op, *results, opset=None, **arguments):
    """One call and what it gives: case("split", a, b, x=x, num_splits=2, axis=0)."""
    entry = {"op": op, "arguments": {k: argument(v) for k, v in arguments.items()}, "results": [typed(r) for r in results]}
    if opset is not None:
        entry["opset"] = opset
    cases.append(entry)


def write():
    """All cases, to the script's own name with .json."""
    text = "[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]\n"
    pathlib.Path(sys.argv[0]).with_suffix(".json").write_text(text)
