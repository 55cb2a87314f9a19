"""The cases of the matrix: a model, options, and what is to come of them."""
import itertools, random, re
from dataclasses import dataclass
from training import BATCH, FIXED, MADE, MODELS

# What one rank has to have in common with many.
COMMON = ("--microbatches", "--optimizer", "--clipping")
# What changes where values are, and nothing that is computed.
MEMORY = ("--remat", "--offload", "--offload-updates", "--offload-horizon")
# A clip that always acts, by the true norm or wrongly: norms are above 1.
CLIP = "--clip 0.5"


@dataclass(frozen=True)
class Case:
    model: str
    options: str
    refused: str = ""     # what the error has to say, where the combination has no meaning
    training: str = CLIP  # what the executable is given, on one rank and on many
    exact: bool = False   # the same bits as without the options of MEMORY, on the same mesh

    def __str__(self):
        return f"{self.model} {self.options}" + ("" if self.training == CLIP else f" [{self.training}]")

    def pairs(self):
        """Options with their values."""
        words = self.options.split()
        return [(words[i], words[i + 1]) for i in range(0, len(words), 2)]

    def common(self):
        return " ".join(f"{name} {value}" for name, value in self.pairs() if name in COMMON)

    def offload(self):
        return dict(self.pairs()).get("--offload", "")

    def plain(self):
        return " ".join(f"{name} {value}" for name, value in self.pairs() if name not in MEMORY)


def degree(axis, options):
    found = re.search(rf"\b{axis}=(\d+)", options)
    return int(found[1]) if found else 1


SINGLES = [
    "--mesh dp=2", "--mesh dp=8", "--mesh dp=2 --zero 1", "--mesh dp=4 --zero 2", "--mesh dp=4 --zero 3 --persistence-threshold 0",
    "--mesh dp=4 --zero 3 --persistence-threshold 5000", "--mesh dp=4,shard=2 --zero 3 --persistence-threshold 0",
    "--mesh dp=8,shard=2 --zero 1", "--mesh dp=8 --zero 3 --persistence-threshold 0 --ranks-per-node 2", "--mesh tp=2", "--mesh tp=4", "--mesh tp=8", "--mesh tp=2 --sequence-parallel on",
    "--mesh tp=4 --optimize memory", "--mesh tp=2 --prescaled-batch off", "--mesh dp=2,tp=2 --placement spread",
    "--mesh dp=2 --microbatches 4", "--mesh dp=2 --microbatches 2 --accumulate dp",
    "--mesh dp=2 --zero 3 --persistence-threshold 0 --microbatches 2 --accumulate mb",
    "--mesh dp=2,tp=2 --zero 3 --persistence-threshold 0 --microbatches 2 --sequence-parallel on",
    "--mesh dp=4,tp=2,shard=2 --zero 3 --persistence-threshold 0",
    "--mesh dp=2,tp=2 --prescaled-batch off --zero 2 --microbatches 2",
    "--mesh dp=2,tp=2 --zero 3 --persistence-threshold 5000 --optimizer sgd", "--mesh tp=2 --batch-halves on --overlap on",
    "--mesh dp=2,tp=2 --zero 3 --persistence-threshold 0 --sequence-parallel on --batch-halves on --overlap on",
    "--mesh dp=2,tp=2 --zero 1 --microbatches 2 --accumulate dp --batch-halves on",
    "--mesh dp=2,tp=2 --zero 1 --sequence-parallel on --batch-halves auto --overlap on",
    # Parameters that lie in parts between steps, and what gathers of them could meet.
    "--mesh dp=4 --zero 1 --ranks-per-node 2 --overlap on", "--mesh dp=2 --zero 2 --overlap on --remat each --max-live-parameters 1",
    "--mesh dp=2,tp=2 --zero 1 --sequence-parallel on --batch-halves on --overlap on", "--mesh dp=2,tp=2 --zero 2 --optimizer sgd",
    "--mesh dp=2 --zero 1 --microbatches 2", "--mesh dp=4 --zero 1 --microbatches 2 --accumulate dp", "--mesh dp=4,shard=2 --zero 2 --microbatches 2 --overlap on",
]
# Vocabularies, hidden elements, positions and parameters that do not divide; 3 ranks of each axis.
ODD = [
    "--mesh tp=2", "--mesh tp=3", "--mesh tp=2 --sequence-parallel on", "--mesh tp=2 --prescaled-batch off", "--mesh dp=8 --zero 1",
    "--mesh dp=4 --zero 2 --microbatches 2", "--mesh dp=8 --zero 3 --persistence-threshold 0", "--mesh dp=3 --zero 3 --persistence-threshold 0",
    "--mesh dp=8,shard=4 --zero 1", "--mesh dp=4,tp=2,shard=2 --zero 3 --persistence-threshold 0",
    "--mesh dp=4,tp=2 --zero 3 --persistence-threshold 0 --sequence-parallel on --microbatches 2 --accumulate mb",
    "--mesh dp=2,tp=3 --zero 2 --microbatches 2 --accumulate dp --placement spread",
    "--mesh dp=4,tp=2 --zero 3 --persistence-threshold 0 --optimizer sgd",
    "--mesh dp=4,tp=2 --zero 1 --prescaled-batch off", "--mesh dp=4,tp=2 --zero 1 --overlap on", "--mesh dp=3 --zero 2 --ranks-per-node 3", "--mesh dp=4,tp=2 --zero 3 --persistence-threshold 0 --placement TD --ranks-per-node 2",
]
# Parameters that are cut where they do not divide.
ASKED = [
    Case("odd_gpt2", "--mesh dp=2,tp=3 --zero 1 --shard-param *wpe.weight=tp:0 --shard-param *.c_fc.bias=shard:0"),
    Case("odd_gpt2", "--mesh dp=4 --zero 3 --persistence-threshold 0 --shard-param *.mlp.*.weight=shard:0"),
    Case("odd_llama", "--mesh dp=2,tp=3 --zero 2 --shard-param *embed_tokens.weight=tp:0 --shard-param *norm.weight=shard:0"),
    Case("odd_llama", "--mesh dp=4,tp=2,shard=2 --zero 3 --persistence-threshold 0 --shard-param *.mlp.*.weight=shard:0"),
]
# Layers with many elements for a rank's few tokens: gradients are computed, and weights used, where they are stored.
STORED = [Case("wide", options) for options in (
    "--mesh dp=8 --zero 1", "--mesh dp=4 --zero 2 --overlap on", "--mesh dp=8 --zero 3 --persistence-threshold 0", "--mesh dp=2 --zero 3 --persistence-threshold 5000",
    "--mesh dp=4,tp=2 --zero 3 --persistence-threshold 0", "--mesh dp=4,tp=2 --zero 1 --sequence-parallel on", "--mesh dp=4,shard=2 --zero 3 --persistence-threshold 0",
    "--mesh dp=8,shard=4 --zero 2", "--mesh dp=4 --zero 3 --persistence-threshold 0 --microbatches 2 --accumulate dp", "--mesh dp=2,tp=2 --zero 2 --prescaled-batch off")]
CI = [
    Case("gpt2", "--mesh dp=2,tp=2 --zero 3 --persistence-threshold 0 --sequence-parallel on --microbatches 2"),
    Case("gpt2", "--mesh dp=2,tp=2 --prescaled-batch off --zero 1"),
    Case("llama", "--mesh dp=4,tp=2,shard=2 --zero 2 --microbatches 2"),
    Case("llama", "--mesh dp=2 --zero 3 --microbatches 2 --accumulate mb --persistence-threshold 5000"),
    Case("llama", "--mesh tp=8"),
    Case("llama", "--mesh dp=2,tp=2 --zero 3 --persistence-threshold 5000 --optimizer sgd"),
    Case("gpt_neox", "--mesh dp=2,tp=2 --microbatches 2 --accumulate dp --placement spread"),
    Case("bert", "--mesh dp=2,tp=2 --zero 3 --persistence-threshold 0"),
    Case("gpt2_loss", "--mesh tp=2 --optimize memory"),
    Case("vit", "--mesh dp=2,tp=2 --zero 2"),
    Case("llama", "--mesh dp=4 --zero 1 --ranks-per-node 2 --overlap on"),
    Case("gpt_neox", "--mesh dp=4 --zero 1 --microbatches 2"),
    Case("moe", "--mesh dp=2,tp=2 --zero 3 --persistence-threshold 0"),
    Case("wide", "--mesh dp=4 --zero 3 --persistence-threshold 0"),
    Case("cnn_train", "--mesh dp=4,shard=2 --zero 1 --microbatches 2"),
    Case("torch_transformer", "--mesh dp=2,tp=2 --zero 3 --persistence-threshold 0 --sequence-parallel on"),
    Case("gemma2", "--mesh dp=2,tp=4 --zero 1 --sequence-parallel on"),
    Case("phi3", "--mesh dp=2,tp=2 --zero 3 --persistence-threshold 0"),
    Case("olmo2", "--mesh dp=2,tp=2 --zero 1"),
    Case("modernbert", "--mesh dp=2,tp=2 --zero 2 --sequence-parallel on"),
    Case("odd_gpt2", "--mesh dp=4,tp=2 --zero 3 --persistence-threshold 0 --sequence-parallel on --microbatches 2"),
    Case("odd_llama", "--mesh tp=3"),
    Case("dropout", "--mesh dp=2,tp=2 --zero 3 --persistence-threshold 0 --microbatches 2 --sequence-parallel on"),
]
# Heads of attention, which tp has to divide; 0: there are none.
HEADS = {model: 6 if "odd" in model else {"dropout": 4, "torch_transformer": 2, "cnn_train": 0, "gemma2": 4, "phi3": 4, "olmo2": 4, "modernbert": 4}.get(model, 8) for model in MODELS}
NO_BLOCKS = {"cnn_train", "torch_transformer", "phi3", "modernbert"}  # no two are alike from one end to the other, so none can be computed again
# What has no meaning, and what the one error has to say.
REFUSED = [Case(model, "--mesh tp=16", "choose one of tp=1, 2") for model in MODELS if model not in MADE and HEADS[model]] + [
    Case("odd_gpt2", "--mesh tp=4", "choose one of tp=1, 2, 3, 6"),
    Case("odd_llama", "--mesh dp=2,tp=4", "choose one of tp=1, 2, 3, 6"),
    Case("dropout", "--mesh tp=3", "choose one of tp=1, 2, 4"),
    Case("gpt2", "--mesh dp=3", "choose --dim batch=N with N / --microbatches a multiple of 3"),
    Case("gpt2", "--mesh dp=2 --microbatches 8", "choose --dim batch=N with N / --microbatches a multiple of 2"),
    Case("gpt2", "--mesh dp=2 --microbatches 3", "choose a multiple of 3 for --dim batch"),
    Case("gpt2", "--mesh dp=4 --ranks-per-node 3", "not whole nodes of 3; choose --ranks-per-node N"),
    Case("gpt2", "--mesh dp=4,shard=3 --zero 1", "shard=3 does not divide dp=4"),
    Case("gpt2", "--mesh dp=4,shard=2", "hint: --zero 1, 2 or 3 says what is"),
    Case("gpt2", "--mesh tp=2 --zero 1", "hint: give --mesh a dp of 2 or more"),
    Case("gpt2", "--mesh dp=2 --sequence-parallel on", "hint: give --mesh a tp of 2 or more"),
    Case("gpt2", "--mesh dp=2 --prescaled-batch off", "hint: give --mesh a tp of 2 or more"),
    Case("gpt2", "--mesh tp=2 --prescaled-batch off --sequence-parallel on", "hint: choose one of the two"),
    Case("gpt2", "--mesh dp=2 --batch-halves on", "hint: give --mesh a tp of 2 or more and leave --prescaled-batch on"),
    Case("gpt2", "--mesh dp=2,tp=2 --microbatches 4 --batch-halves on", "a multiple of 4, or --batch-halves off"),
]
OPTIONS = {
    "--mesh": ["dp=2", "tp=2", "dp=4", "dp=4,shard=2", "dp=2,tp=2", "dp=4,tp=2,shard=2", "dp=2,tp=4"],
    "--zero": ["0", "1", "2", "3"],
    "between": ["", "--sequence-parallel on", "--prescaled-batch off", "--optimize memory"],
    "--microbatches": ["1", "2"],
    "--accumulate": ["", "mb", "dp"],
    "--persistence-threshold": ["0", "5000"],
    "--placement": ["cluster", "spread"],
    "--bucket-size": ["", "1", "3000"],
    "--max-live-parameters": ["", "1", "20000"],
    "--ranks-per-node": ["", "2"],
}


# Strategies and host memory in pairs with what spreads a model.
MEMORY_OPTIONS = {
    "--mesh": ["", "dp=2", "tp=2", "dp=4,shard=2", "dp=2,tp=2"],
    "--zero": ["0", "1", "2", "3"],
    "--remat": ["none", "each", "contiguous", "group_2", "selective", "auto"],
    "--offload": ["", "activations", "optimizer", "activations,optimizer"],
    "--offload-updates": ["", "host", "device"],
    "--offload-horizon": ["1", "3"],
    "between": ["", "--sequence-parallel on", "--batch-halves on", "--batch-halves auto"],
    "--microbatches": ["1", "2"],
    "--clipping": ["", "off"],
    "--overlap": ["on", "off"],
}


def valid(case):
    """Whether a combination, possibly of some options only, is one that `weft` takes."""
    mesh, zero = case.get("--mesh"), case.get("--zero")
    if mesh == "" and (case.get("between") or zero and zero != "0"):
        return False
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


def covering(options):
    """Combinations in which every valid pair of values of two options occurs; the same ones in every run."""
    names, choose = list(options), random.Random(7)
    missing = {((a, x), (b, y)) for a, b in itertools.combinations(names, 2) for x in options[a] for y in options[b]
               if valid({a: x, b: y})}
    cases = []
    while missing:
        best, gained = None, 0
        (a, x), (b, y) = min(missing)
        for attempt in itertools.count():
            if attempt >= 60 and best:
                break
            case = {name: choose.choice(options[name]) for name in names}
            case[a], case[b] = x, y
            gain = sum(case[m] == v and case[n] == w for (m, v), (n, w) in missing) if valid(case) else 0
            if gain > gained:
                best, gained = case, gain
        missing = {pair for pair in missing if any(best[name] != value for name, value in pair)}
        cases.append(" ".join((v if k == "between" else f"{k} {v}") for k, v in best.items() if v))
    return cases


def draw(seed):
    """A case with any options, of which one in eight has no meaning for some reason."""
    choose = random.Random(seed)
    model = choose.choice(list(MODELS))
    batch, micro = MODELS[model][1][0], "1" if model in FIXED else choose.choice("1124")
    # Mostly what divides the batch.
    dp = choose.choice([d for d in (1, 2, 2, 3, 4, 8) if batch % (d * int(micro)) == 0] if choose.random() < 0.97 else [3, 7])
    tp = choose.choice([t for t in (1, 1, 2, 2, 4, 8) if dp * t <= 8] if model not in MADE else [t for t in (1, 2, 2, 3) if dp * t <= 8 or dp == 1])
    if choose.random() < 0.03:
        tp = 5
    zero = choose.choice("0123" if dp > 1 or choose.random() < 0.03 else "0")
    shard = choose.choice([s for s in (1, 1, 2, 4) if dp % s == 0]) if zero != "0" or choose.random() < 0.03 else 1
    words = []

    def add(option, *values, given=True):
        """One of the values; the empty one is to leave the option out."""
        if given and (value := choose.choice(values)):
            words.append(f"{option} {value}")

    mesh = [f"{axis}={size}" for axis, size in (("dp", dp), ("tp", tp), ("shard", shard)) if size > 1]
    add("--mesh", ",".join(mesh), given=bool(mesh))
    add("--zero", zero, given=zero != "0")
    add("--persistence-threshold", "", "0", "0", "500", "5000", given=zero == "3")
    if tp > 1 or choose.random() < 0.03:
        add("--sequence-parallel", "", "", "on", given=choose.random() < 0.9)
        add("--prescaled-batch", "", "off", given="--sequence-parallel on" not in words or choose.random() < 0.1)
        add("--optimize", "", "", "memory", given=not {"--sequence-parallel on", "--prescaled-batch off"} & set(words))
    add("--microbatches", micro, given=micro != "1")
    add("--accumulate", "", "mb", "dp")
    add("--placement", "", "spread", "DT", "TD", given=len(mesh) > 0)
    add("--bucket-size", "", "", "1", "3000", "50000")
    add("--max-live-parameters", "", "", "1", "20000", "100000")
    add("--ranks-per-node", "", "", *(str(n) for n in (2, 4) if dp * tp % n == 0))
    add("--overlap", "", "on", "off")
    # Of two blocks whose positions are padded, the first and the last are not alike.
    has_blocks = model not in NO_BLOCKS and not ("odd" in model and {"--sequence-parallel on", "--optimize memory"} & set(words))
    add("--remat", "", "", *(("each", "contiguous", "group_2") if has_blocks else ()), "selective")
    add("--offload", "", "", "", "activations", "optimizer", "activations,optimizer")
    add("--offload-horizon", "", "1", "3", given=any(word.startswith("--offload ") for word in words))
    add("--logit-chunks", "", "", "1", "2")
    add("--optimizer", "", "", "adam", "sgd")
    training = choose.choice([CLIP, CLIP, "--clip 1e9", ""])
    add("--clipping", "off", given=not training)
    return Case(model, " ".join(words), why_refused(model, words, dp, tp, int(micro)), training)


def why_refused(model, words, dp, tp, micro):
    """What may stand in the error for options that have no meaning together; empty if they have one."""
    has = set(words)
    zero = next((int(word.split()[1]) for word in words if word.startswith("--zero")), 0)
    between = has & {"--sequence-parallel on", "--prescaled-batch off"}
    readers = dp * (tp if "--prescaled-batch off" in has else 1)
    reasons = {
        "hint: choose one of the two": len(between) == 2,
        "hint: give --mesh a tp of 2 or more": bool(between) and tp == 1,
        "hint: give --mesh a dp of 2 or more": zero > 0 and dp == 1,
        "hint: --zero 1, 2 or 3 says what is": zero == 0 and any("shard=" in word for word in words),
        "choose one of tp=1, ": HEADS[model] % tp != 0,
        "choose --dim batch=N": MODELS[model][1][0] % (readers * micro) != 0,
    }
    return "|".join(re.escape(text) for text, holds in reasons.items() if holds)


def exact(model, options):
    """A case of the same bits. Streams run in some order that their events allow."""
    words = (options + (" --persistence-threshold 0" if "--zero 3" in options else "")).strip()
    training = "" if "--clipping off" in words else CLIP
    return Case(model, words, training=f"{training} --stream-order 5".strip() if "--overlap on" in words else training, exact=True)


# Random numbers are drawn again, alike; gathered parameters are dropped and gathered again; states and activations wait in host memory.
MEMORY_CI = [exact(model, options) for model, options in (
    ("dropout", "--remat each"),
    ("dropout", "--remat auto"),
    ("dropout", "--mesh dp=2,tp=2 --zero 3 --remat auto --microbatches 2 --sequence-parallel on --overlap on"),
    ("llama", "--mesh dp=2 --zero 2 --remat selective --offload optimizer --offload-updates host --clipping off --overlap on"),
    ("gpt2", "--mesh tp=2 --batch-halves on --remat group_2 --offload activations --offload-horizon 1 --overlap on"),
    ("llama", "--mesh dp=4,shard=2 --zero 1 --remat contiguous --offload activations,optimizer --offload-updates device"),
)]


TIERS = {
    "ci": lambda: CI,
    "singles": lambda: [Case(model, options) for model in MODELS if model not in MADE for options in SINGLES
                        if (model not in FIXED or "--microbatches" not in options) and HEADS[model] % degree("tp", options) == 0
                        and not (model in NO_BLOCKS and "--remat each" in options)],
    "odd": lambda: [Case(model, options) for model in MADE if model != "wide" for options in ODD if model != "dropout" or "tp=3" not in options] + ASKED + STORED,
    "pairs": lambda: [Case(model, options) for model in ("gpt2", "llama") for options in covering(OPTIONS)],
    "memory": lambda: [exact(model, options) for model in ("gpt2", "llama", "dropout") for options in covering(MEMORY_OPTIONS)],
    "memory-ci": lambda: MEMORY_CI,
    "refused": lambda: REFUSED,
}


def of_tier(tier, seed, count):
    """The cases of a tier, model by model; `drawn` are those of so many seeds, `all` is every tier's."""
    drawn = [draw(number) for number in range(seed, seed + count)] if tier in ("drawn", "all") else []
    cases = [case for name in (TIERS if tier == "all" else [tier] if tier in TIERS else []) for case in TIERS[name]()] + drawn
    return sorted(dict.fromkeys(cases), key=lambda case: list(MODELS).index(case.model))
