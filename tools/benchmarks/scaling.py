"""`tools/bench --gpus N --scaling`: whether N ranks compute what one computes, and how much more they do in the same time."""
import pathlib
import subprocess

import build as programs
from carry import writable
from common import Missing, milliseconds, print_table
from limits import Verdict
from workloads import SCALING_LIMIT

VERIFY = pathlib.Path(__file__).resolve().parent.parent / "verify-gpu"
# One of each family, in full precision: bf16 is tools/verify-gpu's own affair.
MODELS, PRECISION = "gpt2.opset18,llama.opset18", "fp32"
FOLDER = "verify"


def build(works, args, place):
    """Compiles what is measured and what is verified. Returns whether all could be."""
    with writable(place) as folder:
        good = programs.build(works, args, folder)
        verify = [VERIFY, "--ranks", str(args.ranks), "--target", args.target, "--models", MODELS, "--precisions", PRECISION]
        return subprocess.run([*verify, "--build", folder / FOLDER], check=False).returncode == 0 and good


def require(executables):
    """A fault if what is measured was not made with --scaling."""
    if not (executables / FOLDER).is_dir():
        raise Missing(f"'{executables}' was made without --scaling")


def correctness(bench):
    """Every layout of the ranks against PyTorch's values; a line for each. Returns whether all are within their bounds."""
    folder = bench.executables / FOLDER
    print(f"correctness on {bench.args.ranks} ranks, {PRECISION}, against PyTorch's values", flush=True)
    return subprocess.run([VERIFY, "--run", folder], check=False).returncode == 0


def curves(bench):
    """Workloads that differ in their ranks alone, by name, fewest ranks first."""
    found = {}
    for work in bench.args.works:
        found.setdefault(work.name.rsplit("-", 1)[0], []).append(work)
    return {name: works for name, works in found.items() if len(works) > 1}


def quickest(bench, work):
    return min((f for system, f in bench.figures[work.name].items() if system.startswith("weft.") and f.ms),
               key=lambda figures: figures.median, default=None)


def judge(bench):
    """Prints the table of each curve; the verdict is of its last row. On processors, which ranks share, there is none."""
    verdicts = []
    for name, works in curves(bench).items():
        rows, first, last = [], None, None
        for work in works:
            figures = quickest(bench, work)
            if figures is None:
                rows.append([str(work.ranks)] + ["-"] * 4)
                continue
            rate = work.tokens / figures.median * 1e3
            share = rate / work.ranks
            first = first if first else share if work.ranks == 1 else None
            last = (work.ranks, share / first) if first else None
            manifest = bench.index.get(f"{work.name}.{bench.args.modes[0]}", {}).get("manifest", {})
            predicted, measured = manifest.get("memory", {}).get("process", 0), figures.process_bytes
            rows.append([str(work.ranks), milliseconds(figures.median), f"{rate:.0f}", f"{last[1]:.3f}" if last else "-",
                         f"{predicted / 2**30:.2f} / {measured / 2**30:.2f}" if predicted and measured else "-"])
        print(f"\n{name}: the same work a rank")
        print_table(["ranks", "ms/step", "tokens/s", "of N times one", "process GiB, predicted / measured"], rows)
        if bench.args.target == "host":
            continue
        if not last or last[0] != bench.args.ranks:
            verdicts.append(Verdict(f"{name}: one rank or {bench.args.ranks} have no figures, scaling is not judged"))
        else:
            good = last[1] >= SCALING_LIMIT
            verdicts.append(Verdict(f"{name}: {last[0]} ranks do {last[1]:.3f} of {last[0]} times one's, at least {SCALING_LIMIT}: "
                                    + ("met" if good else "MISSED"), good))
    print()
    return verdicts
