#!/usr/bin/env python3
"""Writes the packages of this folder that coremltools 9.0 made, with random weights.

    pip install coremltools numpy
    python3 tests/golden/package/coremltools_packages.py tests/golden/package
"""

import pathlib
import sys
import tempfile

import coremltools as ct
import numpy as np
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import get_new_symbol, types

draws = np.random.default_rng(1)


def normal(*shape, dtype=np.float16):
    return draws.standard_normal(shape).astype(dtype)


def save(name, program, target, **options):
    model = ct.convert(program, minimum_deployment_target=target, convert_to="mlprogram", skip_model_load=True,
                       compute_precision=ct.precision.FLOAT32, **options)
    model.author, model.license, model.short_description = "anemone", "free", name
    model.user_defined_metadata["key"] = "value"
    model.save(str(pathlib.Path(sys.argv[1]) / f"{name}.mlpackage"))


# ios15: two matrices in the weight file, softmax, fp32.
@mb.program(input_specs=[mb.TensorSpec((1, 4))], opset_version=ct.target.iOS15)
def layers(x):
    x = mb.relu(x=mb.matmul(x=x, y=normal(4, 6, dtype=np.float32)))
    x = mb.sub(x=x, y=np.float32([[1, -2, 0.5, 3, 0.1, 0]]))
    x = mb.matmul(x=mb.tanh(x=x), y=normal(6, 3, dtype=np.float32))
    return mb.softmax(x=x, axis=-1, name="probs")


save("layers15", layers, ct.target.iOS15)


# ios16: compressed constants, whose operands stand among the attributes.
@mb.program(input_specs=[mb.TensorSpec((1, 8), dtype=types.fp16)], opset_version=ct.target.iOS16)
def compressed16(x):
    affine = mb.constexpr_affine_dequantize(quantized_data=draws.integers(-128, 128, (8, 8), np.int8),
                                            zero_point=np.int8(3), scale=normal(8), axis=0)
    palette = mb.constexpr_lut_to_dense(indices=draws.integers(0, 256, 16, np.uint8), lut=normal(4),
                                        shape=np.uint32([8, 8]))
    x = mb.matmul(x=x, y=affine)
    return mb.matmul(x=x, y=palette, name="y")


save("compressed16", compressed16, ct.target.iOS16)


# ios17: a flexible dimension, a tuple of operands.
@mb.program(input_specs=[mb.TensorSpec((1, get_new_symbol(), 4), dtype=types.fp16)], opset_version=ct.target.iOS17)
def flexible17(x):
    return mb.concat(values=[x, mb.tanh(x=x), x], axis=-1, name="y")


save("flexible17", flexible17, ct.target.iOS17,
     inputs=[ct.TensorType("x", (1, ct.RangeDim(1, 64, 3), 4), dtype=np.float16)])


# ios18: a state, blocks of four-bit weights.
@mb.program(input_specs=[mb.TensorSpec((1, 8), dtype=types.fp16), mb.StateTensorSpec((1, 8), dtype=types.fp16)],
            opset_version=ct.target.iOS18)
def state18(x, total):
    data = draws.integers(-8, 8, (8, 8), np.int8).astype(types.nptype_from_builtin(types.int4))
    weight = mb.constexpr_blockwise_shift_scale(data=data, scale=normal(8, 2))
    added = mb.add(x=mb.read_state(input=total), y=mb.matmul(x=x, y=weight))
    return mb.identity(x=mb.coreml_update_state(state=total, value=added), name="y")


save("state18", state18, ct.target.iOS18)


# ios18: two functions that share a weight.
def function(rows, path):
    @mb.program(input_specs=[mb.TensorSpec((rows, 4), dtype=types.fp16)], opset_version=ct.target.iOS18)
    def program(x):
        return mb.matmul(x=x, y=np.arange(16, dtype=np.float16).reshape(4, 4), name="y")

    ct.convert(program, minimum_deployment_target=ct.target.iOS18, skip_model_load=True).save(path)


with tempfile.TemporaryDirectory() as folder:
    descriptor = ct.utils.MultiFunctionDescriptor()
    for rows, name in ((1, "first"), (2, "second")):
        path = f"{folder}/{name}.mlpackage"
        function(rows, path)
        descriptor.add_function(path, src_function_name="main", target_function_name=name)
    descriptor.default_function_name = "first"
    ct.utils.save_multifunction(descriptor, str(pathlib.Path(sys.argv[1]) / "functions18.mlpackage"))
