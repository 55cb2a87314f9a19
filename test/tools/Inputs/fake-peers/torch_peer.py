"""A peer that takes the options of tools/benchmarks/peers/torch_peer.py and does what the environment variable FAKE_TORCH says."""
import argparse
import json
import os
import signal
import sys
import time

PARAMETERS = {"gpt2-tiny": 120576, "llama-tiny": 119104}
parser = argparse.ArgumentParser()
for name in ("--model", "--batch", "--seq", "--steps", "--warmup", "--lr", "--clip", "--states", "--device",
             "--precision", "--parallel", "--tokens", "--weights"):
    parser.add_argument(name)
parser.add_argument("--json", action="store_true")
parser.add_argument("--eager", action="store_true")
args = parser.parse_args()

what = os.environ.get("FAKE_TORCH", "1000000")
if what == "missing":
    raise ModuleNotFoundError("No module named 'torch'")
if what == "interrupt":
    os.kill(os.getppid(), signal.SIGTERM)
if what in ("hang", "interrupt"):
    time.sleep(1000)
if what == "garbage":
    print('{"name": "half a res')
    sys.exit(0)
losses = [5.5, 5.4]
if "FAKE_LOSSES" in os.environ:  # those of a file, the last one a little off
    with open(os.environ["FAKE_LOSSES"]) as file:
        losses = json.load(file)[args.model]["deterministic"]
    losses[-1] *= 1 + float(os.environ["FAKE_DISTANCE"])
    with open(args.tokens, "rb") as tokens, open(args.weights, "rb") as weights:
        assert tokens.read(8) == b"WEFTTOK1" and len(weights.read(8)) == 8
print("a line that is no result", file=sys.stderr)
print(json.dumps({"name": "Fake Torch 1.0", "attention": "none", "parallel": "none", "ms": [float(what)] * int(args.steps),
                  "parameters": PARAMETERS[args.model] + (what == "7"), "compile_s": 1.5, "first_step_s": 2.5,
                  "peak_bytes": 1 << 30, "losses": losses}), flush=True)
