"""Copies a safetensors file with other names: each argument OLD=NEW replaces OLD where a name holds it, in that order.
A name that results twice keeps the first tensor."""

import json
import struct
import sys

source, target, *rules = sys.argv[1:]
with open(source, "rb") as file:
    size = struct.unpack("<Q", file.read(8))[0]
    header = json.loads(file.read(size))
    data = file.read()
entries, chunks, end = {}, [], 0
for name, entry in header.items():
    if name == "__metadata__":
        continue
    for rule in rules:
        old, new = rule.split("=", 1)
        name = name.replace(old, new)
    if name in entries:
        continue
    start, stop = entry["data_offsets"]
    chunks.append(data[start:stop])
    entries[name] = {**entry, "data_offsets": [end, end + stop - start]}
    end += stop - start
text = json.dumps(entries, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
with open(target, "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + b"".join(chunks))
