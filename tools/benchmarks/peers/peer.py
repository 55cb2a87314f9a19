"""What the peers share: their options, the clock of a run, and the report. No framework is imported here."""
import argparse
import json
import os
import pathlib
import struct
import time

from sizes import MODELS

# Set by tools/bench when it starts a peer, to the time of day.
STARTED = "WEFT_BENCH_STARTED"


def seconds_since_start():
    """Seconds since this program was started: a launcher and importing a framework are part of the start. Run alone, since
    the kernel started this process."""
    if STARTED in os.environ:
        return time.time() - float(os.environ[STARTED])
    fields = pathlib.Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()
    uptime = float(pathlib.Path("/proc/uptime").read_text().split()[0])
    return uptime - int(fields[19]) / os.sysconf("SC_CLK_TCK")


def make_parser(description):
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    number = lambda name, default, text: parser.add_argument(name, type=int, default=default, metavar="N", help=text)
    parser.add_argument("--model", required=True, choices=MODELS, metavar="NAME", help=", ".join(MODELS))
    number("--batch", 4, "samples a step, of all ranks together")
    number("--seq", 1024, "tokens of a sample")
    number("--steps", 20, "steps that are timed")
    number("--warmup", 3, "steps before those, the first of which compiles")
    parser.add_argument("--lr", type=float, default=3e-4, metavar="F", help="learning rate")
    parser.add_argument("--clip", type=float, default=1.0, metavar="F", help="largest norm of the gradient; 0: any")
    parser.add_argument("--states", choices=["fp32", "bf16"], default="fp32",
                        help="fp32: bf16 compute with fp32 master weights and moments; bf16: weights and moments bf16")
    parser.add_argument("--precision", choices=["bf16", "fp32"], default="bf16", help="of the computation")
    parser.add_argument("--device", choices=["gpu", "cpu"], default="gpu", help="where it runs")
    parser.add_argument("--tokens", metavar="FILE", help="a token file, taken in order, instead of random tokens")
    parser.add_argument("--weights", metavar="FILE", help="a safetensors file of initial values, Hugging Face's names")
    parser.add_argument("--json", action="store_true", help="print one line of JSON instead of text")
    return parser


def read_tokens(path, count):
    """The first `count` ids of a token file (docs/runtime.md), repeated if it has fewer."""
    raw = pathlib.Path(path).read_bytes()
    magic, _, width, number, _ = struct.unpack("<8sIIQQ", raw[:32])
    if magic != b"WEFTTOK1":
        raise SystemExit(f"{path} is not a token file")
    ids = struct.unpack(f"<{number}{ {1: 'B', 2: 'H', 4: 'I'}[width] }", raw[32:])
    return [ids[i % number] for i in range(count)]


def read_safetensors(path):
    """Name to (dtype, shape, bytes) of every tensor."""
    raw = pathlib.Path(path).read_bytes()
    (size,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + size])
    header.pop("__metadata__", None)
    body = memoryview(raw)[8 + size :]
    return {name: (entry["dtype"], entry["shape"], body[slice(*entry["data_offsets"])])
            for name, entry in header.items()}


def check_parameters(sizes, count):
    """The peer trains what Weft trains, to the last parameter."""
    if count != sizes.parameters:
        raise SystemExit(f"this peer's model has {count} parameters, not {sizes.parameters}")


def report(args, facts):
    """Prints the result of a run."""
    if args.json:
        print(json.dumps(facts), flush=True)
        return
    times = sorted(facts["ms"])
    print(f"{facts['name']}: {args.model}, {facts['parameters']:,} parameters, batch {args.batch}, {args.seq} tokens")
    print(f"step {times[len(times) // 2]:.2f} ms ({times[0]:.2f} to {times[-1]:.2f}); first step done after "
          f"{facts['first_step_s']:.1f} s, {facts['compile_s']:.1f} s of them compiling; "
          f"peak {facts['peak_bytes'] / 2**30:.2f} GiB; loss {facts['losses'][0]:.4f} to {facts['losses'][-1]:.4f}")
