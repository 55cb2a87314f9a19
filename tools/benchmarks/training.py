"""What `tools/verify-gpu` finds out by training, without reference values: whether two runs give the same bits, narrow types
follow f32, an overflow of f16 is recovered from, and a checker of memory and races is content."""
import dataclasses
import json
import pathlib
import re
import shutil
import tempfile

import carry
import common
import turns

FOLDER, INDEX = "training", "training.json"
TEXTS = common.ROOT / "test/models/text"
# Losses are compared by means of so many steps.
WINDOW = 25
# Of the means of a narrow type's losses against those of f32, and of the last one after an overflow: the steps that were
# left out are missing.
CURVE_TOLERANCE, OVERFLOW_TOLERANCE = 1e-2, 5e-2
# Far beyond what f16 holds; some twenty steps overflow until it is small enough.
OVERFLOW = ["--loss-scale", "1e30", "--loss-scale-factor", "16"]
# Models that the checker of memory looks at: attention by the library and by products, convolutions, scatters and sorts.
CHECKED = ("gpt2.opset18-bf16", "llama.opset18-fp32", "cnn.opset13.train-fp32", "scatter.opset18-fp32", "tiny_roberta.opset18-fp16")
TOOLS = ("memcheck", "racecheck")
SANITIZER_FAULT = 99
# How the checker names the kernel of a fault, and what ours are called.
FAULTY = re.compile(r"=========.* (?:at|access at) (?:void )?([\w:<>, ()*&]+?)(?:\(.*\))?\+0x")
OWN = re.compile(r"k\d+(_\w+)?")


@dataclasses.dataclass(frozen=True)
class Size:
    """What is trained on a target."""

    model: tuple
    batch: int
    sequence: int
    steps: int


SIZES = {"cuda": Size(("gpt2",), 8, 256, 300),
         "host": Size(("gpt2", "--layers", "1", "--dim", "32", "--heads", "2", "--vocab", "257", "--positions", "32"), 4, 32, 150)}


def build(folder, weft, target, precisions, options=()):
    """Compiles the model in every precision into `folder`, with the texts of the tests as tokens. Of `options`, which are of
    weft verify, the processor counts."""
    size, place = SIZES[target], folder / FOLDER
    place.mkdir(exist_ok=True)
    common.run([weft, "data", "pack", *sorted(TEXTS.glob("*.txt")), "-o", place / "text.tokens"])
    with tempfile.TemporaryDirectory(prefix="weft-training-") as made:
        model = pathlib.Path(made) / "model.onnx"
        common.run([weft, "model", *size.model, "-o", model])
        processor = [option for option in carry.portable(target, options) if option.startswith("--cpu=")]
        for precision in precisions:
            common.run([weft, "compile", model, "--target", target, "--dim", f"batch={size.batch},sequence={size.sequence}",
                        "--init", "random:0", "--precision", precision, *processor, "-o", place / precision])
            carry.strip(place / precision)
    (place / INDEX).write_text(json.dumps({"target": target, "precisions": precisions}))


class Training:
    """The checks of one folder; each returns whether it is good and a line about it."""

    def __init__(self, folder, limit):
        self.place, self.limit = folder / FOLDER, limit
        self.index = json.loads((self.place / INDEX).read_text())
        self.steps = SIZES[self.index["target"]].steps
        self.logs = {}

    def train(self, precision, steps, options=()):
        """The log of a run."""
        with tempfile.TemporaryDirectory(prefix="weft-training-") as made:
            log = pathlib.Path(made) / "log.jsonl"
            command = [self.place / precision, "--data", self.place / "text.tokens", "--steps", steps, "--lr", "6e-4",
                       "--warmup", "50", "--log", log, "--quiet", *options]
            code, text = turns.run_limited(command, self.limit)
            if code != 0:
                raise turns.Failed(turns.last_words(text))
            lines = [json.loads(line) for line in log.read_text().splitlines()]
            return [line for line in lines if "loss" in line and "step" in line]

    def losses(self, precision):
        if precision not in self.logs:
            self.logs[precision] = means([line["loss"] for line in self.train(precision, self.steps)])
        return self.logs[precision]

    def repeats(self, precision):
        with tempfile.TemporaryDirectory(prefix="weft-training-") as made:
            files = [pathlib.Path(made) / name for name in ("a", "b")]
            first, second = ([line["loss"] for line in self.train(precision, 20, ["--save", file])] for file in files)
            same = first == second and files[0].read_bytes() == files[1].read_bytes()
        return same, f"20 steps twice, {'the same bits' if same else 'DIFFERENT bits'}: loss {first[-1]:.6f}, {second[-1]:.6f}"

    def follows(self, precision):
        mine, wide = self.losses(precision), self.losses("fp32")
        apart = [abs(a - b) / b for a, b in zip(mine, wide)]
        worst = max(apart)
        return worst <= CURVE_TOLERANCE, (f"{self.steps} steps of text, loss {mine[0]:.4f} to {mine[-1]:.4f}, fp32 "
                                          f"{wide[0]:.4f} to {wide[-1]:.4f}, means of {WINDOW} within {worst:.1e}, number {apart.index(worst) + 1}")

    def recovers(self, precision):
        lines = self.train(precision, self.steps, OVERFLOW)
        skipped = [line["step"] for line in lines if line["skipped"]]
        last, wide = means([line["loss"] for line in lines])[-1], self.losses("fp32")[-1]
        apart = abs(last - wide) / wide
        good = 0 < len(skipped) < self.steps // 4 and apart <= OVERFLOW_TOLERANCE
        return good, (f"{len(skipped)} steps overflowed, the scale came down to {lines[-1]['loss_scale']:g}, "
                      f"loss {last:.4f}, fp32 {wide:.4f}")

    def checks(self):
        """(name, function) of each."""
        for precision in self.index["precisions"]:
            yield f"repeated-{precision}", lambda p=precision: self.repeats(p)
            if precision != "fp32":
                yield f"text-{precision}", lambda p=precision: self.follows(p)
            if precision == "fp16":
                yield f"overflow-{precision}", lambda p=precision: self.recovers(p)


def means(losses):
    return [sum(losses[i : i + WINDOW]) / WINDOW for i in range(0, len(losses) - WINDOW + 1, WINDOW)]


def sanitize(folder, case, tool, limit):
    """One model's first steps under a checker."""
    program = shutil.which("compute-sanitizer")
    if not program:
        raise turns.Failed("compute-sanitizer, of the CUDA toolkit, is not in PATH")
    command = [program, "--tool", tool, "--error-exitcode", SANITIZER_FAULT, folder / case / "model.exe", "--replay",
               folder / case / "reference.safetensors", "--steps", 2, "--no-tuning"]
    code, text = turns.run_limited(command, limit)
    if code not in (0, SANITIZER_FAULT):
        return False, turns.last_words(text)
    # A library's own kernels are its own affair, but they are named.
    named = [name for line in text.splitlines() for name in FAULTY.findall(line)]
    own = sorted({name for name in named if OWN.fullmatch(name)})
    others = sorted({name[:60] for name in named if not OWN.fullmatch(name)})
    line = f"{len(own)} kernels of ours are at fault" + (f": {', '.join(own)}" if own else "")
    if others:
        line += f"; {len(named)} hazards in the library's {', '.join(others)}"
    # A fault that names no kernel is nobody else's.
    return not own and (code == 0 or bool(others)), line


def checks(folder, cases, limit):
    """(name, function) of everything that is found out by training; nothing where --build was told so."""
    if not (folder / FOLDER / INDEX).exists():
        return
    training = Training(folder, limit)
    yield from training.checks()
    if training.index["target"] == "cuda":
        for case in CHECKED:
            for tool in TOOLS if case in cases else ():
                yield f"{tool} {case}", lambda c=case, t=tool: sanitize(folder, c, t, limit)
