"""Shows one tensor of a safetensors file, and compares its bytes with those of another file.

saved.py FILE NAME [OTHER OFFSET]: dtype, shape and position of NAME; with OTHER, whether the matrix is the transpose of
the one of 32-bit elements, row-major, that lies at byte OFFSET of OTHER.
"""

import json
import struct
import sys

with open(sys.argv[1], "rb") as file:
    (size,) = struct.unpack("<Q", file.read(8))
    entry = json.loads(file.read(size))[sys.argv[2]]
    begin, end = entry["data_offsets"]
    file.seek(8 + size + begin)
    saved = struct.unpack(f"<{(end - begin) // 4}I", file.read(end - begin))
print(f"{entry['dtype']} {entry['shape']} data at {begin}")

if len(sys.argv) > 3:
    rows, columns = entry["shape"]
    with open(sys.argv[3], "rb") as file:
        file.seek(int(sys.argv[4]))
        stored = struct.unpack(f"<{rows * columns}I", file.read(4 * rows * columns))
    transposed = tuple(stored[column * rows + row] for row in range(rows) for column in range(columns))
    print("the model's values, transposed" if saved == transposed else "other values")
