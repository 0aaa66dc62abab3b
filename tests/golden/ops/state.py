#!/usr/bin/python3
"""States and buffers: copies, whose values stay what they are."""
import numpy as np

from cases import Buffer, State, Typed, case, draw, random, write


def copies():
    for shape in [(3,), (2, 3), (1, 2, 1, 3)]:
        for dtype in ("fp32", "fp16", "int32"):
            x = random.integers(-9, 9, shape) if dtype == "int32" else draw(*shape)
            case("read_state", Typed(x, dtype), input=State(x, dtype))
            strides = [1]
            for size in reversed(shape[1:]):
                strides.insert(0, -(-size // 16) * 16 if len(strides) == 1 else strides[0] * size)
            factors = [1] * len(shape)
            buffer = Buffer(x, dtype, strides, factors)
            case("tensor_buffer_to_tensor", Typed(x, dtype), opset="ios17", input=buffer)
            case("tensor_to_tensor_buffer", buffer, opset="ios17", input=Typed(x, dtype), strides=Typed(strides, "int64"),
                 interleave_factors=Typed(factors, "uint8"))


copies()
write()
