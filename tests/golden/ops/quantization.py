#!/usr/bin/python3
"""Quantisation, and constants stored compressed."""
import numpy as np

from cases import Typed, case, draw, random, write

RANGES = {"int8": (-128, 127), "uint8": (0, 255), "int4": (-8, 7), "uint4": (0, 15)}


def along(parameter, rank, axis):
    """A vector as [1, n, 1]; a scalar as it is."""
    return parameter if np.ndim(parameter) == 0 else parameter.reshape([-1 if d == axis % rank else 1 for d in range(rank)])


def whole(dtype, *shape):
    low, high = RANGES[dtype]
    return random.integers(low, high + 1, shape)


def folded(y, dtype):
    """A result of constants, which is rounded to its type."""
    return Typed(np.float16(y) if dtype == "fp16" else y, dtype)


def scales(*shape):
    return random.choice([0.125, 0.25, 0.375, 0.5, 1.5], shape)


def affine():
    for shape, axis in [((7,), None), ((2, 3), None), ((2, 3), 0), ((2, 3), -1), ((2, 3, 1, 2), 1), ((5,), 0), ((), None)]:
        for dtype in ("int8", "uint8"):
            for zero in (False, True):
                n = () if axis is None else (shape[axis],)
                scale = scales(*n)
                point = whole(dtype, *n)
                shift = along(point, len(shape), axis) if zero else 0
                more = {} if axis is None else dict(axis=axis)
                if zero:
                    more["zero_point"] = Typed(point, dtype)
                for kind in ("fp32", "fp16"):
                    x = draw(*shape, low=-50, high=50)
                    q = np.clip(np.round(x / along(scale, len(shape), axis)) + shift, *RANGES[dtype])
                    case("quantize", Typed(q, dtype), input=Typed(x, kind), scale=Typed(scale, kind), output_dtype=dtype, **more)
                    q = whole(dtype, *shape)
                    y = along(scale, len(shape), axis) * (q - shift)
                    case("dequantize", Typed(y, kind), input=Typed(q, dtype), scale=Typed(scale, kind), **more)
                more.setdefault("axis", 0)
                if shape == ():
                    continue
                q = whole(dtype, *shape)
                y = along(scale, len(shape), axis) * (q - shift)
                more.setdefault("zero_point", Typed(0, "fp32"))
                case("constexpr_affine_dequantize", folded(y, "fp16"), quantized_data=Typed(q, dtype), scale=Typed(scale, "fp16"),
                     **more)
    halves = np.array([0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 1e6, -1e6, np.inf, -np.inf])
    for dtype in ("int8", "uint8"):
        case("quantize", Typed(np.clip(np.round(halves), *RANGES[dtype]), dtype), input=halves, scale=1.0, output_dtype=dtype)
    q = whole("int8", 2, 3)
    point = np.array([0.5, -1.25, 3.0])
    case("constexpr_affine_dequantize", 0.25 * (q - point), quantized_data=Typed(q, "int8"), scale=0.25, axis=-1, zero_point=point)
    x = draw(2, 1, 3)
    case("constexpr_cast", x, source_val=Typed(x, "fp16"), output_dtype="fp32")


def packed(values, width):
    """Bits from each byte's low one up."""
    bits = (np.asarray(values).reshape(-1)[:, None] >> np.arange(width)) & 1
    return np.packbits(bits.reshape(-1).astype(np.uint8), bitorder="little")


def tables_16():
    for width in (1, 2, 4, 6, 8):
        for shape in [(5,), (3, 7), (2, 1, 3), (4, 4)]:
            for dtype in ("fp32", "fp16", "int8", "uint8"):
                lut = whole(dtype, 1 << width) if dtype in RANGES else draw(1 << width)
                if width == 8 and dtype != "fp32":
                    continue
                indices = random.integers(0, 1 << width, shape)
                case("constexpr_lut_to_dense", Typed(lut[indices], dtype), opset="ios16", lut=Typed(lut, dtype),
                     indices=Typed(packed(indices, width), "uint8"), shape=Typed(shape, "uint32"))


def mask_of(*shape):
    return random.integers(0, 2, shape)


def sparse():
    for shape in [(5,), (3, 7), (2, 1, 3), (4, 4)]:
        mask = mask_of(*shape)
        for dtype in ("fp32", "fp16", "int8", "uint8", "int4", "uint4"):
            n = int(mask.sum())
            values = whole(dtype, n) if dtype in RANGES else draw(n)
            dense = np.zeros(shape)
            dense[mask != 0] = values
            case("constexpr_sparse_to_dense", Typed(dense, dtype), nonzero_data=Typed(values, dtype), mask=Typed(mask, "uint1"))
            if dtype not in ("int4", "uint4"):
                case("constexpr_sparse_to_dense", Typed(dense, dtype), opset="ios16", nonzero_data=Typed(values, dtype),
                     mask=Typed(packed(mask, 1), "uint8"), shape=Typed(shape, "uint32"))


def repeated(x, shape):
    for d, size in enumerate(shape):
        x = np.repeat(x, size // x.shape[d], axis=d)
    return x


def blocks():
    setups = [((4,), (2,)), ((6,), (6,)), ((4, 6), (1, 1)), ((4, 6), (2, 3)), ((4, 6), (4, 1)), ((2, 6, 1, 4), (1, 3, 1, 2))]
    for number, (shape, groups) in enumerate(setups):
        for dtype in ("int4", "uint4", "int8", "uint8", "fp16", "fp32"):
            q = whole(dtype, *shape) if dtype in RANGES else draw(*shape)
            scale = scales(*groups)
            kinds = [None, "fp32", dtype, "fp16"]
            kind = kinds[(number + len(dtype)) % 4]
            more, offset = {}, np.zeros(groups)
            if kind is not None:
                offset = whole(kind, *groups) if kind in RANGES else draw(*groups)
                more["offset"] = Typed(offset, kind)
            y = repeated(scale, shape) * (q - repeated(offset, shape))
            result = ("fp16", "fp32")[number % 2]
            case("constexpr_blockwise_shift_scale", folded(y, result), data=Typed(q, dtype), scale=Typed(scale, result), **more)
            mask = mask_of(*shape)
            case("constexpr_sparse_blockwise_shift_scale", Typed(mask, "uint1"), folded(y[mask != 0], result),
                 data_mask=Typed(mask, "uint1"), nonzero_data=Typed(q[mask != 0], dtype), scale=Typed(scale, result), **more)


def expanded(indices, lut, axis):
    """Element by element: the vector of each index, its values side by side along the axis."""
    V = lut.shape[-1]
    shape = [s * V if d == axis else s for d, s in enumerate(indices.shape)]
    y = np.zeros(shape)
    for at in np.ndindex(*shape):
        source = tuple(k // V if d == axis else k for d, k in enumerate(at))
        group = tuple(k * lut.shape[d] // indices.shape[d] for d, k in enumerate(source))
        y[at] = lut[group][indices[source]][at[axis] % V]
    return y


def tables_18():
    setups = [((4,), (2,), 1, None), ((6, 2), (2, 1), 1, None), ((2, 2, 2), (1, 1, 1), 3, 1), ((2, 2, 2), (1, 2, 1), 3, -1),
              ((4, 6), (2, 3), 2, 0), ((4, 6), (1, 3), 1, 1), ((4,), (2,), 2, -1), ((2, 1, 3, 2), (2, 1, 1, 1), 2, 2)]
    for number, (shape, groups, V, axis) in enumerate(setups):
        for width in (1, 2, 3, 4, 6, 8):
            if width == 8 and number > 1 or width == 6 and number > 3:
                continue
            dtype = ("fp32", "fp16", "int8", "uint8")[(number + width) % 4]
            table = (*groups, 1 << width, V)
            lut = whole(dtype, *table) if dtype in RANGES else draw(*table)
            indices = random.integers(0, 1 << width, shape)
            at = 0 if axis is None else axis % len(shape)
            y = expanded(indices, lut, at)
            more = {} if axis is None else dict(vector_axis=axis)
            case("constexpr_lut_to_dense", Typed(y, dtype), indices=Typed(indices, f"uint{width}"), lut=Typed(lut, dtype), **more)
            mask = mask_of(*shape)
            wide = np.repeat(mask, V, axis=at)
            case("constexpr_lut_to_sparse", Typed(wide, "uint1"), Typed(y[wide != 0], dtype), indices_mask=Typed(mask, "uint1"),
                 indices_nonzero_data=Typed(indices[mask != 0], f"uint{width}"), lut=Typed(lut, dtype), **more)


def examples():
    """coremltools' own, from its documentation of each op."""
    indices = np.array([2, 3, 3, 0, 1, 0, 3, 0, 2, 1, 0, 3]).reshape(6, 2)
    lut = np.array([1.0, 5.0, 9.0, 13.0, 2.0, 10.0, 18.0, 26.0]).reshape(2, 1, 4, 1)
    y = np.array([9.0, 13.0, 13.0, 1.0, 5.0, 1.0, 26.0, 2.0, 18.0, 10.0, 2.0, 26.0]).reshape(6, 2)
    case("constexpr_lut_to_dense", Typed(y, "fp16"), indices=Typed(indices, "uint2"), lut=Typed(lut, "fp16"))
    mask = np.array([[1, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 1], [0, 1, 1, 0, 1, 0], [0, 0, 0, 1, 0, 0]])
    stored = np.array([0, 1, 1, 0, 1, 1, 0, 0, 1])
    case("constexpr_lut_to_sparse", Typed(mask, "uint1"), np.array([2.0, 3, 3, 2, 3, 3, 2, 2, 3]), indices_mask=Typed(mask, "uint1"),
         indices_nonzero_data=Typed(stored, "uint1"), lut=np.array([2.0, 3.0]).reshape(1, 1, 2, 1))
    case("constexpr_lut_to_sparse", Typed(np.repeat(mask, 2, axis=0), "uint1"),
         np.array([2.0, 3, 2, 3, 3, 2, 3, 3, 2, 3, 3, 2, 2, 3, 2, 2, 3, 3]), indices_mask=Typed(mask, "uint1"),
         indices_nonzero_data=Typed(stored, "uint1"), lut=np.array([2.0, 2.0, 3.0, 3.0]).reshape(1, 1, 2, 2), vector_axis=0)
    mask = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1], [1, 1, 0, 0]])
    scale, offset = np.array([[0.125, 0.25, 0.375, 0.5]]), np.array([[1, 2, 3, 4]])
    values = np.array([9 * 0.125, 9 * 0.25, 2 * 0.125, 2 * 0.25, 2 * 0.375, 3 * 0.375, 3 * 0.5, 7 * 0.125, 7 * 0.25])
    case("constexpr_sparse_blockwise_shift_scale", Typed(mask, "uint1"), values, data_mask=Typed(mask, "uint1"),
         nonzero_data=Typed([10, 11, 3, 4, 5, 6, 7, 8, 9], "int8"), scale=scale, offset=Typed(offset, "int8"))


affine()
tables_16()
sparse()
blocks()
tables_18()
examples()
write()
