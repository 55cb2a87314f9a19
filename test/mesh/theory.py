"""Plans models on meshes and compares what is sent, counted in the partitioned program, with the formulas of docs/partitioning.md: each row of
each plan. Where what is between blocks is cut, there are few samples, of which activations are gathered, and many, of which weights are.

  theory.py --weft WEFT --models DIR [--models DIR...] [--bf16] [--every N] [--only MODEL]

With --every N of the models but the first ones only every N-th mesh is planned, each time another one. A model of which no file is found is named and left out.
"""
import argparse, json, os, re, subprocess, sys, tempfile
from dataclasses import dataclass

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
# Degrees of `tp` beyond 4, and key/value heads that they do not divide.
MANY = ["--mesh tp=8", "--mesh tp=8 --sequence-parallel on", "--mesh tp=8 --prescaled-batch off"]
# Sizes that do not divide: vocabulary, hidden elements and most parameters are padded.
ODD = ["--mesh dp=2,tp=3 --zero 3 --persistence-threshold 0 --sequence-parallel on", "--mesh dp=8 --zero 1", "--mesh dp=8 --zero 3 --persistence-threshold 0", "--mesh tp=3", "--mesh dp=4,tp=3 --zero 3 --persistence-threshold 0"]
SAMPLES = 64
ACCUMULATION = ["", " --microbatches 4", " --microbatches 2 --accumulate mb", " --microbatches 2 --accumulate dp"]


@dataclass
class Model:
    file: str            # in one of the folders of models; or what `weft model` makes
    sequence: int = 0    # 0: has no such size
    samples: int = 0     # of a model whose batch is fixed
    meshes: tuple = tuple(MESHES)
    isFirst: bool = False


MODELS = {
    "gpt2": Model("gpt2.opset18.onnx", 64, meshes=(*MESHES, *MANY), isFirst=True),
    "llama": Model("llama.opset18.onnx", 64, meshes=(*MESHES, *MANY)),
    "odd": Model("llama --layers 2 --dim 36 --heads 6 --kv-heads 3 --ffn 101 --vocab 131", 64, meshes=tuple(ODD), isFirst=True),
    "gpt2_loss": Model("gpt2_loss.opset18.onnx", 64),
    "gpt_neox": Model("gpt_neox.opset18.onnx", 64, meshes=(*MESHES, *MANY)),
    "bert": Model("bert.opset18.onnx", 64, meshes=(*MESHES, *MANY[:2])),
    "gpt2_short": Model("tiny_gpt2.opset14.onnx", 16),
    "gptj": Model("tiny_gptj.opset14.onnx", 16),
    "mistral": Model("tiny_mistral_window.opset14.onnx", 16),
    "qwen2": Model("tiny_qwen2.opset14.onnx", 16),
    "roberta": Model("tiny_roberta.opset18.onnx", 16),
    "vit": Model("tiny_vit.opset17.onnx"),
    "mixtral": Model("tiny_mixtral.opset14.onnx", 16),
    "convnext": Model("tiny_convnext.opset18.onnx"),
    "cnn": Model("cnn.opset13.eval.onnx"),
    "cnn_train": Model("cnn.opset13.train.onnx"),
    "torch_transformer": Model("torch_transformer.opset17.onnx", 16, meshes=tuple(mesh for mesh in MESHES if "tp=4" not in mesh)),
    "moe": Model("moe.opset18.onnx", samples=16),
}


def few(case):
    """Two samples for each rank that has its own, and each micro-batch: heads and hidden elements hold at nearly all ops."""
    degree, parts, tp = (re.search(pattern, case) for pattern in (r"dp=(\d+)", r"--microbatches (\d+)", r"tp=(\d+)"))
    own = int(tp[1]) if "--prescaled-batch off" in case else 2 if "--batch-halves" in case else 1
    return 2 * own * int(degree[1] if degree else 1) * int(parts[1] if parts else 1)


def cases_of(name, number, every):
    """Meshes with one micro-batch and with one way to accumulate several; and how many samples there are."""
    model = MODELS[name]
    for i, mesh in enumerate(model.meshes):
        if not model.isFirst and (i + number) % every:
            continue
        isCut = any(option in mesh for option in ("--sequence-parallel on", "--optimize memory", "--prescaled-batch off"))
        accumulation = ACCUMULATION[1 + i % 3]
        if "--batch-halves" in mesh:
            accumulation = accumulation.replace("microbatches 4", "microbatches 2")
        if model.samples:
            accumulation = ""
        for case in dict.fromkeys((mesh, mesh + accumulation)):
            for samples in (model.samples,) if model.samples else (few(case), SAMPLES) if isCut else (SAMPLES,):
                yield case, samples


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--weft", default="weft")
    parser.add_argument("--models", action="append", required=True)
    parser.add_argument("--bf16", action="store_true", help="programs for GPUs in bf16")
    parser.add_argument("--every", type=int, default=1, help="of most models, only every N-th mesh")
    parser.add_argument("--only", help="this model")
    options = parser.parse_args()
    target = ["--target", "cuda", "--precision", "bf16"] if options.bf16 else ["--target", "host"]
    faults = rows = plans = gathering = 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "plan.json")
        for number, name in enumerate(MODELS):
            if options.only and name != options.only:
                continue
            model = MODELS[name]
            file = next((path for path in (os.path.join(models, model.file) for models in options.models) if os.path.exists(path)), "")
            if not file and model.file.endswith(".onnx"):
                print(f"left out: {name}, no file {model.file}")
                continue
            if not model.file.endswith(".onnx"):
                file = os.path.join(folder, name + ".onnx")
                subprocess.run([options.weft, "model"] + model.file.split() + ["-o", file], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for case, samples in cases_of(name, number, options.every):
                command = [options.weft, "plan", file, *target, "--json", path] + case.split()
                command += ["--dim", f"batch={samples}"] if not model.samples else []
                command += ["--dim", f"sequence={model.sequence}"] if model.sequence else []
                done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                if done.returncode:
                    print(f"{name} {case}: {done.stdout}")
                    return 1
                with open(path) as written:
                    plan = json.load(written)
                plans += 1
                gathering += bool(plan["gathered_weights"])
                for row in plan["collectives"]:
                    rows += 1
                    exact = "theory_bytes" in row and abs(row["bytes"] - row["theory_bytes"]) <= 1e-9 * row["bytes"]
                    if not exact:
                        faults += 1
                        print(f"{name} {case}, {samples} samples: {row}")
    print(f"{rows} rows of {plans} plans, of which {gathering} gather weights for products, {faults} differ from theory")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
