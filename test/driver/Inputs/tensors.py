"""Writes a safetensors file: tensors.py OUT NAME:DTYPE:SIZE,SIZE,...:LIMIT[:FIRST] ...

Element i is i * 7 modulo LIMIT; the first one is FIRST, where that is given.
"""

import json
import struct
import sys

CODES = {"F32": "f", "F64": "d", "I64": "q", "I32": "i", "U8": "B"}
header, data = {}, b""
for spec in sys.argv[2:]:
    name, dtype, sizes, limit, *first = spec.split(":")
    shape = [int(size) for size in sizes.split(",")]
    count = 1
    for size in shape:
        count *= size
    values = [i * 7 % int(limit) for i in range(count)]
    values[: len(first)] = map(int, first)
    raw = struct.pack(f"<{count}{CODES[dtype]}", *values)
    header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
    data += raw
text = json.dumps(header).encode()
with open(sys.argv[1], "wb") as out:
    out.write(struct.pack("<Q", len(text)) + text + data)
