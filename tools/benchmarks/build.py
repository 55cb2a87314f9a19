"""Makes the executables that are measured, into a folder or an archive that can be carried to another machine."""
import json
import time

from carry import portable, strip, writable
from common import Missing, find_weft, run

MODES = {"fast": ["--fast"], "deterministic": []}


def takes(weft, option):
    return option in run([weft, "compile", "--help"])


def compile_mode(weft, work, mode, args, folder):
    """One executable. Returns what is known of it; a fault is text."""
    if any(not takes(weft, option) for option in MODES[mode]):
        return {"error": f"this compiler has no {' '.join(MODES[mode])}"}
    model, executable = folder / f"{work.name}.onnx", folder / f"{work.name}.{mode}"
    precision = [] if args.target == "host" else ["--precision", "bf16"]
    if work.states == "bf16":
        precision += ["--states", "bf16"]
    start = time.monotonic()
    try:
        run([weft, "model", *work.sizes.weft_options(work.sequence), "-o", model])
        run([weft, "compile", model, "--target", args.target, "--dim", f"batch={work.batch}", "--dim",
             f"sequence={work.sequence}", "--init", "random:0", *precision, *work.options, *MODES[mode],
             *(portable(args.target, args.compile_option) if args.build else args.compile_option), "-o", executable])
        seconds = time.monotonic() - start
        manifest = json.loads(run([weft, "inspect", executable, "--json"]))
    except Missing as fault:
        return {"error": str(fault).splitlines()[-1]}
    strip(executable)
    return {"executable": executable.name, "compile_s": seconds, "manifest": manifest}


def build(works, args, place):
    """Compiles every mode of every workload. Returns whether all could be."""
    weft = find_weft()
    good = True
    with writable(place) as folder:
        index = {"target": args.target, "ranks": args.ranks, "executables": {}}
        for work in works:
            for mode in args.modes:
                made = compile_mode(weft, work, mode, args, folder)
                index["executables"][f"{work.name}.{mode}"] = made
                if "error" in made:
                    good = False
                    print(f"{work.name}, {mode}: {made['error']}", flush=True)
                else:
                    size = (folder / made["executable"]).stat().st_size
                    print(f"{work.name}, {mode}: compiled in {made['compile_s']:.1f} s, {size / 2**20:.1f} MiB",
                          flush=True)
        for model in folder.glob("*.onnx"):
            model.unlink()
        (folder / "build.json").write_text(json.dumps(index))
    return good


def read_index(folder, args):
    """What --build wrote."""
    try:
        index = json.loads((folder / "build.json").read_text())
    except (OSError, ValueError) as error:
        raise Missing(f"'{folder}' is not what --build makes: {error}")
    if (index["target"], index["ranks"]) != (args.target, args.ranks):
        raise Missing(f"what is in '{folder}' was compiled for {index['target']} and {index['ranks']} ranks, not for "
                      f"{args.target} and {args.ranks}")
    return index["executables"]
