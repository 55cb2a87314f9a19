"""Trains small models on meshes and on one rank with the same micro-batches, and compares: losses and gradient norms of 20
clipped steps within 1e-5, gradients of the first step and parameters after the last within 1e-4.

  matrix.py --weft WEFT --models DIR [--models DIR...] --tier ci|singles|pairs|odd|all [--only TEXT] [--keep-going]

`ci` is what every run of the test suite does. `singles` is every feature alone on every model, `pairs` every pair of values of any two
options on GPT-2 and Llama, by a covering array, `odd` models of which no mesh divides all sizes. A model of which no file is found is named and left out.
"""
import argparse, array, itertools, json, math, os, random, struct, subprocess, sys, tempfile

BATCH, SEQUENCE, STEPS = 8, 16, 20
# Models that are made here, with random values: `weft model` and what it is given.
MADE = {
    "odd_gpt2": "gpt2 --layers 2 --dim 42 --heads 6 --vocab 257",
    "odd_llama": "llama --layers 2 --dim 36 --heads 6 --kv-heads 3 --ffn 101 --vocab 131",
    "dropout": "gpt2 --layers 2 --dim 36 --heads 4 --vocab 101 --dropout 0.2",
}
# Of each model: its file, and the shapes and limits of its inputs x and y; 0 is floats.
MODELS = {
    "gpt2": ("gpt2.opset18.onnx", [BATCH, SEQUENCE], 256, [BATCH, SEQUENCE], 256),
    "llama": ("llama.opset18.onnx", [BATCH, SEQUENCE], 256, [BATCH, SEQUENCE], 256),
    "gpt_neox": ("gpt_neox.opset18.onnx", [BATCH, SEQUENCE], 256, [BATCH, SEQUENCE], 256),
    "bert": ("bert.opset18.onnx", [BATCH, SEQUENCE], 256, [BATCH], 8),
    "vit": ("vit.opset18.onnx", [BATCH, 3, 32, 32], 0, [BATCH], 8),
    "moe": ("moe.opset18.onnx", [16, 32], 256, [16, 32], 256),
    "gpt2_loss": ("gpt2_loss.opset18.onnx", [BATCH, SEQUENCE], 256, [BATCH, SEQUENCE], 256),
    "odd_gpt2": ("", [24, 15], 257, [24, 15], 257),
    "odd_llama": ("", [24, 15], 131, [24, 15], 131),
    "dropout": ("", [24, 15], 101, [24, 15], 101),
}
FIXED = {"moe"}  # its batch is a constant of the file: one micro-batch

SINGLES = [
    "--mesh dp=2", "--mesh dp=8", "--mesh dp=2 --zero 1", "--mesh dp=4 --zero 2", "--mesh dp=4 --zero 3 --persistence-threshold 0",
    "--mesh dp=4 --zero 3 --persistence-threshold 5000", "--mesh dp=4,shard=2 --zero 3 --persistence-threshold 0",
    "--mesh dp=8,shard=2 --zero 1", "--mesh tp=2", "--mesh tp=4", "--mesh tp=8", "--mesh tp=2 --sequence-parallel on",
    "--mesh tp=4 --optimize memory", "--mesh tp=2 --prescaled-batch off", "--mesh dp=2,tp=2 --placement spread",
    "--mesh dp=2 --microbatches 4", "--mesh dp=2 --microbatches 2 --accumulate dp",
    "--mesh dp=2 --zero 3 --persistence-threshold 0 --microbatches 2 --accumulate mb",
    "--mesh dp=2,tp=2 --zero 3 --persistence-threshold 0 --microbatches 2 --sequence-parallel on",
    "--mesh dp=4,tp=2,shard=2 --zero 3 --persistence-threshold 0",
    "--mesh dp=2,tp=2 --prescaled-batch off --zero 2 --microbatches 2",
    "--mesh dp=2,tp=2 --zero 3 --persistence-threshold 5000 --optimizer sgd",
]
# Vocabularies, hidden elements, positions and parameters that do not divide; 3 ranks of each axis.
ODD = [
    "--mesh tp=2", "--mesh tp=3", "--mesh tp=2 --sequence-parallel on", "--mesh tp=2 --prescaled-batch off", "--mesh dp=8 --zero 1",
    "--mesh dp=4 --zero 2 --microbatches 2", "--mesh dp=8 --zero 3 --persistence-threshold 0", "--mesh dp=3 --zero 3 --persistence-threshold 0",
    "--mesh dp=8,shard=4 --zero 1", "--mesh dp=4,tp=2,shard=2 --zero 3 --persistence-threshold 0",
    "--mesh dp=4,tp=2 --zero 3 --persistence-threshold 0 --sequence-parallel on --microbatches 2 --accumulate mb",
    "--mesh dp=2,tp=3 --zero 2 --microbatches 2 --accumulate dp --placement spread",
    "--mesh dp=4,tp=2 --zero 3 --persistence-threshold 0 --optimizer sgd",
    "--mesh dp=4,tp=2 --zero 1 --prescaled-batch off",
]
CI = [
    ("gpt2", "--mesh dp=2,tp=2 --zero 3 --persistence-threshold 0 --sequence-parallel on --microbatches 2"),
    ("gpt2", "--mesh dp=2,tp=2 --prescaled-batch off --zero 1"),
    ("llama", "--mesh dp=4,tp=2,shard=2 --zero 2 --microbatches 2"),
    ("llama", "--mesh dp=2 --zero 3 --microbatches 2 --accumulate mb --persistence-threshold 5000"),
    ("llama", "--mesh tp=8"),
    ("llama", "--mesh dp=2,tp=2 --zero 3 --persistence-threshold 5000 --optimizer sgd"),
    ("gpt_neox", "--mesh dp=2,tp=2 --microbatches 2 --accumulate dp --placement spread"),
    ("bert", "--mesh dp=2,tp=2 --zero 3 --persistence-threshold 0"),
    ("gpt2_loss", "--mesh tp=2 --optimize memory"),
    ("vit", "--mesh dp=2,tp=2 --zero 2"),
    ("moe", "--mesh dp=2,tp=2 --zero 3 --persistence-threshold 0"),
    ("odd_gpt2", "--mesh dp=4,tp=2 --zero 3 --persistence-threshold 0 --sequence-parallel on --microbatches 2"),
    ("odd_llama", "--mesh tp=3"),
    ("dropout", "--mesh dp=2,tp=2 --zero 3 --persistence-threshold 0 --microbatches 2 --sequence-parallel on"),
]
OPTIONS = {
    "--mesh": ["dp=2", "tp=2", "dp=4", "dp=4,shard=2", "dp=2,tp=2", "dp=4,tp=2,shard=2", "dp=2,tp=4"],
    "--zero": ["0", "1", "2", "3"],
    "between": ["", "--sequence-parallel on", "--prescaled-batch off"],
    "--microbatches": ["1", "2"],
    "--accumulate": ["", "mb", "dp"],
    "--persistence-threshold": ["0", "5000"],
    "--placement": ["cluster", "spread"],
}


def valid(case):
    """Whether a combination, possibly of some options only, is one that `weft` takes."""
    mesh, zero = case.get("--mesh"), case.get("--zero")
    if mesh and case.get("between") and "tp" not in mesh:
        return False
    if mesh and zero and zero != "0" and "dp" not in mesh:
        return False
    if mesh and zero == "0" and "shard" in mesh:
        return False
    if mesh and "--microbatches" in case:
        # Every rank has a sample of every micro-batch.
        degrees = dict(d.split("=") for d in mesh.split(","))
        parts = int(degrees.get("dp", 1)) * (int(degrees.get("tp", 1)) if case.get("between") == "--prescaled-batch off" else 1)
        return BATCH % (parts * int(case["--microbatches"])) == 0
    return True


def covering():
    """Combinations in which every valid pair of values of two options occurs; the same ones in every run."""
    names, choose = list(OPTIONS), random.Random(7)
    missing = {((a, x), (b, y)) for a, b in itertools.combinations(names, 2) for x in OPTIONS[a] for y in OPTIONS[b]
               if valid({a: x, b: y})}
    cases = []
    while missing:
        best, gained = None, 0
        (a, x), (b, y) = min(missing)
        for _ in range(60):
            case = {name: choose.choice(OPTIONS[name]) for name in names}
            case[a], case[b] = x, y
            gain = sum(case[m] == v and case[n] == w for (m, v), (n, w) in missing) if valid(case) else 0
            if gain > gained:
                best, gained = case, gain
        missing = {pair for pair in missing if any(best[name] != value for name, value in pair)}
        cases.append(" ".join((v if k == "between" else f"{k} {v}") for k, v in best.items() if v))
    return cases


def write_tensors(path, tensors):
    header, data = {}, b""
    for name, (dtype, shape, payload) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(payload)]}
        data += payload
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def read_tensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = file.read()
    result = {}
    for name, entry in header.items():
        if name != "__metadata__":
            values = array.array({"F32": "f", "F64": "d"}[entry["dtype"]])
            values.frombytes(data[slice(*entry["data_offsets"])])
            result[name] = values
    return result


def write_inputs(path, model):
    _, x_shape, x_limit, y_shape, y_limit = MODELS[model]
    choose = random.Random(model)
    tensors = {}
    for name, shape, limit in (("x", x_shape, x_limit), ("y", y_shape, y_limit)):
        count = math.prod(shape)
        values = array.array("q", [choose.randrange(limit) for _ in range(count)]) if limit else \
            array.array("f", [choose.gauss(0, 1) for _ in range(count)])
        tensors[name] = ("I64" if limit else "F32", shape, values.tobytes())
    write_tensors(path, tensors)


class Fault(Exception):
    """What is wrong with a case."""


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Fault(f"exit code {done.returncode} of {' '.join(command)}\n" + "\n".join(done.stdout.splitlines()[-12:]))


def train(weft, path, model, options, folder, inputs):
    """The record of one training run."""
    exe, record = os.path.join(folder, "exe"), os.path.join(folder, "record.safetensors")
    command = [weft, "compile", path, "-o", exe, "--keep-gradients"] + options.split()
    if model in MADE:
        command += ["--init", "random:3"]
    for name, size in (("batch", MODELS[model][1][0]), ("sequence", MODELS[model][1][1])):
        if model not in FIXED and not (model == "vit" and name == "sequence"):
            command += ["--dim", f"{name}={size}"]
    run(command)
    # A clip that always acts, by the true norm or wrongly: norms are above 1. Adam hardly sees by how much, SGD does.
    # Of random values biases start at zero: a key's, whose gradient is rounding, would have no other size than that of such steps.
    rates = ["--lr", "1e-1"] if "sgd" in options else ["--lr", "1e-3", "--beta1", "0.9", "--beta2", "0.95",
                                                       "--eps", "1e-5" if model in MADE else "1e-8"]
    run([exe, "--replay", inputs, "--record", record, "--quiet", "--steps", str(STEPS), "--schedule", "constant", "--clip", "0.5",
         "--weight-decay", "0.1"] + rates + ranks(options))
    return read_tensors(record)


def ranks(options):
    words = options.split()
    mesh = dict(d.split("=") for d in words[words.index("--mesh") + 1].split(",")) if "--mesh" in words else {}
    count = int(mesh.get("dp", 1)) * int(mesh.get("tp", 1))
    return ["--nproc", str(count)] if count > 1 else []


def norm(values):
    return math.sqrt(math.fsum(v * v for v in values))


def compare(one, many):
    """The largest differences; a Fault if one is too large."""
    if set(one) != set(many):
        raise Fault(f"the records have other tensors: {sorted(set(one) ^ set(many))[:4]}")
    apart = {}
    total = {kind: math.sqrt(sum(norm(values)**2 for name, values in one.items() if name.startswith(kind)))
             for kind in ("grad/", "param/")}
    for name, values in one.items():
        kind = name.split("/")[0]
        if kind in ("grad", "param"):
            difference = norm([a - b for a, b in zip(values, many[name])])
            # A gradient that is zero but for rounding (a key bias) is measured against all of them; Adam makes steps of
            # full size out of its rounding, so the parameter is no measure of anything.
            if kind == "param" and norm(one.get(name.replace("param/", "grad/", 1), [1])) < 1e-5 * total["grad/"]:
                continue
            error, limit = difference / max(norm(values), 1e-3 * total[kind + "/"]), 1e-4
        elif kind == "grad_norm":
            # The first is of equal parameters.
            first, error = (max(abs(a - b) / abs(a) for a, b in list(zip(values, many[name]))[:n]) for n in (1, STEPS))
            error, limit = (first, 1e-5) if first > 1e-5 else (error, 1e-4)
        elif kind in ("curve", "loss"):
            error, limit = max(abs(a - b) / abs(a) for a, b in zip(values, many[name])), 1e-5
        else:
            continue
        if not error <= limit:
            raise Fault(f"{name} is {error:.2e} apart, more than {limit:.0e}")
        apart[kind] = max(apart.get(kind, 0), error)
    return " ".join(f"{kind} {error:.1e}" for kind, error in sorted(apart.items()))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--weft", default="weft")
    parser.add_argument("--models", action="append", required=True)
    parser.add_argument("--tier", choices=["ci", "singles", "pairs", "odd", "all"], default="ci")
    parser.add_argument("--only", default="", help="cases whose text contains this")
    parser.add_argument("--keep-going", action="store_true")
    options = parser.parse_args()
    cases = list(CI) if options.tier == "ci" else []
    if options.tier in ("singles", "all"):
        cases += [(model, case) for model in MODELS if model not in MADE for case in SINGLES
                  if model not in FIXED or "--microbatches" not in case]
    if options.tier in ("odd", "all"):
        cases += [(model, case) for model in MADE for case in ODD if model != "dropout" or "tp=3" not in case]
    if options.tier in ("pairs", "all"):
        cases += [(model, case) for model in ("gpt2", "llama") for case in covering()]
    cases = [c for c in cases if options.only in " ".join(c)]
    paths = {}
    for model in dict.fromkeys(model for model, _ in cases if model not in MADE):
        found = [p for p in (os.path.join(d, MODELS[model][0]) for d in options.models) if os.path.exists(p)]
        if found:
            paths[model] = found[0]
        else:
            print(f"left out: {model}, no file {MODELS[model][0]}")
    references, faults, done = {}, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for model in dict.fromkeys(model for model, _ in cases if model in MADE):
            paths[model] = os.path.join(folder, model + ".onnx")
            run([options.weft, "model"] + MADE[model].split() + ["-o", paths[model]])
        for model, case in sorted(cases, key=lambda c: list(MODELS).index(c[0])):
            if model not in paths:
                continue
            inputs = os.path.join(folder, model + ".inputs.safetensors")
            words = case.split()
            # What one rank has to have in common.
            common = " ".join(" ".join(words[i:i + 2]) for i, word in enumerate(words) if word in ("--microbatches", "--optimizer"))
            try:
                if (model, common) not in references:
                    write_inputs(inputs, model)
                    references[model, common] = train(options.weft, paths[model], model, common, folder, inputs)
                said = "ok    " + compare(references[model, common], train(options.weft, paths[model], model, case, folder, inputs))
            except Fault as fault:
                faults += 1
                said = f"FAULT {fault}"
            done += 1
            print(f"{model} {case}: {said}", flush=True)
            if faults and not options.keep_going:
                break
    print(f"{done - faults} of {done} cases agree with one rank")
    return 1 if faults or not done else 0


if __name__ == "__main__":
    sys.exit(main())
