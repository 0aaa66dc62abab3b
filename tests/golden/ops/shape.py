#!/usr/bin/python3
"""Shapes, casts, and what moves whole tensors."""
import numpy as np
import torch
from torch.nn import functional

from cases import Typed, case, draw, random, write


def casts():
    for shape in [(), (3,), (1, 2, 3)]:
        x = draw(*shape)
        case("identity", x, x=x)
    case("identity", np.array([True, False]), x=np.array([True, False]))
    x = np.array([-2.75, -0.5, 0.0, 0.5, 2.5, 100.0])
    case("cast", np.trunc(x).astype(np.int64), x=x, dtype="int32")
    case("cast", np.trunc(x).astype(np.int64), x=x, dtype="int32", opset="ios16")
    case("cast", x != 0, x=x, dtype="bool")
    case("cast", x, x=x, dtype="fp32")
    case("cast", Typed(x, "fp16"), x=x, dtype="fp16")
    for dtype in ["int8", "int16", "uint8", "uint16"]:
        case("cast", Typed([0, 0, 2, 100], dtype), x=x[[1, 2, 4, 5]], dtype=dtype)
        case("cast", np.array([0.0, 3.0, 100.0]), x=Typed([0, 3, 100], dtype), dtype="fp32")
    case("cast", np.array([1.0, 0.0]), x=np.array([True, False]), dtype="fp32")
    case("cast", np.array([-3.0, 4.0]), x=np.array([-3, 4]), dtype="fp32")


def reshapes():
    for shape, to in [((2, 3), [3, 2]), ((2, 3), [-1]), ((2, 3, 5), [0, -1]), ((2, 3, 5), [5, 0, -1]), ((6,), [1, 2, -1, 1]),
                      ((1, 1), []), ((4, 3), [0, 0]), ((2, 3, 5, 1, 2), [4, -1]), ((), [1, 1])]:
        x = draw(*shape)
        numbers = list(to)
        for d, size in enumerate(to):  # a zero copies the dimension that stands as far from the right
            from_right = len(to) - d
            if size == 0:
                numbers[d] = shape[-from_right] if from_right <= len(shape) else 1
        case("reshape", x.reshape(numbers), x=x, shape=to)
        case("reshape", x.reshape(numbers), x=x, shape=numbers, opset="ios16")
    x = draw(2, 50)
    case("reshape", x.reshape(1, 1, 2, 50), x=x, shape=[1, 0, -1, 0])  # coremltools' own example
    x = draw(2, 3, 4)
    case("reshape", x, x=x, shape=[0, -1, 4], opset="ios15")
    case("reshape", x.reshape(2, 3, 2, 2)[:, :, 0], x=x[:, :, :2], shape=[0, 0, -1], opset="ios16")

    x = draw(6, 20)
    for refs, begins, ends, masks, to in [
            (((2, 50, 3), (4, 5)), (0, 0), (1, 2), (False, True), (2, 4, 5)), (((2, 3, 9), (1, 20)), (0, -1), (2, 9), (False, False), (2, 3, 20)),
            (((120,),), (0,), (0,), (True,), (120,)), (((4, 7), (7, 30)), (0, 1), (-1, 2), (False, False), (4, 30))]:
        if int(np.prod(to)) == x.size:
            case("reshape_like", x.reshape(to), x=x, ref_tensors=tuple(draw(*r) for r in refs), begins=begins, ends=ends, end_masks=masks)
    whole = np.arange(6)
    case("reshape_like", whole.reshape(3, 2), x=whole, ref_tensors=(np.zeros((3, 2)),), begins=(0,), ends=(2,), end_masks=(False,))

    for shape, axes in [((3,), [0]), ((3,), [-1]), ((2, 3), [1]), ((2, 3), [0, -1]), ((2, 3), [3, 0, 1]), ((), [0, 1]), ((2, 3), [])]:
        x = draw(*shape)
        case("expand_dims", np.expand_dims(x, tuple(axes)), x=x, axes=axes)
    for shape, axes in [((1,), [0]), ((1, 3, 1), [0]), ((1, 3, 1), [-1, 0]), ((2, 1, 1, 3, 1), [1, -1])]:
        x = draw(*shape)
        case("squeeze", np.squeeze(x, tuple(axes)), x=x, axes=axes)
        case("squeeze", np.squeeze(x), x=x)
    x = draw(1, 3, 1)
    case("squeeze", x.reshape(3, 1), x=x, axes=[0, 1])  # a dimension that is not 1 stays
    case("squeeze", x, x=x, axes=[])
    x = draw(2, 3, 4)
    case("flatten2d", x.reshape(2, 12), x=x)
    for axis in range(-3, 4):
        rows = int(np.prod(x.shape[:axis])) if axis != 0 else 1
        case("flatten2d", x.reshape(rows, 24 // rows), x=x, axis=axis)
    x = draw(5)
    case("flatten2d", x.reshape(5, 1), x=x)
    for shape in [(), (3,), (1, 2, 3, 4, 5)]:
        case("shape", Typed(np.array(shape, dtype=np.int64), "int32"), x=draw(*shape))
    case("shape", np.array([2]), x=np.array([True, False]))


def joins():
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
        for axis in range(-len(shape) - 1, len(shape) + 1):
            case("stack", np.stack(values, axis), values=values, axis=axis)
    case("stack", np.array([1.5, 2.5]), values=(np.array(1.5), np.array(2.5)), axis=0)
    case("stack", np.array([[True], [False]]), values=(np.array([True]), np.array([False])), axis=0)
    values = (draw(2, 1, 3), draw(2, 4, 3), draw(2, 2, 3))
    case("concat", np.concatenate(values, 1), values=values, axis=1, interleave=False)
    x = draw(2, 6, 3)
    for axis in range(-3, 3):
        for n in [1, 2, 3]:
            if x.shape[axis] % n == 0:
                case("split", *np.split(x, n, axis), x=x, num_splits=n, axis=axis)
    case("split", x[:, :1], x[:, 1:4], x[:, 4:], x=x, split_sizes=[1, 3, 2], axis=1)
    case("split", x[:, :1], x[:, 1:], x=x, split_sizes=[1, 5], num_splits=2, axis=-2)
    for shape, reps in [((3,), [2]), ((2, 3), [1, 1]), ((2, 3), [3, 2]), ((2, 1, 3, 2), [1, 4, 1, 3]), ((), [])]:
        x = draw(*shape)
        case("tile", np.tile(x, reps) if reps else x, x=x, reps=reps)


def pads():
    x = draw(2, 3, 4)
    for pad in [[1, 2], [0, 0], [2, 1, 1, 3], [1, 0, 0, 2, 3, 1], []]:
        pairs = [(0, 0)] * (3 - len(pad) // 2) + [tuple(pad[i:i + 2]) for i in range(0, len(pad), 2)]
        case("pad", np.pad(x, pairs), x=x, pad=pad)
        case("pad", np.pad(x, pairs, constant_values=-1.5), x=x, pad=pad, mode="constant", constant_val=np.array(-1.5))
        case("pad", np.pad(x, pairs, mode="edge"), x=x, pad=pad, mode="replicate")
    for pad in [[3, 2], [0, 3], [2, 1, 1, 3], [1, 0, 2, 2, 3, 1]]:
        pairs = [(0, 0)] * (3 - len(pad) // 2) + [tuple(pad[i:i + 2]) for i in range(0, len(pad), 2)]
        case("pad", np.pad(x, pairs, mode="reflect"), x=x, pad=pad, mode="reflect")
    x = draw(1, 2, 3, 5)
    for mode in ["reflect", "replicate"]:
        case("pad", functional.pad(torch.from_numpy(x), (4, 1, 0, 2), mode).numpy(), x=x, pad=[0, 2, 4, 1], mode=mode)


def turns():
    for shape in [(4,), (2, 3), (2, 1, 3, 4)]:
        x = draw(*shape)
        case("reverse", np.flip(x), x=x)
        for axis in range(-len(shape), len(shape)):
            case("reverse", np.flip(x, axis), x=x, axes=[axis])
    case("reverse", np.flip(x, (0, 3)), x=x, axes=[-1, 0])
    x = draw(4, 3, 2)
    for sequence, batch in [(0, 1), (1, 0), (0, 2), (-1, -3), (2, 1)]:
        lengths = random.integers(0, x.shape[sequence] + 1, x.shape[batch])
        out = np.moveaxis(x.copy(), (batch, sequence), (0, 1))
        for b, n in enumerate(lengths):
            out[b, :n] = out[b, :n][::-1].copy()
        case("reverse_sequence", np.moveaxis(out, (0, 1), (batch, sequence)), x=x, lengths=lengths, seq_axis=sequence, batch_axis=batch)
    case("reverse_sequence", np.array([[2.0, 1.0, 3.0]]).T, x=np.array([[1.0, 2.0, 3.0]]).T, lengths=np.array([2]), batch_axis=1)

    for shape in [(7,), (2, 7), (3, 7, 2)]:
        x = draw(*shape)
        axis = 0 if len(shape) == 1 else 1
        for size, stride in [(3, 1), (2, 3), (7, 1), (1, 2)]:
            windows = torch.from_numpy(x).unfold(axis, size, stride).movedim(-1, axis + 1).numpy()
            case("sliding_windows", windows, x=x, axis=axis - len(shape), size=size, stride=stride)
    case("sliding_windows", torch.from_numpy(x).unfold(2, 2, 1).numpy(), x=x, axis=2, size=2)
    for shape in [(3, 5), (4, 4), (5, 2), (2, 3, 1, 2)]:
        x = draw(*shape)
        case("band_part", x, x=x)
        for lower, upper in [(0, -1), (-1, 0), (1, 2), (0, 0), (2, -1)]:
            kept = x if lower < 0 else np.triu(x, -lower)
            kept = kept if upper < 0 else np.tril(kept, upper)
            case("band_part", kept, x=x, lower=lower, upper=upper)
    case("band_part", np.tri(3, dtype=bool), x=np.ones((3, 3), bool), upper=0)


def spaces():
    for n, c, b, h, w in [(1, 2, 2, 3, 1), (2, 1, 3, 2, 2), (2, 3, 1, 2, 3)]:
        deep = draw(n, c * b * b, h, w)
        spatial = deep.reshape(n, b, b, c, h, w).transpose(0, 3, 4, 1, 5, 2).reshape(n, c, h * b, w * b)
        case("depth_to_space", spatial, x=deep, block_size=b)
        case("space_to_depth", deep, x=spatial, block_size=b)
        case("pixel_shuffle", torch.pixel_shuffle(torch.from_numpy(deep), b).numpy(), x=deep, upscale_factor=b)
        case("pixel_unshuffle", torch.pixel_unshuffle(torch.from_numpy(spatial), b).numpy(), x=spatial, downscale_factor=Typed(b, "uint32"))
    for n, c, block, margin, h, w in [(1, 1, [2, 2], [[0, 0], [0, 0]], 4, 2), (2, 3, [2, 1], [[1, 0], [0, 2]], 3, 2),
                                      (2, 1, [2, 3], [[1, 1], [2, 0]], 4, 4), (1, 2, [1, 1], [[0, 1], [1, 0]], 2, 2)]:
        x = draw(n, c, h, w)
        padded = np.pad(x, [(0, 0), (0, 0)] + [tuple(m) for m in margin])
        bh, bw = block
        out = np.concatenate([padded[:, :, by::bh, bx::bw] for by in range(bh) for bx in range(bw)])
        case("space_to_batch", out, x=x, block_shape=block, paddings=np.array(margin))
        deep = draw(*out.shape)
        whole = np.zeros(padded.shape)
        for i in range(bh * bw):
            whole[:, :, i // bw::bh, i % bw::bw] = deep[i * n:(i + 1) * n]
        (top, _), (left, _) = margin
        case("batch_to_space", whole[:, :, top:top + h, left:left + w], x=deep, block_shape=block, crops=np.array(margin))


casts()
reshapes()
joins()
pads()
turns()
spaces()
write()
