"""What is measured on GPUs, and the limits: shared by the table of one GPU and that of several."""
import dataclasses
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))

from sizes import MODELS  # noqa: E402

# Of one H200 in bf16, dense: what MFU is measured against.
PEAK_FLOPS = 989.4e12

# Own memory on one GPU over the best peer's.
MEMORY_LIMIT = 0.85
# Weft's deterministic mode against its fast one; seconds from the start until training; predicted memory of the process
# against the measured one: never under, over by at most the larger of the two.
DETERMINISTIC_LIMIT, START_LIMIT, MEMORY_SHARE, MEMORY_BYTES = 1.05, 3.0, 0.02, 256 << 20


@dataclasses.dataclass(frozen=True)
class Workload:
    """A model, its batch and how it is spread. Limits are shares of the best peer's time in the same run."""

    name: str
    model: str
    batch: int  # of all ranks together
    sequence: int
    limit: float
    stretch: float = 0.0
    states: str = "fp32"
    options: tuple = ()  # of weft compile: how ranks share the work, what memory there is
    peers: tuple = ("torch", "jax")
    memory_limit: float = 0.0  # of the best peer's memory; 0: none
    ranks: int = 0  # 0: as many as the run has

    @property
    def sizes(self):
        return MODELS[self.model]

    @property
    def tokens(self):
        return self.batch * self.sequence


def share(must, peer):
    """A limit from two times that were measured in one run."""
    return round(must / peer, 3)


def one_gpu():
    """The most important first. Each limit is what Weft must reach over the best peer's time, measured side by side on one
    H200 (docs/benchmarks.md). Where keeping all that the backward pass reads takes more than the limit of memory, there is
    a budget: the limit of what the peer took when the limits were set, and 0.6 GiB that a process has beside its arena."""
    budget = lambda size: ("--remat", "auto", "--memory", size)
    return [
        Workload("gpt2-124m", "gpt2-124m", 64, 1024, share(108, 121.1), share(102, 121.1), memory_limit=MEMORY_LIMIT),
        Workload("gpt2-1558m", "gpt2-1558m", 16, 1024, share(300, 333.7), share(285, 333.7), memory_limit=MEMORY_LIMIT,
                 options=budget("56.7GiB")),
        Workload("llama-1.1b", "llama-1.1b", 4, 4096, share(200, 221.8), share(188, 221.8), memory_limit=MEMORY_LIMIT,
                 options=budget("31GiB")),
        Workload("llama2-7b-8l", "llama2-7b-8l", 4, 4096, share(285, 312.7), share(272, 312.7), states="bf16",
                 memory_limit=MEMORY_LIMIT, options=budget("24.5GiB")),
    ]


def several_gpus(n):
    """The same for N ranks: with data parallel each rank has the batch of one."""
    data = ("--mesh", f"dp={n}")
    tensor = ("--mesh", f"tp={n}", "--sequence-parallel", "on", "--batch-halves", "on")
    return [
        Workload("gpt2-124m-ddp", "gpt2-124m", 64 * n, 1024, share(111, 126.1), options=data, peers=("ddp",)),
        Workload("llama-1.1b-fsdp", "llama-1.1b", 4 * n, 4096, share(208, 257.3), options=data + ("--zero", "3"),
                 peers=("fsdp2",)),
        Workload("gpt2-1558m-zero1", "gpt2-1558m", 16 * n, 1024, share(310, 348.8), options=data + ("--zero", "1"),
                 peers=("zero1",)),
        Workload("llama-1.1b-tp", "llama-1.1b", 4, 4096, share(108, 130.7), states="bf16", options=tensor,
                 peers=("tp",)),
        Workload("llama2-7b-8l-tp", "llama2-7b-8l", 4, 4096, share(160, 177.9), share(150, 177.9), states="bf16",
                 options=tensor, peers=("tp",)),
        Workload("llama2-7b-fsdp", "llama2-7b", 2 * n, 4096, share(590, 708.7), options=data + ("--zero", "3"),
                 peers=("fsdp2",), memory_limit=share(60, 73.8)),
    ]


def small_tensor_mesh(n):
    """The small model's keys have two heads: what more ranks there are, share its samples."""
    return "tp=2" if n == 2 else f"dp={n // 2},tp=2"


def on_processors(n):
    """Small sizes for processors: whether everything runs, and what is communicated. There are no limits on time."""
    if n == 1:
        return [Workload("gpt2-tiny", "gpt2-tiny", 4, 64, 0.0), Workload("llama-tiny", "llama-tiny", 4, 64, 0.0)]
    data = ("--mesh", f"dp={n}")
    small = ("--persistence-threshold", "0")
    return [
        Workload("gpt2-tiny-ddp", "gpt2-tiny", 4 * n, 64, 0.0, options=data, peers=("ddp",)),
        Workload("gpt2-tiny-zero1", "gpt2-tiny", 4 * n, 64, 0.0, options=data + ("--zero", "1"), peers=("zero1",)),
        Workload("llama-tiny-fsdp", "llama-tiny", 4 * n, 64, 0.0, options=data + ("--zero", "3") + small,
                 peers=("fsdp2",)),
        Workload("llama-tiny-tp", "llama-tiny", 4 * max(n // 2, 1), 64, 0.0, peers=("tp",) if n == 2 else (),
                 options=("--mesh", small_tensor_mesh(n), "--sequence-parallel", "on")),
    ]


# Of tokens a second on N ranks, over N times those on one; and what Weft must reach of FSDP2's time.
SCALING_LIMIT, AHEAD_LIMIT = 0.95, round(1 / 1.15, 3)


def scaling(target, n):
    """Two models with the same batch a rank on 1, 2, 4, ... and n ranks, and one whose tensors n ranks share."""
    gpt, llama, large = ("gpt2-tiny", "llama-tiny", "llama-tiny") if target == "host" else ("gpt2-1558m", "llama2-7b", "llama2-13b")
    samples = {gpt: (4, 64), llama: (4, 64)} if target == "host" else {gpt: (16, 1024), llama: (2, 4096)}
    small = ("--persistence-threshold", "0") if target == "host" else ()
    limit = AHEAD_LIMIT if target == "cuda" else 0.0
    counts = [1 << power for power in range(n.bit_length()) if 1 << power < n] + [n]
    works = []
    for model, name, options in ((gpt, "zero1", ("--zero", "1")), (llama, "fsdp", ("--zero", "3", *small))):
        batch, sequence = samples[model]
        for ranks in counts:
            works.append(Workload(f"{model}-{name}-{ranks}", model, batch * ranks, sequence, limit if ranks == n else 0.0, ranks=ranks,
                                  options=("--mesh", f"dp={ranks}", *options) if ranks > 1 else (),
                                  peers=("fsdp2",) if ranks == n else ()))
    tensor = f"tp={n}" if target == "cuda" else small_tensor_mesh(n)
    works.append(Workload(f"{large}-tp-{n}", large, 4, 64 if target == "host" else 4096, 0.0, states="bf16" if target == "cuda" else "fp32",
                          options=("--mesh", tensor, "--sequence-parallel", "on"), peers=(), ranks=n))
    return works


def workloads(target, ranks):
    if target == "host":
        return on_processors(ranks)
    return one_gpu() if ranks == 1 else several_gpus(ranks)
