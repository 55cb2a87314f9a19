"""Runs what was made of changed models: run_programs.py WEFT CORPUS COUNT

Compiles models that the fuzzer kept, gives each executable random data of the shapes it asks for and lets it train two
steps. A model may be refused; an executable must end with exit code 0, or 1 and a reason (a loss that is not a number).
Prints what went wrong and how many programs ran; exit code 1 if anything went wrong or nothing ran.
"""

import hashlib
import json
import math
import os
import random
import struct
import subprocess
import sys
import tempfile

TYPES = {"i64": ("I64", "q"), "i32": ("I32", "i"), "i16": ("I16", "h"), "i8": ("I8", "b"), "i1": ("BOOL", "B"), "bool": ("BOOL", "B"),
         "f32": ("F32", "f"), "f64": ("F64", "d"), "f16": ("F16", "e"), "bf16": ("F32", "f")}  # fmt: skip
LARGEST = 1 << 26  # bytes of memory that a program may ask for here


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, (dtype, shape, values) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + data)


def random_values(entry, count, rng):
    letter = TYPES[entry["dtype"]][1]
    if letter in "fde":
        return struct.pack(f"<{count}{letter}", *(rng.uniform(-1, 1) for _ in range(count)))
    limit = min(entry.get("limit", 2), 2 if letter == "B" else 100)
    return struct.pack(f"<{count}{letter}", *(rng.randrange(max(limit, 1)) for _ in range(count)))


def main():
    weft, corpus, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    models = sorted(os.listdir(corpus), key=lambda name: hashlib.sha1(name.encode()).digest())
    ran, refused, wrong = 0, 0, []
    with tempfile.TemporaryDirectory() as folder:
        exe, data = os.path.join(folder, "exe"), os.path.join(folder, "data.safetensors")

        def call(*command):
            return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)

        for name in models:
            if ran >= count:
                break
            model = os.path.join(corpus, name)
            done = call(weft, "compile", model, "--init", "random", "--dim", "batch=4", "--dim", "sequence=4", "-o", exe)
            if done.returncode == 1 and b"no symbolic size" in done.stderr:
                done = call(weft, "compile", model, "--init", "random", "-o", exe)
            if done.returncode == 1:
                refused += 1
                continue
            if done.returncode != 0:
                wrong.append((name, "compile", done))
                continue
            manifest = json.loads(call(weft, "inspect", exe, "--json").stdout)
            if manifest["arena_bytes"] > LARGEST:
                continue
            rng = random.Random(name)
            tensors = {}
            for entry in manifest["inputs"]:
                shape = list(entry["shape"])
                if shape:
                    shape[0] *= manifest["microbatches"]
                tensors[entry["name"]] = (TYPES[entry["dtype"]][0], shape, random_values(entry, math.prod(shape), rng))
            write_safetensors(data, tensors)
            done = call(exe, "--replay", data, "--steps", "2", "--quiet")
            ran += 1
            if done.returncode not in (0, 1):
                wrong.append((name, "run", done))
    for name, what, done in wrong:
        print(f"{name}: {what}: exit code {done.returncode}\n{done.stderr.decode(errors='replace')[:2000]}")
    print(f"{ran} programs ran, {refused} models were refused, {len(wrong)} went wrong")
    sys.exit(1 if wrong or not ran else 0)


main()
