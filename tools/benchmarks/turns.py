"""One turn of one system: a program that is started, watched and ended."""
import dataclasses
import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))

from common import milliseconds  # noqa: E402
from device import PeakMemory  # noqa: E402
from peer import STARTED  # noqa: E402


# Lines that say why a program failed: Python's exceptions, also behind a rank's name, and the errors of Weft.
TELLING = re.compile(r"(\[rank\d+\]: ?)?(weft: |bench: )?(error:|[\w.]*(Error|Exception|Exit):)|.*FATAL ERROR")


class Failed(Exception):
    """A turn gave no figures; the text says why."""


@dataclasses.dataclass
class Figures:
    """What turns of one system measured. Memory is in bytes, of the rank that takes most."""

    name: str = ""
    ms: list = dataclasses.field(default_factory=list)
    first_step_s: float = 0.0  # from the program's start until its first step is done
    values_s: float = 0.0  # of it, until parameters and states had their values; Weft's alone
    device_s: float = 0.0  # and until the device could run tasks
    device_parts: dict = dataclasses.field(default_factory=dict)  # what that was spent on
    compile_s: float = 0.0
    peak_bytes: int = 0  # of the system's own allocator: Weft's arena
    process_bytes: int = 0  # of the whole process, by the driver
    losses: list = dataclasses.field(default_factory=list)
    note: str = ""
    error: str = ""

    @property
    def median(self):
        return statistics.median(self.ms)

    @property
    def spread(self):
        return f"{milliseconds(min(self.ms))} to {milliseconds(max(self.ms))}"

    def add(self, turn):
        """Another turn of the same system: its steps count too, start and losses are those of the first."""
        if turn.error:
            self.error = turn.error
            return
        if not self.ms:
            self.name, self.first_step_s, self.compile_s = turn.name, turn.first_step_s, turn.compile_s
            self.values_s, self.device_s, self.device_parts = turn.values_s, turn.device_s, turn.device_parts
            self.losses, self.note = turn.losses, turn.note
        self.ms = self.ms + turn.ms
        self.peak_bytes = max(self.peak_bytes, turn.peak_bytes)
        self.process_bytes = max(self.process_bytes, turn.process_bytes)


def end(process):
    """Ends a program and everything that it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            continue
        if number == signal.SIGTERM:
            continue  # what it started may still be there
    process.wait()


def last_words(text):
    """The line of a failed program's output that says most: an exception or an error, else the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip(" \t=-")]
    telling = [line for line in lines if TELLING.match(line) and "ChildFailedError" not in line]
    return (telling or lines or ["it printed nothing"])[-1][:300]


def run_limited(command, limit, environment=None, look=None):
    """Runs a program and whatever it starts for at most `limit` seconds, and ends all of it then. `look` is called again and
    again meanwhile, with the seconds since the start. Returns its exit code and what it printed."""
    with tempfile.TemporaryFile("w+", errors="replace") as out:
        start = time.monotonic()
        try:
            process = subprocess.Popen([str(part) for part in command], stdout=out, stderr=subprocess.STDOUT,
                                       stdin=subprocess.DEVNULL, start_new_session=True,
                                       env=dict(os.environ, **(environment or {})))
        except OSError as error:
            raise Failed(f"cannot run '{command[0]}': {error.strerror}")
        try:
            while process.poll() is None:
                elapsed = time.monotonic() - start
                if elapsed > limit:
                    raise Failed(f"not done after {limit:.0f} s")
                if look:
                    look(elapsed)
                time.sleep(0.01 if elapsed < 10 else 0.05)
            if look:  # what a short program did since
                look(time.monotonic() - start)
        finally:
            if process.poll() is None:
                end(process)
        out.seek(0)
        return process.returncode, out.read()


def watch(command, gpus, limit, environment=None, look=None):
    """Runs a program that must succeed. Returns what it printed and the most memory that it took of a GPU."""
    memory = PeakMemory(gpus)

    def look_at_both(elapsed):
        memory.look()
        if look:
            look(elapsed)

    code, text = run_limited(command, limit, environment, look_at_both)
    if code != 0:
        how = f"exit code {code}" if code > 0 else f"signal {-code}"
        raise Failed(f"{how}: {last_words(text)}")
    return text, memory.peak


class FirstLine:
    """Notices when a log has its first line."""

    def __init__(self, path):
        self.path, self.seconds = path, None

    def __call__(self, elapsed):
        if self.seconds is None and self.path.exists() and self.path.stat().st_size > 0:
            self.seconds = elapsed


def save_values(executable, path, folder, gpus, limit):
    """Writes an executable's initial values."""
    watch([executable, "--data", folder / "tokens", "--steps", 0, "--save", path, "--quiet"], gpus, limit)


def weft_turn(executable, manifest, args, folder, gpus, limit, options=()):
    """A run of a compiled executable; `options` are more of its own."""
    log = folder / "log.jsonl"
    log.unlink(missing_ok=True)
    command = [executable, "--data", folder / "tokens", "--steps", args.warmup + args.steps, "--lr", args.lr, "--clip",
               args.clip, "--log", log, "--quiet", *options]
    ranks = ranks_of(manifest)
    if ranks > 1:
        command += ["--nproc", ranks]
    first = FirstLine(log)
    _, process_bytes = watch(command, gpus, limit, look=first)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    lines = [line for line in lines if "step_ms" in line]
    if len(lines) != args.warmup + args.steps:
        raise Failed(f"{len(lines)} steps are in its log, not {args.warmup + args.steps}")
    return Figures(name="Weft", ms=[line["step_ms"] for line in lines][args.warmup :], first_step_s=first.seconds or 0.0,
                   values_s=lines[0]["values_s"], device_s=lines[0]["device_s"],
                   device_parts=lines[0].get("device_parts", {}), peak_bytes=manifest["arena_bytes"], process_bytes=process_bytes,
                   losses=[line["loss"] for line in lines])


def ranks_of(manifest):
    """How many processes an executable is for."""
    product = 1
    for axis in manifest.get("mesh", {}).get("axes", []):
        product *= axis["size"]
    return product


def peer_turn(peer, work, args, ranks, gpus, limit, folder, more=()):
    """A run of a peer; `more` are options of its own. What it compiles is kept for its next turn, in `folder`."""
    program = args.peer_folder / ("jax_peer.py" if peer == "jax" else "torch_peer.py")
    options = ["--model", work.model, "--batch", work.batch, "--seq", work.sequence, "--steps", args.steps, "--warmup",
               args.warmup, "--lr", args.lr, "--clip", args.clip, "--states", work.states, "--json", *more]
    if args.target == "host":
        options += ["--device", "cpu", "--precision", "fp32"] + (["--eager"] if peer != "jax" else [])
    if peer not in ("torch", "jax"):
        options += ["--parallel", peer]
    command = [args.peer_python, program] + options
    if ranks > 1:
        command = [args.peer_python, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", ranks, program]
        command += options
    environment = {STARTED: repr(time.time()), "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"), "TRITON_CACHE_DIR": str(folder / "triton")}
    if args.target == "host" and ranks > 1:
        environment["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // ranks))
    text, process_bytes = watch(command, gpus, limit, environment)
    try:
        facts = json.loads([line for line in text.splitlines() if line.startswith("{")][-1])
        figures = Figures(name=facts["name"], ms=facts["ms"], first_step_s=facts["first_step_s"],
                          compile_s=facts["compile_s"], peak_bytes=facts["peak_bytes"], process_bytes=process_bytes,
                          losses=facts["losses"])
        figures.note = f"attention {facts['attention']}"
        if facts["parallel"] != "none":
            figures.name += f" {facts['parallel']}"
        parameters = facts["parameters"]
    except (IndexError, KeyError, ValueError) as error:
        raise Failed(f"its result cannot be read: {type(error).__name__} {error}")
    if parameters != work.sizes.parameters:
        raise Failed(f"it trained {parameters} parameters, not {work.sizes.parameters}")
    return figures
