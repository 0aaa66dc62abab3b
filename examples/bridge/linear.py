#!/usr/bin/env python3
"""A linear layer on a device of anemone's, called from Python through its C interface, and compared with NumPy.

    python3 examples/bridge/linear.py --library build/release/libanemone_bridge.so --device sim:m4

Twice: with the weights baked into the program, and as an input that changes without compiling again.
"""

import argparse
import ctypes
import ctypes.util
import os
import sys

try:
    import numpy as np
except ImportError:
    print("this Python has no NumPy to compare with: skipped")
    sys.exit(77)

IN, OUT, SEQ = 64, 32, 16

BAKED = f"""program(1.3)
{{
    func main<ios18>(tensor<fp16, [1, {IN}, 1, {SEQ}]> x) {{
        tensor<fp16, [{OUT}, {IN}, 1, 1]> w = const()[name = string("w"), val = tensor<fp16, [{OUT}, {IN}, 1, 1]>(
            BLOBFILE(path = string("@model_path/weights/weight.bin"), offset = uint64(64)))];
        string pad_type = const()[name = string("pad_type"), val = string("valid")];
        tensor<int32, [2]> ones = const()[name = string("ones"), val = tensor<int32, [2]>([1, 1])];
        tensor<int32, [4]> pad = const()[name = string("pad"), val = tensor<int32, [4]>([0, 0, 0, 0])];
        int32 groups = const()[name = string("groups"), val = int32(1)];
        tensor<fp16, [1, {OUT}, 1, {SEQ}]> y = conv(dilations = ones, groups = groups, pad = pad,
            pad_type = pad_type, strides = ones, weight = w, x = x)[name = string("y")];
    }} -> (y);
}}
"""

DYNAMIC = f"""program(1.3)
{{
    func main<ios18>(tensor<fp16, [1, 1, {SEQ}, {IN}]> act, tensor<fp16, [1, 1, {OUT}, {IN}]> weight) {{
        bool no = const()[name = string("no"), val = bool(false)];
        bool yes = const()[name = string("yes"), val = bool(true)];
        tensor<fp16, [1, 1, {SEQ}, {OUT}]> y = matmul(transpose_x = no, transpose_y = yes, x = act, y = weight)
            [name = string("y")];
    }} -> (y);
}}
"""

Pointer, Size, Int = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
SIGNATURES = {
    "ane_bridge_last_error": (ctypes.c_char_p, []),
    "ane_bridge_device": (ctypes.c_char_p, []),
    "ane_bridge_init": (Int, []),
    "ane_bridge_init_device": (Int, [ctypes.c_char_p]),
    "ane_bridge_compile": (Pointer, [ctypes.c_char_p, Size, Pointer, Size, Int, Pointer, Int, Pointer]),
    "ane_bridge_compile_dyn": (Pointer, [ctypes.c_char_p, Size, Int, Pointer, Int, Pointer, Size]),
    "ane_bridge_eval": (ctypes.c_bool, [Pointer]),
    "ane_bridge_write_input": (None, [Pointer, Int, Pointer, Size]),
    "ane_bridge_read_output": (None, [Pointer, Int, Pointer, Size]),
    "ane_bridge_write_weight_f32": (None, [Pointer, Int, Pointer, Size]),
    "ane_bridge_free": (None, [Pointer]),
    "ane_bridge_get_compile_count": (Int, []),
    "ane_bridge_build_weight_blob": (Pointer, [Pointer, Int, Int, ctypes.POINTER(Size)]),
    "ane_bridge_free_blob": (None, [Pointer]),
}


class Bridge:
    """The library with its signatures; a call that fails raises what the library says of it."""

    def __init__(self, path, device):
        library = ctypes.CDLL(path)
        for name, (result, arguments) in SIGNATURES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name.removeprefix("ane_bridge_"), function)
        self.check(self.init_device(device.encode()) if device else self.init())

    def check(self, result=None):
        error = self.last_error()
        if error:
            raise RuntimeError(error.decode())
        return result

    def run(self, kernel, x, shape):
        y = np.empty(shape, np.float16)
        self.check(self.write_input(kernel, 0, x.ctypes.data, x.nbytes))
        self.check(self.eval(kernel))
        self.check(self.read_output(kernel, 0, y.ctypes.data, y.nbytes))
        return y


def sizes(*bytes_of_each):
    return (Size * len(bytes_of_each))(*bytes_of_each)


def agrees(what, y, expected):
    error = np.abs(y.astype(np.float64) - expected).max()
    bound = 2e-3 * np.abs(expected).max()  # fp16 has 11 bits
    print(f"{what}: largest error {error:.2g}, allowed {bound:.2g}")
    return error <= bound


def baked(bridge, w, x):
    """w [OUT, IN] in a weight file, x [IN, SEQ]."""
    length = Size()
    blob = bridge.check(bridge.build_weight_blob(w.ctypes.data, OUT, IN, ctypes.byref(length)))
    mil = BAKED.encode()
    kernel = bridge.check(
        bridge.compile(mil, len(mil), blob, length, 1, sizes(x.nbytes), 1, sizes(OUT * SEQ * 2)))
    bridge.free_blob(blob)
    y = bridge.run(kernel, x, (OUT, SEQ))
    bridge.free(kernel)
    return agrees("baked weights", y, w.astype(np.float64) @ x.astype(np.float64))


def dynamic(bridge, w, x):
    """w [OUT, IN] written as floats, twice; x [SEQ, IN]."""
    mil = DYNAMIC.encode()
    kernel = bridge.check(
        bridge.compile_dyn(mil, len(mil), 1, sizes(x.nbytes), 1, sizes(w.size * 2), SEQ * OUT * 2))
    compiles, good = bridge.get_compile_count(), True
    for factor in (1, -2):
        scaled = (factor * w).astype(np.float32)
        bridge.check(bridge.write_weight_f32(kernel, 0, scaled.ctypes.data, scaled.size))
        y = bridge.run(kernel, x, (SEQ, OUT))
        good &= agrees(f"{factor} x dynamic weights", y, x.astype(np.float64) @ scaled.T.astype(np.float64))
    bridge.free(kernel)
    return good and bridge.get_compile_count() == compiles


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found = os.environ.get("ANEMONE_BRIDGE") or ctypes.util.find_library("anemone_bridge")
    parser.add_argument("--library", default=found, required=not found, help="libanemone_bridge.so, or .dylib")
    parser.add_argument("--device", help="cpu, ref, sim:m4, ane [ANEMONE_DEVICE, else ane where it is, else cpu]")
    options = parser.parse_args()

    bridge = Bridge(options.library, options.device)
    print("device:", bridge.device().decode())
    random = np.random.default_rng(7)
    w = random.normal(0, IN**-0.5, (OUT, IN)).astype(np.float32)
    x = random.normal(0, 1, (IN, SEQ)).astype(np.float16)
    good = baked(bridge, w, x) & dynamic(bridge, w, np.ascontiguousarray(x.T))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
