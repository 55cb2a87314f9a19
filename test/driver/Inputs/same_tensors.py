"""Exits 0 if the bits of tensors of a safetensors file are in an ONNX file: same_tensors.py MODEL FILE NAME..."""

import json
import struct
import sys

model = open(sys.argv[1], "rb").read()
saved = open(sys.argv[2], "rb").read()
(length,) = struct.unpack("<Q", saved[:8])
header = json.loads(saved[8 : 8 + length])
for name in sys.argv[3:]:
    begin, end = header[name]["data_offsets"]
    if saved[8 + length + begin : 8 + length + end] not in model:
        sys.exit(f"'{name}' has changed")
