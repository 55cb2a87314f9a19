#!/usr/bin/env python3
"""GPT-2 and Llama in PyTorch on one GPU or several: torch.compile in its default mode, scaled dot product attention, fused
AdamW. Computation in bf16 with fp32 parameters and moments by autocast (FSDP2: by its mixed precision policy), as training
scripts usually do it; with --states bf16 parameters and moments are bf16.

Several ranks: torchrun --nproc-per-node N torch_peer.py --parallel ddp|zero1|fsdp2|tp ...
"""
import contextlib
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import peer  # noqa: E402
from sizes import MODELS  # noqa: E402

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

import torch_models  # noqa: E402


def parse():
    parser = peer.make_parser(__doc__.splitlines()[0])
    parser.add_argument("--parallel", choices=["none", "ddp", "zero1", "fsdp2", "tp"], default="none",
                        help="how ranks share the work")
    parser.add_argument("--eager", action="store_true", help="without torch.compile")
    parser.add_argument("--activation-budget", type=float, default=1.0, metavar="PART",
                        help="of what the backward pass would read, kept; torch.compile computes the rest again")
    return parser.parse_args()


class Clock:
    """Times of steps by events of the device; on a processor by its own clock."""

    def __init__(self, device):
        self.device, self.marks = device, []

    def mark(self):
        if self.device.type == "cpu":
            self.marks.append(time.perf_counter())
            return
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        self.marks.append(event)

    def milliseconds(self):
        pairs = list(zip(self.marks[::2], self.marks[1::2]))
        if self.device.type == "cpu":
            return [1e3 * (end - begin) for begin, end in pairs]
        torch.cuda.synchronize()
        return [begin.elapsed_time(end) for begin, end in pairs]


def choose_groups(model, sizes, args, device, dtype):
    """How grouped keys are given to attention: the way in which PyTorch takes its quickest library."""
    shape = lambda heads: torch.empty(1, heads, args.seq, sizes.dim // sizes.heads, device=device, dtype=dtype,
                                      requires_grad=True)
    q, k = shape(sizes.heads), shape(sizes.kv_heads)
    expanded = torch_models.attention_choice(q, q, q, False)
    if sizes.heads == sizes.kv_heads:
        return expanded
    try:
        native = torch_models.attention_choice(q, k, k, True)
    except (TypeError, RuntimeError):
        native = "none"
    for block in model.blocks:
        block.self_attn.native_groups = native == expanded
    return expanded if native != expanded else native + ", grouped"


def batches(args, sizes, device, rank, ranks):
    """A few batches of this rank; every step takes the next."""
    rows, count = args.batch // ranks, 4
    if args.tokens:
        ids = torch.tensor(peer.read_tokens(args.tokens, count * args.batch * args.seq + 1))
        x = ids[:-1].view(count, ranks, rows, args.seq)[:, rank]
        y = ids[1:].view(count, ranks, rows, args.seq)[:, rank]
        return [(a.to(device), b.to(device)) for a, b in zip(x, y)]
    generator = torch.Generator().manual_seed(rank)
    ids = torch.randint(sizes.vocab, (count, rows, args.seq + 1), generator=generator)
    return [(part[:, :-1].contiguous().to(device), part[:, 1:].contiguous().to(device)) for part in ids]


def main():
    args = parse()
    sizes = MODELS[args.model]
    rank, ranks = 0, 1
    device = torch.device("cuda" if args.device == "gpu" else "cpu")
    if args.device == "gpu" and not torch.cuda.is_available():
        raise SystemExit("PyTorch sees no GPU here; --device cpu runs on the processor")
    if args.parallel != "none":
        import torch.distributed as dist
        import torch_parallel
        device = torch_parallel.start(args.device)
        rank, ranks = dist.get_rank(), dist.get_world_size()
    data_ranks = 1 if args.parallel == "tp" else ranks
    if args.batch % data_ranks != 0:
        raise SystemExit(f"a batch of {args.batch} does not divide by {data_ranks} ranks")
    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high")

    model = torch_models.make_model(sizes, args.seq, device)
    peer.check_parameters(sizes, sum(p.numel() for p in model.parameters()))
    if args.weights:
        torch_models.load(model, peer.read_safetensors(args.weights))
    narrow = args.precision == "bf16"
    dtype = torch.bfloat16 if narrow else torch.float32
    if args.states == "bf16":
        model.to(torch.bfloat16)
        if sizes.family == "llama":  # tables, whose digits count
            model.cos, model.sin = model.cos.float(), model.sin.float()
    attention = choose_groups(model, sizes, args, device, dtype)

    autocast = contextlib.nullcontext()
    if narrow and args.states == "fp32" and args.parallel != "fsdp2":
        autocast = torch.autocast(device.type, dtype=torch.bfloat16)
    loss_context = contextlib.nullcontext
    compiled = not args.eager
    if args.activation_budget < 1:
        if not compiled:
            raise SystemExit("--activation-budget is torch.compile's")
        from torch._functorch import config as functorch_config
        functorch_config.activation_memory_budget = args.activation_budget

    def loss_of(logits, y):
        return F.cross_entropy(logits.flatten(0, 1).float(), y.flatten())

    def forward(x, y):
        return loss_of(model(x), y)

    if args.parallel == "fsdp2":
        torch_parallel.shard(model, narrow and args.states == "fp32", compiled)
        loss_of = torch.compile(loss_of) if compiled else loss_of
    elif args.parallel == "tp":
        if sizes.family != "llama":
            raise SystemExit("the tensor-parallel peer is written for Llama")
        torch_parallel.tensor_parallel(model, ranks, device, compiled)
        from torch.distributed.tensor.parallel import loss_parallel
        loss_context = loss_parallel
    else:
        if args.parallel in ("ddp", "zero1"):
            model = torch_parallel.replicate(model, device)
        forward = torch.compile(forward) if compiled else forward
    options = dict(lr=args.lr, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
    optimizer = (torch_parallel.zero1(model, **options) if args.parallel == "zero1"
                 else torch.optim.AdamW(model.parameters(), **options))

    def step(x, y):
        optimizer.zero_grad(set_to_none=True)
        with loss_context():
            with autocast:
                loss = forward(x, y)
            loss.backward()
        if args.clip > 0:
            torch.nn.utils.clip_grad_norm_(model.parameters(), args.clip)
        optimizer.step()
        return loss.detach()

    data, clock, losses = batches(args, sizes, device, rank if data_ranks > 1 else 0, data_ranks), Clock(device), []
    begin = time.perf_counter()
    for number in range(args.warmup + args.steps):
        clock.mark()
        losses.append(step(*data[number % len(data)]))
        clock.mark()
        if number == 0:
            losses[0].cpu()
            first_step, first_step_wall = peer.seconds_since_start(), time.perf_counter() - begin
    times = clock.milliseconds()
    values = torch.stack([loss.full_tensor() if hasattr(loss, "full_tensor") else loss for loss in losses]).float()
    if data_ranks > 1:
        values /= ranks
        dist.all_reduce(values)
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated()
    else:
        import resource
        peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if rank == 0:
        counted = times[args.warmup :]
        peer.report(args, {
            "name": f"PyTorch {torch.__version__.split('+')[0]}", "version": torch.__version__, "attention": attention,
            "parallel": args.parallel, "ranks": ranks, "parameters": sizes.parameters, "ms": counted,
            "compile_s": max(0.0, first_step_wall - 1e-3 * sorted(counted)[len(counted) // 2]),
            "first_step_s": first_step, "peak_bytes": peak, "losses": values.tolist()})
    if ranks > 1:
        dist.destroy_process_group()


main()
