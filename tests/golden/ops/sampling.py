#!/usr/bin/python3
"""crop_resize, resample and affine. PyTorch's grid_sample where it has the mode; else pixel by pixel from the definitions."""
import math

import numpy as np
import torch

from cases import Typed, case, draw, random, write


def fold(at, n, padding):
    """The pixel that stands for pixel `at` of n, walking back and forth; None for the padding value."""
    if 0 <= at < n:
        return at
    if padding == "constant":
        return None
    if padding == "border" or n == 1:
        return 0 if at < 0 else n - 1
    walk = list(range(n)) + (list(range(n - 1, -1, -1)) if padding == "symmetric" else list(range(n - 2, 0, -1)))
    return walk[at % len(walk)]


def sample(plane, y, x, padding="constant", value=0.0, nearest=False):
    def pixel(i, j):
        i, j = fold(i, plane.shape[0], padding), fold(j, plane.shape[1], padding)
        return value if i is None or j is None else plane[i, j]

    if nearest:
        return pixel(math.floor(y + 0.5), math.floor(x + 0.5))
    i, j = math.floor(y), math.floor(x)
    v, u = y - i, x - j
    return (
        (1 - v) * (1 - u) * pixel(i, j)
        + (1 - v) * u * pixel(i, j + 1)
        + v * (1 - u) * pixel(i + 1, j)
        + v * u * pixel(i + 1, j + 1)
    )


def pixel_coordinate(u, n, mode, align):
    if mode == "unnormalized":
        return u
    if mode == "normalized_zero_to_one":
        return u * (n - 1) if align else u * n - 0.5
    return (u + 1) / 2 * (n - 1) if align else ((u + 1) * n - 1) / 2


COORDINATES = ("unnormalized", "normalized_minus_one_to_one", "normalized_zero_to_one")


def resamples():
    images, channels, height, width = 2, 2, 3, 4
    x = draw(images, channels, height, width)
    for mode in COORDINATES:
        for align in (False, True):
            for padding in ("constant", "border", "reflection", "symmetric"):
                for sampling in ("bilinear", "nearest"):
                    low, high = {"unnormalized": (-6, 9), "normalized_zero_to_one": (-1.5, 2)}.get(mode, (-3, 3))
                    # 1/64 off the pixels and off the middles between them.
                    points = draw(images, 2, 3, 2, low=low, high=high) + 1 / 64
                    value = 0.5 if padding == "constant" else 0.0
                    y = np.empty((images, channels, 2, 3))
                    for n, c, i, j in np.ndindex(*y.shape):
                        px = pixel_coordinate(points[n, i, j, 0], width, mode, align)
                        py = pixel_coordinate(points[n, i, j, 1], height, mode, align)
                        y[n, c, i, j] = sample(x[n, c], py, px, padding, value, sampling == "nearest")
                    compare_with_torch(y, x, points, mode, align, padding, value, sampling)
                    case(
                        "resample", y, x=x, coordinates=points, sampling_mode=sampling, padding_mode=padding,
                        padding_value=np.array(value), coordinates_mode=mode, align_corners=align,
                    )  # fmt: skip


def compare_with_torch(y, x, points, mode, align, padding, value, sampling):
    """Where PyTorch knows the mode; it reflects about the edge's middle or its outside as corners are aligned or not."""
    names = {"constant": "zeros", "border": "border", "reflection" if align else "symmetric": "reflection"}
    if mode != "normalized_minus_one_to_one" or padding not in names:
        return
    how = dict(mode=sampling, padding_mode=names[padding], align_corners=align)
    expected = torch.nn.functional.grid_sample(torch.from_numpy(x - value), torch.from_numpy(points), **how)
    assert np.allclose(y, expected.numpy() + value)


def resample_types():
    x = draw(1, 1, 3, 3)
    arguments = dict(
        x=x, sampling_mode="bilinear", padding_mode="constant", padding_value=np.array(0.0),
        coordinates_mode="unnormalized", align_corners=False,
    )  # fmt: skip
    points = np.array([[[[0, 2], [1, 1], [2, 0]]]])
    y = x[:, :, [2, 1, 0], [0, 1, 2]][:, :, None, :]
    case("resample", y, coordinates=points, **arguments)
    for dtype in ("int8", "uint8", "int16", "uint16", "fp16"):
        case("resample", y, coordinates=Typed(points, dtype), **arguments)
    case("resample", y, coordinates=points, **arguments, coordinates_format="xy", coordinates_type="absolute")
    lone = draw(1, 1, 1, 1)
    arguments["x"] = lone
    for padding in ("border", "reflection", "symmetric"):
        arguments["padding_mode"] = padding
        case("resample", np.full((1, 1, 1, 2), lone[0, 0, 0, 0]), coordinates=np.array([[[[-3.5, 0.25], [0.0, 9.0]]]]), **arguments)


def affines():
    arguments = dict(
        sampling_mode="bilinear", padding_mode="constant", padding_value=np.array(0.0),
        coordinates_mode="normalized_minus_one_to_one", align_corners=True,
    )  # fmt: skip
    for shape, matrices, height, width in [
        ((2, 2, 3, 4), 2, 3, 4),
        ((2, 1, 4, 3), 1, 2, 5),
        ((1, 3, 5, 5), 1, 1, 1),
        ((1, 1, 2, 6), 1, 4, 1),
        ((3, 1, 1, 1), 3, 2, 2),
    ]:
        x = draw(*shape)
        for spread in (0.25, 1.5):
            matrix = np.tile([1.0, 0, 0, 0, 1, 0], (matrices, 1)) + draw(matrices, 6, low=-spread, high=spread)
            theta = torch.from_numpy(np.broadcast_to(matrix, (shape[0], 6)).copy()).reshape(-1, 2, 3)
            grid = torch.nn.functional.affine_grid(theta, (*shape[:2], height, width), align_corners=True)
            y = torch.nn.functional.grid_sample(torch.from_numpy(x), grid, padding_mode="zeros", align_corners=True)
            case("affine", y.numpy(), x=x, transform_matrix=matrix, output_height=height, output_width=width, **arguments)


SAMPLING = ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "DEFAULT", "OFFSET_CORNERS", "UNALIGN_CORNERS")
BOXES = ("CORNERS_HEIGHT_FIRST", "CORNERS_WIDTH_FIRST", "CENTER_SIZE_HEIGHT_FIRST", "CENTER_SIZE_WIDTH_FIRST")


def line(start, end, n, mode):
    """n points from start to end."""
    if mode in ("ALIGN_CORNERS", "STRICT_ALIGN_CORNERS"):
        if n == 1:
            return [(start + end) / 2 if mode == "ALIGN_CORNERS" else start]
        return list(np.linspace(start, end, n))
    sign, size = (-1 if end < start else 1), abs(end - start) + 1
    points = []
    for i in range(n):
        point = {
            "DEFAULT": i * size / n,
            "OFFSET_CORNERS": (i + 0.5) * max(1, size - 1) / n,
            "UNALIGN_CORNERS": (i + 0.5) * size / n - 0.5,
        }[mode]
        points.append(start + sign * min(max(point, 0), size - 1))
    return points


def crop(image, box, height, width, sampling="DEFAULT", coordinates="CORNERS_HEIGHT_FIRST", normalized=False, scale=1.0, pad=0.0):
    """One box of [C, H, W]."""
    channels, image_height, image_width = image.shape
    a, b, c, d = box
    if coordinates.endswith("WIDTH_FIRST"):
        a, b, c, d = b, a, d, c
    if coordinates.startswith("CENTER"):
        a, b, c, d = a - c / 2, b - d / 2, a + c / 2, b + d / 2
    fy, fx = ((image_height - 1, image_width - 1) if normalized else (1, 1))
    ys = line(a * fy * scale, c * fy * scale, height, sampling)
    xs = line(b * fx * scale, d * fx * scale, width, sampling)
    y = np.full((channels, height, width), pad)
    for k, i, j in np.ndindex(*y.shape):
        if 0 <= ys[i] <= image_height - 1 and 0 <= xs[j] <= image_width - 1:
            y[k, i, j] = sample(image[k], ys[i], xs[j])
    return y


def boxes_in(n, height, width, coordinates):
    """Corners inside and outside, some of them in reverse; off the edges, where crops are not continuous."""
    y = random.integers(-1, height + 1, (n, 2)) + 0.125
    x = random.integers(-1, width + 1, (n, 2)) + 0.125
    boxes = np.stack([y[:, 0], x[:, 0], y[:, 1], x[:, 1]], 1)
    if coordinates.startswith("CENTER"):
        boxes = np.stack([(y[:, 0] + y[:, 1]) / 2, (x[:, 0] + x[:, 1]) / 2, y[:, 1] - y[:, 0], x[:, 1] - x[:, 0]], 1)
    return boxes if coordinates.endswith("HEIGHT_FIRST") else boxes[:, [1, 0, 3, 2]]


def target(height, width):
    return dict(target_height=height, target_width=width)


def crops_by_roi():
    x = draw(2, 2, 4, 5)
    for opset in ("ios15", "ios16"):
        for sampling in SAMPLING:
            for coordinates in BOXES if sampling == "ALIGN_CORNERS" else BOXES[:1]:
                for height, width in [(3, 4), (1, 2)]:
                    how = dict(sampling=sampling, coordinates=coordinates)
                    said = dict(sampling_mode=sampling, box_coordinate_mode=coordinates, **target(height, width))
                    boxes = boxes_in(2, 4, 5, coordinates)
                    y = np.stack([[crop(image, box, height, width, **how) for image in x] for box in boxes])
                    case("crop_resize", y, x=x, roi=boxes.reshape(2, 1, 4, 1, 1), **said, opset=opset)
                    images = random.integers(0, 2, 2)
                    y = np.stack([[crop(x[i], box, height, width, **how)] for i, box in zip(images, boxes)])
                    roi = np.concatenate([images[:, None], boxes], 1).reshape(2, 1, 5, 1, 1)
                    case("crop_resize", y, x=x, roi=roi, **said, opset=opset)
        box = np.array([0.5, 1.25, 2.5, 3.75])
        y = np.stack([[crop(image, box, 1, 1) for image in x]])
        case("crop_resize", y, x=x, roi=box.reshape(1, 1, 4, 1, 1), opset=opset)
        y = np.stack([[crop(image, box / 4, 2, 2, normalized=True, scale=0.5) for image in x]])
        case("crop_resize", y, x=x, roi=box.reshape(1, 1, 4, 1, 1) / 4, normalized_coordinates=True, spatial_scale=np.array(0.5), **target(2, 2), opset=opset)
    y = np.stack([[crop(image, box * 2, 3, 3, pad=-1.5) for image in x]])
    case("crop_resize", y, x=x, roi=box.reshape(1, 1, 4, 1, 1) * 2, pad_value=np.array(-1.5), **target(3, 3), opset="ios16")


def crops_by_boxes():
    x = draw(3, 2, 4, 5)
    for sampling in SAMPLING:
        for coordinates in BOXES:
            for height, width in [(3, 4), (2, 1)]:
                boxes, images = boxes_in(4, 4, 5, coordinates), random.integers(0, 3, 4)
                y = np.stack([crop(x[i], box, height, width, sampling, coordinates) for i, box in zip(images, boxes)])
                case(
                    "crop_resize", y, x=x, boxes=boxes, box_indices=images, sampling_mode=sampling,
                    box_coordinate_mode=coordinates, **target(height, width),
                )  # fmt: skip
    boxes = np.array([[0.25, 0.125, 2.5, 3.75], [2.5, 1.125, 0.75, 3.25]])
    plain = [crop(x[i], boxes[i], 1, 1) for i in range(2)]
    case("crop_resize", np.stack(plain), x=x, boxes=boxes)
    y = np.stack([crop(x[i], boxes[i] / 4, 3, 2, "ALIGN_CORNERS", normalized=True, scale=1.5, pad=2.5) for i in range(2)])
    case(
        "crop_resize", y, x=x, boxes=boxes / 4, normalized_coordinates=True, spatial_scale=np.array(1.5),
        pad_value=np.array(2.5), sampling_mode="ALIGN_CORNERS", **target(3, 2),
    )  # fmt: skip
    whole = np.array([[0, 0, 3, 4], [1, 2, 5, 6], [2, 1, 1, 0]])
    y = np.stack([crop(x[i], whole[i], 3, 3, "ALIGN_CORNERS") for i in range(3)])
    case("crop_resize", y, x=x, boxes=Typed(whole, "uint16"), sampling_mode="ALIGN_CORNERS", **target(3, 3))
    y = np.stack([crop(x[2], whole[0], 3, 3, "ALIGN_CORNERS")])
    case("crop_resize", y, x=x, boxes=Typed(whole[:1], "uint16"), box_indices=Typed([2], "uint16"), sampling_mode="ALIGN_CORNERS", **target(3, 3))


resamples()
resample_types()
affines()
crops_by_roi()
crops_by_boxes()
write()
