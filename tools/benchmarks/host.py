"""`tools/bench --host`: a training step of GPT-2 on the processor, Weft and PyTorch in turn."""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

from common import (EXIT_MISSED, Missing, OtherWork, Steps, check_limit, find_weft, milliseconds, print_table, processor,
                    run, write_random_tokens)

# Limits on Weft's time and memory, as shares of the peer's.
TIME_LIMIT, TIME_STRETCH, MEMORY_LIMIT = 0.6, 0.5, 0.7

HOW_TO_GET_TORCH = "'tools/setup --bench' installs Debian's python3-torch with OpenBLAS"


def parse(arguments):
    parser = argparse.ArgumentParser(prog="tools/bench --host", description=__doc__,
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    number = lambda name, default, text: parser.add_argument(name, type=int, default=default, metavar="N", help=text)
    number("--batch", 4, "samples a step")
    number("--sequence", 256, "tokens of a sample")
    number("--threads", 2, "threads of both systems")
    number("--rounds", 5, "how often each system has its turn")
    number("--steps", 3, "steps that count in a turn")
    number("--layers", 12, "blocks of the model")
    number("--dim", 768, "its width")
    number("--heads", 12, "its heads")
    number("--vocab", 50257, "its token ids")
    parser.add_argument("--peer-python", default="/usr/bin/python3", metavar="PATH",
                        help="interpreter whose torch is the peer; Debian's has python3-torch")
    parser.add_argument("--json", metavar="FILE", help="also write the figures there")
    args = parser.parse_args(arguments)
    if min(args.batch, args.sequence, args.threads, args.rounds, args.steps) < 1:
        parser.error("sizes, rounds, steps and threads are at least 1")
    return args


class Weft:
    """The compiled executable. A turn is a run of its own; its first step is warm-up."""

    def __init__(self, args, folder):
        weft = find_weft()
        self.args, self.folder = args, folder
        model, self.executable = folder / "gpt2.onnx", folder / "train"
        run([weft, "model", "gpt2", "--layers", args.layers, "--dim", args.dim, "--heads", args.heads, "--vocab",
             args.vocab, "--positions", max(1024, args.sequence), "-o", model])
        start = time.monotonic()
        run([weft, "compile", model, "--dim", f"batch={args.batch}", "--dim", f"sequence={args.sequence}", "--init",
             "random:0", "-o", self.executable])
        self.compile_seconds = time.monotonic() - start
        self.manifest = json.loads(run([weft, "inspect", self.executable, "--json"]))
        self.steps = Steps("Weft", [], 0.0, 0)
        self.loss = None

    def turn(self):
        """Returns the milliseconds of the counted steps and the processor time of the whole run."""
        log = self.folder / "log.jsonl"
        command = [self.executable, "--data", self.folder / "tokens", "--steps", self.args.steps + 1, "--threads",
                   self.args.threads, "--log", log, "--quiet"]
        start = time.monotonic()
        process = subprocess.Popen([str(part) for part in command], stderr=subprocess.PIPE, text=True)
        errors = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise Missing(f"the executable failed with exit code {process.returncode}: {errors.strip()}")
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        times = [line["step_ms"] for line in lines]
        self.loss = self.loss or lines[0]["loss"]
        # What is not a step comes before the first one; the end is a few milliseconds.
        self.steps.start_seconds = wall - 1e-3 * sum(times)
        self.steps.peak_bytes = max(self.steps.peak_bytes, usage.ru_maxrss * 1024)
        self.steps.milliseconds += times[1:]
        return times[1:], usage.ru_utime + usage.ru_stime


class Peer:
    """PyTorch in a process that lives through the whole run; its first step is warm-up."""

    def __init__(self, args, folder, environment):
        script = pathlib.Path(__file__).with_name("peer_gpt2.py")
        command = [args.peer_python, script, "--vocabulary", args.vocab, "--positions", max(1024, args.sequence),
                   "--layers", args.layers, "--dim", args.dim, "--heads", args.heads, "--batch", args.batch,
                   "--sequence", args.sequence, "--threads", args.threads, "--tokens", folder / "tokens"]
        threads = str(args.threads)
        variables = dict(os.environ, OMP_NUM_THREADS=threads, OPENBLAS_NUM_THREADS=threads, MKL_NUM_THREADS=threads)
        self.environment = environment
        self.args = args
        start = time.monotonic()
        try:
            self.process = subprocess.Popen([str(part) for part in command], env=dict(variables, **environment),
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                            text=True)
        except OSError as error:
            raise Missing(f"cannot run the peer's interpreter '{args.peer_python}': {error.strerror}")
        self.facts = self.ask("describe")
        self.steps = Steps(f"PyTorch {self.facts['torch']}", [], time.monotonic() - start, 0)
        self.warm_up = self.step()

    def ask(self, command):
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # It ended: its error output says why.
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            errors = self.process.stderr.read().strip().splitlines() or ["it printed nothing"]
            if "No module named" in errors[-1]:
                raise Missing(f"'{self.args.peer_python}' has no PyTorch ({errors[-1]}); {HOW_TO_GET_TORCH}, and "
                              "--peer-python PATH takes another interpreter's")
            raise Missing(f"the peer '{self.args.peer_python}' ended: {errors[-1]}")
        return json.loads(line)

    def step(self):
        answer = self.ask("step")
        self.steps.peak_bytes = max(self.steps.peak_bytes, answer["peak_bytes"])
        return answer

    def turn(self):
        answers = [self.step() for _ in range(self.args.steps)]
        times = [answer["ms"] for answer in answers]
        self.steps.milliseconds += times
        return times, sum(answer["cpu_seconds"] for answer in answers)

    def end(self):
        self.process.kill()
        self.process.communicate()


def start_best_peer(args, folder):
    """The peer under the environment in which its steps are shortest."""
    environments = [{}]
    # Debian's OpenBLAS does not know processors newer than itself: it takes them for a Haswell, at half the speed.
    if processor()[1]:
        environments.append({"OPENBLAS_CORETYPE": "Cooperlake"})
    best = None
    for environment in environments:
        peer = Peer(args, folder, environment)
        if peer.facts["blas"] == "the reference BLAS":
            peer.end()
            raise Missing("PyTorch computes its products with the reference BLAS, which takes minutes a step; "
                          "install libopenblas0-pthread (tools/setup --bench)")
        time_of_step = peer.step()["ms"] if len(environments) > 1 else 0.0
        if best is None or time_of_step < best[0]:
            if best:
                best[1].end()
            best = (time_of_step, peer)
        else:
            peer.end()
    return best[1]


def report(args, weft, peer, others, ratios):
    """Prints the table and the limits; returns the exit code and the figures."""
    flops = weft.manifest["flops_per_step"]
    rows = []
    for steps in (weft.steps, peer.steps):
        seconds = steps.median * 1e-3
        rows.append([steps.name, milliseconds(steps.median), steps.spread, f"{args.batch * args.sequence / seconds:.0f}",
                     f"{flops / seconds * 1e-9:.0f}", f"{steps.peak_bytes / 2**30:.2f}", f"{steps.start_seconds:.1f}"])
    time_ratio = weft.steps.median / peer.steps.median
    memory_ratio = weft.steps.peak_bytes / peer.steps.peak_bytes
    rows.append(["Weft / PyTorch", f"{time_ratio:.2f}", f"{min(ratios):.2f} to {max(ratios):.2f}", "", "",
                 f"{memory_ratio:.2f}", f"{weft.steps.start_seconds / max(peer.steps.start_seconds, 1e-9):.2f}"])
    print()
    print_table(["", "ms/step", "range", "tokens/s", "GFLOP/s", "peak GiB", "start s"], rows)
    print()
    good = check_limit("time of a step", time_ratio, TIME_LIMIT, TIME_STRETCH)
    good &= check_limit("peak memory", memory_ratio, MEMORY_LIMIT)
    if max(others) > 0.05:
        print(f"note: other programs took up to {max(others):.0%} of this machine meanwhile; repeat on an idle one")
    figures = {"time_ratio": time_ratio, "memory_ratio": memory_ratio, "others": max(others), "round_ratios": ratios,
               "peer": dict(peer.facts, environment=peer.environment), "compile_seconds": weft.compile_seconds}
    for name, steps in (("weft", weft.steps), ("pytorch", peer.steps)):
        figures[name] = {"ms": steps.milliseconds, "peak_bytes": steps.peak_bytes, "start_s": steps.start_seconds}
    return (0 if good else EXIT_MISSED), figures


def main(arguments):
    args = parse(arguments)
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as name:
        folder = pathlib.Path(name)
        write_random_tokens(folder / "tokens", 64 * args.batch * args.sequence + 1, args.vocab)
        peer = start_best_peer(args, folder)
        try:
            weft = Weft(args, folder)
            settings = "".join(f" {key}={value}" for key, value in peer.environment.items())
            print(f"{processor()[0]}, {args.threads} threads, f32, AdamW, gradients clipped")
            print(f"GPT-2 of {args.layers} layers, width {args.dim}, vocabulary {args.vocab}; batch {args.batch}, "
                  f"sequence {args.sequence}; {weft.manifest['flops_per_step'] * 1e-9:.0f} GFLOP a step")
            print(f"peer: PyTorch {peer.facts['torch']} with {peer.facts['blas']},"
                  f" {peer.facts['threads']} threads{settings}")
            print(f"compiled in {weft.compile_seconds:.1f} s; {args.rounds} rounds of {args.steps} steps each, in turn")
            others, ratios = [], []
            for round_number in range(args.rounds):
                work = OtherWork()
                ours, own_weft = weft.turn()
                theirs, own_peer = peer.turn()
                others.append(work.share(own_weft + own_peer))
                ratios.append(statistics.median(ours) / statistics.median(theirs))
                print(f"round {round_number + 1}: Weft {milliseconds(statistics.median(ours))} ms, PyTorch "
                      f"{milliseconds(statistics.median(theirs))} ms, {ratios[-1]:.2f}; other programs took {others[-1]:.0%}",
                      flush=True)
            print(f"losses of the first steps: Weft {weft.loss:.3f}, PyTorch {peer.warm_up['loss']:.3f}")
            code, figures = report(args, weft, peer, others, ratios)
        finally:
            peer.end()
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(figures, indent=1) + "\n")
    return code
