"""Compares the losses and the saved parameters of two runs: same_training.py A B TOLERANCE [KIND...] reads A.jsonl, A.safetensors and B's.
With KIND, as `eval_loss`, these losses besides."""
import array
import json
import struct
import sys


def tensors(path):
    """Names and values of a safetensors file of f32."""
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        data = file.read()
    header.pop("__metadata__", None)
    for name, entry in header.items():
        assert entry["dtype"] == "F32", (name, entry["dtype"])
        begin, end = entry["data_offsets"]
        yield name, array.array("f", data[begin:end])


first, second, tolerance = sys.argv[1], sys.argv[2], float(sys.argv[3])
for kind in ["loss", *sys.argv[4:]]:
    logs = [[json.loads(line) for line in open(name + ".jsonl")] for name in (first, second)]
    losses = [[entry[kind] for entry in log if kind in entry] for log in logs]
    assert len(losses[0]) == len(losses[1]) > 1, f"{kind}: {len(losses[0])} and {len(losses[1])}"
    for step, (a, b) in enumerate(zip(*losses)):
        assert abs(a - b) <= tolerance * abs(a), f"{kind} {step}: {a} and {b}"
    assert losses[0][-1] < losses[0][0], f"{kind}: nothing was learned"
values = dict(tensors(second + ".safetensors"))
for name, a in tensors(first + ".safetensors"):
    difference = sum((x - y) ** 2 for x, y in zip(a, values.pop(name))) ** 0.5
    norm = sum(x * x for x in a) ** 0.5
    # AdamW divides by the size of a gradient: what is rounding alone becomes a step of full length.
    assert difference <= 100 * tolerance * max(norm, 1), f"{name}: {difference} of {norm}"
assert not values, values.keys()
