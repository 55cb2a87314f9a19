"""Writes a copy of a safetensors file with one f32 tensor multiplied by a factor, or left out, or renamed.

usage: spoil.py IN OUT NAME scale FACTOR | drop | rename NEW
"""

import array
import json
import struct
import sys

source, target, name, action = sys.argv[1:5]
with open(source, "rb") as file:
    size = struct.unpack("<Q", file.read(8))[0]
    header = json.loads(file.read(size))
    data = bytearray(file.read())

if name not in header:
    sys.exit(f"no tensor '{name}'")
begin, end = header[name]["data_offsets"]
if action == "scale":
    assert header[name]["dtype"] == "F32"
    values = array.array("f", bytes(data[begin:end]))
    data[begin:end] = array.array("f", (v * float(sys.argv[5]) for v in values)).tobytes()
elif action == "rename":
    header[sys.argv[5]] = header.pop(name)
elif action == "drop":
    del header[name]
    del data[begin:end]
    for key, entry in header.items():
        if key != "__metadata__" and entry["data_offsets"][0] >= end:
            entry["data_offsets"] = [offset - (end - begin) for offset in entry["data_offsets"]]
else:
    sys.exit(f"no action '{action}'")

text = json.dumps(header).encode()
with open(target, "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + data)
