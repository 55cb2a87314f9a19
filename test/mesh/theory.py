"""Plans models on meshes and compares what is sent, counted in the partitioned program, with the formulas of docs/partitioning.md.

  theory.py --weft WEFT --models DIR
"""
import argparse, json, os, subprocess, sys, tempfile

MESHES = [
    "--mesh dp=2", "--mesh dp=8", "--mesh dp=2 --zero 1", "--mesh dp=4 --zero 2", "--mesh dp=8 --zero 3 --persistence-threshold 0",
    "--mesh dp=4 --zero 3 --persistence-threshold 5000", "--mesh dp=8,shard=2 --zero 3 --persistence-threshold 0",
    "--mesh dp=8,shard=4 --zero 1", "--mesh tp=2", "--mesh tp=4", "--mesh tp=2 --sequence-parallel on",
    "--mesh tp=4 --optimize memory", "--mesh dp=2,tp=2 --zero 3 --persistence-threshold 0", "--mesh dp=4,tp=2",
    "--mesh dp=4,tp=2,shard=2 --zero 3 --persistence-threshold 0 --sequence-parallel on",
    "--mesh dp=2,tp=4 --zero 1 --sequence-parallel on", "--mesh dp=4,tp=2,shard=2 --zero 2",
]
# Sizes that do not divide: vocabulary, hidden elements and most parameters are padded.
ODD_MODEL = "llama --layers 2 --dim 36 --heads 6 --kv-heads 3 --ffn 101 --vocab 131"
ODD = ["--mesh dp=8 --zero 1", "--mesh dp=8 --zero 3 --persistence-threshold 0", "--mesh tp=3", "--mesh dp=4,tp=3 --zero 3 --persistence-threshold 0"]
ACCUMULATION = ["", " --microbatches 4", " --microbatches 2 --accumulate mb", " --microbatches 2 --accumulate dp"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--weft", default="weft")
    parser.add_argument("--models", required=True)
    options = parser.parse_args()
    faults = rows = plans = 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "plan.json")
        odd = os.path.join(folder, "odd.opset18.onnx")
        subprocess.run([options.weft, "model"] + ODD_MODEL.split() + ["-o", odd], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for model in ("gpt2", "llama", odd[:-len(".opset18.onnx")]):
            for i, mesh in enumerate(ODD if os.path.isabs(model) else MESHES):
                # Every mesh with one micro-batch and with one way to accumulate several.
                for accumulate in ("", ACCUMULATION[1 + i % 3]):
                    case = mesh + accumulate
                    command = [options.weft, "plan", os.path.join(options.models, model + ".opset18.onnx"), "--dim", "batch=64",
                               "--dim", "sequence=64", "--json", path] + case.split()
                    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                    if done.returncode:
                        print(f"{model} {case}: {done.stdout}")
                        return 1
                    plans += 1
                    with open(path) as file:
                        plan = json.load(file)
                    for row in plan["collectives"]:
                        rows += 1
                        exact = "theory_bytes" in row and abs(row["bytes"] - row["theory_bytes"]) <= 1e-9 * row["bytes"]
                        if not exact:
                            faults += 1
                            print(f"{model} {case}: {row}")
    print(f"{rows} rows of {plans} plans, {faults} differ from theory")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
