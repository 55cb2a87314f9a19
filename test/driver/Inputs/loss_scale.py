"""Checks the log of a run whose loss scale starts too large: skipped steps first, then steps that train and a scale that grows again."""
import json
import sys

lines = [json.loads(line) for line in open(sys.argv[1])]
lines = [line for line in lines if "loss" in line]
first = next(i for i, line in enumerate(lines) if not line["skipped"])
assert first >= 5, f"only {first} steps were skipped"
for i in range(first):
    assert lines[i]["skipped"] and lines[i]["loss_scale"] == 2.0 ** (31 - i), lines[i]
    # Nothing is learned in a skipped step, and the schedule does not move; the data does.
    assert lines[i]["lr"] == lines[0]["lr"]
scales = [line["loss_scale"] for line in lines[first:]]
assert any(b == 2 * a for a, b in zip(scales, scales[1:])), "the scale never grew"
trained = [line["loss"] for line in lines if not line["skipped"]]
assert sum(trained[-5:]) / 5 < 0.8 * trained[0], trained
