"""Exits 0 if two logs of training have the same losses: same_losses.py A.jsonl B.jsonl"""

import json
import sys

logs = [[json.loads(line) for line in open(path)] for path in sys.argv[1:3]]
losses = [[entry["loss"] for entry in log if "loss" in entry] for log in logs]
if not losses[0] or len(losses[0]) != len(losses[1]):
    sys.exit(f"{len(losses[0])} and {len(losses[1])} losses")
for step, (a, b) in enumerate(zip(*losses)):
    if abs(a - b) > 1e-5 * abs(a):
        sys.exit(f"step {step}: {a} and {b}")
