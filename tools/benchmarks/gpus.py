"""`tools/bench --gpu` and `--gpus N`: training steps on GPUs, Weft and its peers in turn."""
import argparse
import contextlib
import json
import pathlib
import signal
import sys
import tempfile
import time

import build
import carry
import curves
import limits
import scaling
import turns
import volumes
from common import EXIT_MISSED, Missing, milliseconds, print_table, write_random_tokens
from device import Gpus
from workloads import PEAK_FLOPS, scaling as scaling_works, workloads

PEERS = ("torch", "jax", "ddp", "zero1", "fsdp2", "tp")


def parse(arguments):
    parser = argparse.ArgumentParser(prog="tools/bench --gpu | --gpus N | --nproc N", description=__doc__,
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    number = lambda name, default, text: parser.add_argument(name, type=int, default=default, metavar="N", help=text)
    parser.add_argument("--ranks", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--target", choices=["cuda", "host"], default="cuda",
                        help="host: small sizes on processors, without limits on time")
    parser.add_argument("--models", metavar="NAME,...", help="workloads by name (default: all)")
    parser.add_argument("--peers", metavar="NAME,...",
                        help=f"of {', '.join(PEERS)}; 'none' (default: those of each workload)")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--deterministic", action="store_true", help="Weft's deterministic mode only, without --fast")
    mode.add_argument("--fast", action="store_true", help="Weft's mode with --fast only")
    number("--rounds", 1, "how often each system has its turn")
    number("--steps", 20, "steps that count in a turn")
    number("--warmup", 3, "steps before those")
    parser.add_argument("--curves", action="store_true",
                        help="compare losses with PyTorch's on the same tokens from the same values instead of times")
    parser.add_argument("--scaling", action="store_true",
                        help="correctness over the layouts of ranks, and the same work a rank on 1, 2, 4, ... of them")
    parser.add_argument("--lr", type=float, default=3e-4, metavar="F", help="learning rate of all")
    parser.add_argument("--clip", type=float, default=1.0, metavar="F", help="largest norm of the gradient; 0: any")
    number("--time-limit", 570, "seconds for everything; what is left out then is named")
    number("--turn-limit", 150, "seconds for one turn")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--build", type=pathlib.Path, metavar="DIR",
                       help="only compile, into DIR or DIR.tar.xz, which is carried to the machine with GPUs")
    place.add_argument("--prebuilt", type=pathlib.Path, metavar="DIR", help="measure what --build made")
    parser.add_argument("--compile-option", action="append", default=[], metavar="OPTION",
                        help="another option of weft compile; may be repeated")
    parser.add_argument("--peer-python", default=sys.executable, metavar="PATH", help="interpreter of the peers")
    parser.add_argument("--peer-folder", type=pathlib.Path, default=pathlib.Path(__file__).with_name("peers"),
                        help=argparse.SUPPRESS)
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="also write the figures there, after each turn")
    args = parser.parse_args(arguments)
    if min(args.rounds, args.steps, args.warmup, args.ranks, args.time_limit, args.turn_limit) < 1:
        parser.error("ranks, rounds, steps, warm-up steps and limits are at least 1")
    args.modes = ["deterministic"] if args.deterministic else ["fast"] if args.fast else ["fast", "deterministic"]
    # On processors everything is deterministic.
    if args.target == "host":
        args.modes = ["deterministic"]
    args.works = choose(parser, "--models", args.models, {work.name: work for work in (scaling_works if args.scaling else workloads)(args.target, args.ranks)})
    if args.peers == "none":
        args.chosen_peers = ()
    elif args.peers:
        args.chosen_peers = choose(parser, "--peers", args.peers, {name: name for name in PEERS})
    else:
        args.chosen_peers = None
    return args


def choose(parser, option, text, known):
    """The entries that a list of names asks for, in its order."""
    if text is None:
        return list(known.values())
    names = text.split(",")
    for name in names:
        if name not in known:
            parser.error(f"{option}: there is no '{name}', only {', '.join(known)}")
    return [known[name] for name in names]


def keep_built(args, index):
    """Of an archive that was made for some models only, those. One that is asked for and is not there is a fault."""
    built = [work for work in args.works if any(f"{work.name}.{mode}" in index for mode in args.modes)]
    wanted = args.works if args.models else built
    if not wanted:
        raise Missing(f"'{args.prebuilt}' has none of these models in this mode; it has {', '.join(index)}")
    for work, mode in ((work, mode) for work in wanted for mode in args.modes):
        if f"{work.name}.{mode}" not in index:
            raise Missing(f"'{args.prebuilt}' was made without {work.name}, {mode}; it has {', '.join(index)} "
                          "(--models, --fast and --deterministic choose)")
    args.works = wanted


def systems(work, args):
    """The order of turns: Weft and its best-known peer next to each other."""
    peers = list(work.peers if args.chosen_peers is None else args.chosen_peers)
    mine = [f"weft.{mode}" for mode in args.modes]
    return mine[:1] + peers[:1] + mine[1:] + peers[1:]


class Bench:
    """All figures so far, by workload and system."""

    def __init__(self, args, folder, executables, index, gpus):
        self.args, self.folder, self.executables, self.index, self.gpus = args, folder, executables, index, gpus
        self.figures = {work.name: {} for work in args.works}
        self.left_out = []
        self.deadline = time.monotonic() + args.time_limit

    def turn(self, work, system):
        limit = min(self.args.turn_limit, self.deadline - time.monotonic())
        if not system.startswith("weft."):
            ranks = (work.ranks or self.args.ranks) if system not in ("torch", "jax") else 1
            return turns.peer_turn(system, work, self.args, ranks, self.gpus, limit, self.folder)
        made = self.index[f"{work.name}.{system[5:]}"]
        if "error" in made:
            raise turns.Failed(made["error"])
        figures = turns.weft_turn(self.executables / made["executable"], made["manifest"], self.args, self.folder,
                                  self.gpus, limit)
        figures.name = "Weft --fast" if system == "weft.fast" else "Weft"
        figures.compile_s = made["compile_s"]
        return figures

    def run(self):
        for number in range(self.args.rounds):
            for work in self.args.works:
                write_random_tokens(self.folder / "tokens", 8 * work.tokens + 1, work.sizes.vocab)
                for system in systems(work, self.args):
                    self.measure(number, work, system)

    def measure(self, number, work, system):
        mine = self.figures[work.name].setdefault(system, turns.Figures(name=system))
        if mine.error:
            return  # It would fail again.
        if self.deadline - time.monotonic() < 5:
            self.left_out.append(f"{work.name} {system}")
            return
        try:
            turn = self.turn(work, system)
        except turns.Failed as fault:
            turn = turns.Figures(error=str(fault))
        mine.add(turn)
        what = turn.error or f"{milliseconds(turn.median)} ms ({turn.spread}), loss {turn.losses[0]:.4f} to " \
                             f"{turn.losses[-1]:.4f}"
        print(f"round {number + 1}, {work.name}, {turn.name or system}: {what}", flush=True)
        self.write()

    def write(self):
        if not self.args.json:
            return
        facts = {name: {system: vars(figures) for system, figures in of.items()} for name, of in self.figures.items()}
        temporary = self.args.json.with_name(self.args.json.name + ".part")
        temporary.write_text(json.dumps(facts, indent=1) + "\n")
        temporary.replace(self.args.json)

    def best_peer(self, work):
        peers = [f for system, f in self.figures[work.name].items() if not system.startswith("weft.") and f.ms]
        return min(peers, key=lambda figures: figures.median, default=None)

    def print_workload(self, work):
        best = self.best_peer(work)
        sizes, host = work.sizes, self.args.target == "host"
        how = " ".join(work.options) or "one rank"
        print(f"\n{work.name}: {sizes.parameters:,} parameters, batch {work.batch}, sequence {work.sequence}, "
              f"{'fp32' if host else 'bf16'}, {work.states} states, {how}")
        rows = []
        gib = lambda value: f"{value / 2**30:.2f}" if value else "-"
        for f in self.figures[work.name].values():
            if not f.ms:
                rows.append([f.name] + ["-"] * 9)
                continue
            rate = work.tokens / f.median * 1e3
            mfu = sizes.flops_per_token(work.sequence) * rate / PEAK_FLOPS / (work.ranks or self.args.ranks)
            rows.append([f.name, milliseconds(f.median), f.spread, f"{rate:.0f}", "-" if host else f"{100 * mfu:.1f}",
                         gib(f.peak_bytes), gib(f.process_bytes), f"{f.first_step_s:.1f}", f"{f.compile_s:.1f}",
                         f"{f.median / best.median:.3f}" if best else "-"])
        print_table(["", "ms/step", "range", "tokens/s", "MFU %", "own GiB", "process GiB", "first step s", "compile s",
                     "of best peer"], rows)
        for f in self.figures[work.name].values():
            if f.error:
                print(f"{f.name}: {f.error}")
            elif f.note:
                print(f"{f.name}: {f.note}")

    def manifest(self, work):
        for mode in self.args.modes:
            made = self.index.get(f"{work.name}.{mode}", {})
            if "manifest" in made:
                return made["manifest"]
        return None

    def print_volumes(self, work):
        """What ranks send beside theory. Returns the verdicts, none for one rank."""
        manifest = self.manifest(work)
        if not manifest or "mesh" not in manifest:
            return []
        print(f"\n{work.name}: what ranks send")
        print_table(volumes.HEAD, volumes.rows(manifest))
        other = volumes.differing(manifest)
        named = ", ".join(f"{kind} over {axes}" for kind, axes in other)
        return [limits.Verdict(f"{work.name}: bytes sent are those of theory: " + (f"MISSED in {named}" if other else "met"),
                               not other)]

    def report(self):
        """Prints tables and limits; returns the exit code."""
        judged = []
        for work in self.args.works:
            if not self.figures[work.name]:
                continue
            self.print_workload(work)
            judged += limits.judge(work, self.figures[work.name], self.best_peer(work), self.manifest(work), self.args)
        for work in self.args.works:
            judged += self.print_volumes(work)
        print()
        if self.args.scaling:
            judged += scaling.judge(self)
        for verdict in judged:
            print(verdict)
        if self.left_out:
            print(f"no time was left for: {', '.join(self.left_out)}")
        if any(verdict.missed for verdict in judged):
            return EXIT_MISSED
        lacking = any(verdict.open for verdict in judged) or self.left_out
        return 1 if lacking else 0


def interrupt(number, frame):
    raise KeyboardInterrupt


def main(arguments):
    args = parse(arguments)
    if args.scaling and args.ranks < 2:
        raise Missing("--scaling compares numbers of ranks: give --gpus or --nproc 2 or more")
    if args.build:
        return 0 if (scaling.build if args.scaling else build.build)(args.works, args, args.build) else 1
    gpus = Gpus()
    if args.target == "cuda" and len(gpus) < args.ranks:
        raise Missing(f"this machine has {len(gpus)} GPUs, {args.ranks} are asked for; --build DIR compiles without any, "
                      "--target=host measures small sizes on processors")
    signal.signal(signal.SIGTERM, interrupt)
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="weft-bench-")))
        if args.prebuilt:
            executables = stack.enter_context(carry.readable(args.prebuilt))
        else:
            executables = folder / "build"
            (scaling.build if args.scaling else build.build)(args.works, args, executables)
        index = build.read_index(executables, args)
        if args.scaling:
            scaling.require(executables)
        keep_built(args, index)
        if args.curves:
            return curves.main(args, folder, executables, index, gpus)
        bench = Bench(args, folder, executables, index, gpus)
        print(f"{gpus.name() if args.target == 'cuda' else 'processors'}, {args.ranks} rank"
              f"{'s' if args.ranks > 1 else ''}; {args.rounds} round{'s' if args.rounds > 1 else ''} of {args.steps} steps "
              f"after {args.warmup}, gradients clipped at {args.clip:g}", flush=True)
        right = scaling.correctness(bench) if args.scaling else True
        try:
            bench.run()
        except KeyboardInterrupt:
            bench.report()
            print("interrupted: these are the figures so far")
            return 130
        code = bench.report()
        return code if right else EXIT_MISSED
