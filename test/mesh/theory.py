"""Plans models on meshes and compares what is sent, counted in the partitioned program, with the formulas of docs/partitioning.md: each row of
each plan. Where what is between blocks is cut, there are few samples, of which activations are gathered, and many, of which weights are.

  theory.py --weft WEFT --models DIR [--bf16]
"""
import argparse, json, os, re, subprocess, sys, tempfile

MESHES = [
    "--mesh dp=2", "--mesh dp=8", "--mesh dp=2 --zero 1", "--mesh dp=4 --zero 2", "--mesh dp=8 --zero 3 --persistence-threshold 0",
    "--mesh dp=4 --zero 3 --persistence-threshold 5000", "--mesh dp=8,shard=2 --zero 3 --persistence-threshold 0",
    "--mesh dp=8,shard=4 --zero 1", "--mesh tp=2", "--mesh tp=4", "--mesh tp=2 --sequence-parallel on",
    "--mesh tp=4 --optimize memory", "--mesh dp=2,tp=2 --zero 3 --persistence-threshold 0", "--mesh dp=4,tp=2",
    "--mesh dp=4,tp=2,shard=2 --zero 3 --persistence-threshold 0 --sequence-parallel on",
    "--mesh dp=2,tp=4 --zero 1 --sequence-parallel on", "--mesh dp=4,tp=2,shard=2 --zero 2", "--mesh tp=4 --prescaled-batch off",
    "--mesh dp=2,tp=2 --zero 3 --persistence-threshold 0 --prescaled-batch off", "--mesh dp=4,tp=2 --zero 1 --prescaled-batch off",
    "--mesh dp=4,tp=2,shard=2 --zero 3 --persistence-threshold 0 --sequence-parallel on --placement spread",
    "--mesh tp=2 --sequence-parallel on --batch-halves on", "--mesh dp=2,tp=2 --zero 2 --batch-halves on",
]
# Heads of GPT-2 alone: key/value heads of Llama, which 8 ranks do not divide, are repeated, and that is not in the formulas.
MANY = ["--mesh tp=8 --sequence-parallel on", "--mesh tp=8 --prescaled-batch off"]
# Sizes that do not divide: vocabulary, hidden elements and most parameters are padded.
ODD_MODEL = "llama --layers 2 --dim 36 --heads 6 --kv-heads 3 --ffn 101 --vocab 131"
ODD = ["--mesh dp=2,tp=3 --zero 3 --persistence-threshold 0 --sequence-parallel on", "--mesh dp=8 --zero 1", "--mesh dp=8 --zero 3 --persistence-threshold 0", "--mesh tp=3", "--mesh dp=4,tp=3 --zero 3 --persistence-threshold 0"]
SAMPLES = 64
ACCUMULATION = ["", " --microbatches 4", " --microbatches 2 --accumulate mb", " --microbatches 2 --accumulate dp"]


def few(case):
    """Two samples for each rank that has its own, and each micro-batch: heads and hidden elements hold at nearly all ops."""
    degree, parts, tp = (re.search(pattern, case) for pattern in (r"dp=(\d+)", r"--microbatches (\d+)", r"tp=(\d+)"))
    own = int(tp[1]) if "--prescaled-batch off" in case else 1
    return 2 * own * int(degree[1] if degree else 1) * int(parts[1] if parts else 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--weft", default="weft")
    parser.add_argument("--models", required=True)
    parser.add_argument("--bf16", action="store_true", help="programs for GPUs in bf16, with one micro-batch")
    options = parser.parse_args()
    target = ["--target", "cuda", "--precision", "bf16"] if options.bf16 else ["--target", "host"]
    faults = rows = plans = gathering = 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "plan.json")
        odd = os.path.join(folder, "odd.opset18.onnx")
        subprocess.run([options.weft, "model"] + ODD_MODEL.split() + ["-o", odd], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for model in ("gpt2", "llama", odd[:-len(".opset18.onnx")]):
            for i, mesh in enumerate(ODD if os.path.isabs(model) else MESHES + (MANY if model == "gpt2" else [])):
                # Every mesh with one micro-batch and with one way to accumulate several.
                isCut = any(option in mesh for option in ("--sequence-parallel on", "--optimize memory", "--prescaled-batch off"))
                accumulation = ACCUMULATION[1 + i % 3]
                if "--batch-halves" in mesh:
                    accumulation = accumulation.replace("microbatches 4", "microbatches 2")
                for case in (mesh,) if options.bf16 else (mesh, mesh + accumulation):
                    for samples in ((few(case), SAMPLES) if isCut else (SAMPLES,)):
                        command = [options.weft, "plan", os.path.join(options.models, model + ".opset18.onnx"), *target, "--dim", f"batch={samples}",
                                   "--dim", "sequence=64", "--json", path] + case.split()
                        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                        if done.returncode:
                            print(f"{model} {case}: {done.stdout}")
                            return 1
                        with open(path) as file:
                            plan = json.load(file)
                        plans += 1
                        gathering += bool(plan["gathered_weights"])
                        for row in plan["collectives"]:
                            rows += 1
                            exact = "theory_bytes" in row and abs(row["bytes"] - row["theory_bytes"]) <= 1e-9 * row["bytes"]
                            if not exact:
                                faults += 1
                                print(f"{model} {case}, {samples} samples: {row}")
    print(f"{rows} rows of {plans} plans, of which {gathering} gather weights for products, {faults} differ from theory")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
