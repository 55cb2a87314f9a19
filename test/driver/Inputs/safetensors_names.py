"""safetensors_names.py FILE [OLD NEW OUT]: prints the names of a safetensors file's tensors, or copies it with one renamed."""

import json
import sys

data = open(sys.argv[1], "rb").read()
size = int.from_bytes(data[:8], "little")
header = json.loads(data[8 : 8 + size])
if len(sys.argv) == 2:
    print("\n".join(name for name in header if name != "__metadata__"))
else:
    old, new, out = sys.argv[2:]
    header = {new if name == old else name: entry for name, entry in header.items()}
    text = json.dumps(header).encode()
    open(out, "wb").write(len(text).to_bytes(8, "little") + text + data[8 + size :])
