"""Plans models on meshes and compares what is sent, counted in the partitioned program, with the formulas of docs/partitioning.md, and with the least
that each tensor needs: each row of each plan. Where what is between blocks is cut, there are few samples, of which activations are gathered, and many, of which weights are.

  theory.py --weft WEFT --models DIR [--models DIR...] [--bf16] [--every N] [--only MODEL]
  theory.py --weft WEFT --models DIR [--models DIR...] [--bf16] --drawn N [--seed S]

With --every N of the models but the first ones only every N-th mesh is planned, each time another one. With --drawn N models, meshes, options, samples
and positions are drawn; what is refused (heads that do not divide) is not counted. A model of which no file is found is named and left out.
"""
import argparse, json, os, random, re, subprocess, sys, tempfile
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
# Layers with many elements for the few tokens of a rank: weights are used where they are stored.
WIDE = ["--mesh dp=8 --zero 1", "--mesh dp=4 --zero 2", "--mesh dp=8 --zero 3 --persistence-threshold 0", "--mesh dp=4,tp=2 --zero 3 --persistence-threshold 0",
        "--mesh dp=8,shard=4 --zero 2", "--mesh dp=8,tp=4 --zero 1", "--mesh dp=2 --zero 3 --persistence-threshold 0"]
SAMPLES = 64
ACCUMULATION = ["", " --microbatches 4", " --microbatches 2 --accumulate mb", " --microbatches 2 --accumulate dp"]


@dataclass
class Model:
    file: str            # in one of the folders of models; or what `weft model` makes
    sequence: int = 0    # 0: has no such size
    samples: int = 0     # of a model whose batch is fixed
    meshes: tuple = tuple(MESHES)
    isFirst: bool = False
    isWide: bool = False # of its weights some are used where they are stored
    isDrawn: bool = True # its formulas hold on any mesh


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
    "gemma2": Model("tiny_gemma2.opset14.onnx", 16),
    "phi3": Model("tiny_phi3.opset17.onnx", 16, meshes=tuple(mesh for mesh in MESHES if "tp=4" not in mesh), isDrawn=False),
    "olmo2": Model("tiny_olmo2.opset17.onnx", 16),
    "modernbert": Model("tiny_modernbert.opset17.onnx", 16),
    "vit": Model("tiny_vit.opset17.onnx"),
    "mixtral": Model("tiny_mixtral.opset14.onnx", 16),
    "convnext": Model("tiny_convnext.opset18.onnx"),
    "cnn": Model("cnn.opset13.eval.onnx"),
    "cnn_train": Model("cnn.opset13.train.onnx"),
    "torch_transformer": Model("torch_transformer.opset17.onnx", 16, meshes=tuple(mesh for mesh in MESHES if "tp=4" not in mesh)),
    "wide": Model("gpt2 --layers 2 --dim 256 --heads 4 --vocab 1009", 8, meshes=tuple(WIDE), isWide=True),
    "wide_llama": Model("llama --layers 2 --dim 256 --heads 8 --kv-heads 4 --ffn 704 --vocab 2000", 16, meshes=tuple(WIDE), isWide=True),
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


def planned(options, files):
    """What is planned: the name of a model, options, samples (0: the model's own) and positions."""
    for number, name in enumerate(MODELS):
        if name in files and options.only in ("", name):
            for case, samples in cases_of(name, number, options.every):
                yield name, case, samples, MODELS[name].sequence


def drawn(options, files):
    """The same, drawn: at least two samples for each rank and micro-batch."""
    choose = random.Random(options.seed)
    for _ in range(options.drawn):
        name = choose.choice([name for name in files if options.only in ("", name) and MODELS[name].isDrawn])
        dp, tp, micro = choose.choice([d for d in (1, 2, 4, 8)]), choose.choice((1, 1, 2, 4, 8)), choose.choice((1, 1, 2, 4))
        dp = 2 if dp * tp == 1 else dp
        zero = choose.choice("0123") if dp > 1 else "0"
        shard = choose.choice([s for s in (1, 1, 2, 4) if dp % s == 0 and s < dp]) if zero != "0" and dp > 2 else 1
        words = ["--mesh " + ",".join(f"{axis}={size}" for axis, size in (("dp", dp), ("tp", tp), ("shard", shard)) if size > 1)]
        words += [f"--zero {zero}"] if zero != "0" else []
        words += ["--persistence-threshold " + choose.choice(("0", "0", "5000"))] if zero == "3" else []
        words += [choose.choice(("", "", "--sequence-parallel on", "--prescaled-batch off", "--batch-halves on"))] if tp > 1 else []
        accumulate = choose.choice(("", "--accumulate mb", "--accumulate dp"))
        words += [f"--microbatches {micro}", accumulate] if micro > 1 and not MODELS[name].samples else []
        words += [choose.choice(("", "", "", "--placement spread"))]
        positions = choose.choice((MODELS[name].sequence, 8)) if name != "torch_transformer" else MODELS[name].sequence
        yield (name, " ".join(filter(None, words)), MODELS[name].samples or dp * tp * micro * choose.choice((2, 4, 16)),
               positions if MODELS[name].sequence else 0)


def find_models(options, folder):
    """The files of models; those that are made, are made."""
    files = {}
    for name, model in MODELS.items():
        if not model.file.endswith(".onnx"):
            files[name] = os.path.join(folder, name + ".onnx")
            subprocess.run([options.weft, "model"] + model.file.split() + ["-o", files[name]], check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            continue
        found = [path for path in (os.path.join(models, model.file) for models in options.models) if os.path.exists(path)]
        if found:
            files[name] = found[0]
        else:
            print(f"left out: {name}, no file {model.file}")
    return files


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--weft", default="weft")
    parser.add_argument("--models", action="append", required=True)
    parser.add_argument("--bf16", action="store_true", help="programs for GPUs in bf16")
    parser.add_argument("--every", type=int, default=1, help="of most models, only every N-th mesh")
    parser.add_argument("--only", default="", help="this model")
    parser.add_argument("--drawn", type=int, default=0, help="combinations that are drawn, instead of the meshes of this file")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    target = ["--target", "cuda", "--precision", "bf16"] if options.bf16 else ["--target", "host"]
    faults = rows = plans = gathering = storing = 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "plan.json")
        files = find_models(options, folder)
        for name, case, samples, positions in (drawn if options.drawn else planned)(options, files):
            command = [options.weft, "plan", files[name], *target, "--json", path] + case.split()
            command += ["--dim", f"batch={samples}"] if not MODELS[name].samples else []
            command += ["--dim", f"sequence={positions}"] if positions else []
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if options.drawn and done.returncode == 1 and "choose" in done.stdout:
                continue
            if done.returncode:
                print(f"{name} {case}: {done.stdout}")
                return 1
            with open(path) as written:
                plan = json.load(written)
            plans += 1
            gathering += bool(plan["gathered_weights"])
            storing += "stored_weights" in plan
            for row in plan["collectives"]:
                rows += 1
                # By the formulas, and by the cheapest collectives for each tensor.
                if any(by not in row or abs(row["bytes"] - row[by]) > 1e-9 * row["bytes"] for by in ("theory_bytes", "least_bytes")):
                    faults += 1
                    print(f"{name} {case}, {samples} samples, {positions} positions: {row}")
    print(f"{rows} rows of {plans} plans, of which {gathering} gather weights for products and {storing} use some where they are stored, {faults} differ from theory")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
