#!/usr/bin/env python3
"""Writes handmade.mlmodel: a Core ML model put together byte by byte from the table of its fields, without protobuf.

    python3 tests/golden/package/make.py tests/golden/package/handmade.mlmodel

handmade.mil is the program that it holds.
"""

import struct
import sys

FLOAT16, FLOAT32, FLOAT64, INT8, INT32, INT64, INT4, BOOL, STRING, UINT16 = 10, 11, 12, 21, 23, 24, 25, 1, 2, 32


def varint(value):
    value &= 2**64 - 1
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def message(field, *parts):
    body = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    return varint(field << 3 | 2) + varint(len(body)) + body


def entry(field, key, *value):  # of a map
    return message(field, message(1, key), message(2, *value))


# ---- MIL


def dimension(size):
    return message(2) if size is None else message(1, number(1, size))


def tensor(dtype, *shape):
    return message(1, number(1, dtype), number(2, len(shape)), *(message(3, dimension(size)) for size in shape))


def state(wrapped):
    return message(5, message(1, wrapped))


def named(field, name, type):
    return message(field, message(1, name), message(2, type))


def immediate(type, kind, values):
    return message(2, type) + message(3, message(1, message(kind, message(1, values))))


def blob(type, path, offset):
    return message(2, type) + message(5, message(1, path), number(2, offset))


def string(text):
    return immediate(tensor(STRING), 4, text)


def strings(*texts):
    kind = message(2, message(1, tensor(STRING)), message(2, dimension(len(texts))))
    return message(2, kind) + message(3, message(3, *(message(1, string(text)) for text in texts)))


def dictionary(**pairs):
    kind = message(4, message(1, tensor(STRING)), message(2, tensor(FLOAT64)))
    values = (
        message(1, message(1, string(key)), message(2, immediate(tensor(FLOAT64), 6, struct.pack("<d", value))))
        for key, value in pairs.items()
    )
    return message(2, kind) + message(3, message(4, *values))


def pair(text, value):
    kind = message(3, message(1, tensor(STRING)), message(1, tensor(INT64)))
    values = message(1, string(text)), message(1, immediate(tensor(INT64), 5, varint(value)))
    return message(2, kind) + message(3, message(2, *values))


def const(name, type, value):
    return message(3, message(1, "const"), named(3, name, type), entry(5, "name", string(name)), entry(5, "val", value))


def op(kind, result, type, *attributes, **arguments):
    inputs = []
    for name, values in arguments.items():
        values = values if isinstance(values, tuple) else (values,)
        inputs.append(entry(2, name, *(message(1, message(1, value)) for value in values)))
    return message(3, message(1, kind), *inputs, named(3, result, type), entry(5, "name", string(result)), *attributes)


half = tensor(FLOAT16, 1, None, 4)
constants = [
    ("halves", tensor(FLOAT16, 3), 7, struct.pack("<3e", 0.5, -2, 65504)),
    ("floats", tensor(FLOAT32, 2, 1), 1, struct.pack("<2f", 0.1, -1)),
    ("doubles", tensor(FLOAT64), 6, struct.pack("<d", 0.1)),
    ("ints", tensor(INT32, 2), 2, varint(-1) + varint(300)),
    ("words", tensor(UINT16, 2), 2, varint(65535) + varint(1)),
    ("longs", tensor(INT64, 1), 5, varint(-(2**63))),
    ("bytes", tensor(INT8, 2), 7, b"\x80\x7f"),
    ("nibbles", tensor(INT4, 3), 7, b"\x7f\x08"),
    ("flags", tensor(BOOL, 3), 3, b"\1\0\1"),
    ("text", tensor(STRING), 4, 'a "b"\n'),
]
main = b"".join(
    [
        named(1, "x", half),
        named(1, "cache", state(tensor(FLOAT16, 1, 8))),
        message(2, "CoreML8"),
        entry(
            3,
            "CoreML7",
            message(2, "x"),
        ),
        entry(
            3,
            "CoreML8",
            *(const(name, type, immediate(type, kind, values)) for name, type, kind, values in constants),
            const("weight", tensor(FLOAT16, 4), blob(tensor(FLOAT16, 4), "@model_path/weights/handmade.bin", 64)),
            const("axis", tensor(INT32), immediate(tensor(INT32), 2, varint(-1))),
            const("interleave", tensor(BOOL), immediate(tensor(BOOL), 3, b"\0")),
            op("mul", "scaled", half, x="x", y="weight"),
            op("concat", "y", tensor(FLOAT16, 1, None, 12), values=("x", "scaled", "x"), axis="axis",
               interleave="interleave"),
            message(2, "y"),
            message(2, "scaled"),
        ),
    ]
)
program = b"".join(
    [
        number(1, 1),
        entry(2, "main", main),
        entry(4, "backends", strings("all", "cpu")),
        entry(4, "times", dictionary(cpu=0.5, ane=-1)),
        entry(4, "pair", pair("seven", 7)),
    ]
)

# ---- What the model says of it


def array(dtype, *shape):
    return message(1, b"".join(varint(size) for size in shape)) + number(2, dtype)


def feature(field, name, kind, *type):
    return message(field, message(1, name), message(2, f"the {name}"), message(3, message(kind, *type)))


sizes = [(1, 1), (1, -1), (4, 4)]
ranges = message(31, *(message(1, number(1, least), number(2, most)) for least, most in sizes))
metadata = [message(1, "what"), message(2, "2.0"), message(3, "who"), message(4, "free"),
            message(100, message(1, "k"), message(2, "v"))]
description = b"".join(
    [
        feature(1, "x", 5, array(65552, 1, 3, 4), ranges),
        feature(10, "y", 5, number(2, 65552)),
        feature(10, "scaled", 4, number(1, 64), number(2, 32), number(3, 20)),
        feature(13, "cache", 8, message(1, array(65552, 1, 8))),
        message(100, *metadata),
    ]
)

with open(sys.argv[1], "wb") as file:
    file.write(number(1, 9) + message(2, description) + message(502, program))
