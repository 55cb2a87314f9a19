"""Writes a safetensors file: tensors.py OUT NAME:DTYPE:SIZE,SIZE,...:LIMIT ... Element i is i * 7 modulo LIMIT."""

import json
import struct
import sys

CODES = {"F32": "f", "I64": "q", "I32": "i", "U8": "B"}
header, data = {}, b""
for spec in sys.argv[2:]:
    name, dtype, sizes, limit = spec.split(":")
    shape = [int(size) for size in sizes.split(",")]
    count = 1
    for size in shape:
        count *= size
    raw = struct.pack(f"<{count}{CODES[dtype]}", *(i * 7 % int(limit) for i in range(count)))
    header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
    data += raw
text = json.dumps(header).encode()
with open(sys.argv[1], "wb") as out:
    out.write(struct.pack("<Q", len(text)) + text + data)
