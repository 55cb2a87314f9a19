"""Exits 0 if logs of training say the same losses and gradient norms, bit for bit: identical_logs.py A.jsonl B.jsonl ..."""

import json
import sys

runs = []
for path in sys.argv[1:]:
    entries = [json.loads(line) for line in open(path)]
    runs.append([(entry["loss"], entry.get("grad_norm")) for entry in entries if "loss" in entry])
if not runs[0]:
    sys.exit(f"{sys.argv[1]} has no losses")
for path, run in zip(sys.argv[2:], runs[1:]):
    if run != runs[0]:
        step = next((i for i, (a, b) in enumerate(zip(runs[0], run)) if a != b), min(len(run), len(runs[0])))
        sys.exit(f"{path} differs from {sys.argv[1]} at step {step}: {run[step:step + 1]} and {runs[0][step:step + 1]}")
print(f"{len(runs)} runs of {len(runs[0])} steps have the same losses and gradient norms")
