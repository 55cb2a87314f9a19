#!/usr/bin/env python3
"""Llama in PyTorch on one GPU that its training state does not fit on: fp32 masters and moments in host memory, AdamW on the
host's processors by PyTorch's own fused implementation, in one of two ways.

  hooks  parameters in bf16 on the GPU; a gradient goes to pinned memory as soon as it is there, a thread updates the
         master, and the new parameter goes back, all while the backward pass runs (what torchao's CPUOffloadOptimizer
         does for parameters of one type)
  fsdp2  fully_shard with CPUOffloadPolicy: fp32 parameters in pinned memory, gathered by block in bf16. PyTorch pins
         each parameter and gradient in the next power of two of bytes; where that does not fit, --pin register

With --recompute each block is checkpointed.
"""
import contextlib
import os
import pathlib
import queue
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
# Huge pages for PyTorch's host tensors: it starts sooner, and its update reads and writes them faster.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

import peer  # noqa: E402
from sizes import MODELS  # noqa: E402

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402

import torch_models  # noqa: E402


def parse():
    parser = peer.make_parser(__doc__.splitlines()[0])
    parser.add_argument("--how", choices=["hooks", "fsdp2"], default="hooks", help="who moves what")
    parser.add_argument("--recompute", action="store_true", help="compute each block again in the backward pass")
    parser.add_argument("--eager", action="store_true", help="without torch.compile")
    parser.add_argument("--pin", choices=["policy", "register", "none"], default="policy",
                        help="fsdp2: parameters and gradients by PyTorch's allocator of pinned memory; parameters alone, "
                             "with as many bytes as they have; nothing")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), metavar="N", help="of the update")
    return parser.parse_args()


def fill(model):
    """Random values, quickly: a million of them, again and again; norms stay ones."""
    values = 0.02 * torch.randn(1 << 20)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() < 2:
                parameter.fill_(1)
                continue
            flat = parameter.view(-1)
            part = values.to(flat.device, flat.dtype)
            for begin in range(0, flat.numel(), part.numel()):
                flat[begin : begin + part.numel()].copy_(part[: flat.numel() - begin])


def on(stream):
    return torch.cuda.stream(stream) if stream else contextlib.nullcontext()


def pin(tensor):
    """The tensor's memory, where it is."""
    if int(torch.cuda.cudart().cudaHostRegister(tensor.data_ptr(), tensor.nbytes, 0)) != 0:
        raise SystemExit(f"{tensor.nbytes} bytes of host memory cannot be pinned")


class HostAdamW:
    """AdamW on the host beside the backward pass: each parameter when its gradient is there."""

    def __init__(self, parameters, threads, on_gpu, **options):
        self.down, self.up = (torch.cuda.Stream(), torch.cuda.Stream()) if on_gpu else (None, None)
        self.arrived, self.states = queue.Queue(), {}
        parameters = list(parameters)
        self.scratch = torch.empty(max(p.numel() for p in parameters))
        # One buffer: PyTorch's own pinned memory rounds each tensor up to a power of two, which does not fit.
        pinned = torch.empty(sum(p.numel() for p in parameters), dtype=parameters[0].dtype)
        if on_gpu:
            pin(pinned)
        for p in parameters:
            buffer, pinned = pinned[: p.numel()].view(p.shape), pinned[p.numel() :]
            master = torch.empty(p.shape, dtype=torch.float32).copy_(buffer.copy_(p.detach()))
            self.states[p] = (master, torch.optim.AdamW([master], fused=True, **options), buffer)
            p.register_post_accumulate_grad_hook(self.gradient)
        self.fault = None
        threading.Thread(target=self.work, args=(threads,), daemon=True).start()

    def gradient(self, p):
        there, done = self.states[p][2], None
        if self.down:
            self.down.wait_stream(torch.cuda.current_stream())
            p.grad.record_stream(self.down)
        with on(self.down):
            there.copy_(p.grad, non_blocking=True)
            if self.down:
                done = torch.cuda.Event()
                done.record()
        p.grad = None
        self.arrived.put((p, done))

    def work(self, threads):
        torch.set_num_threads(threads)
        while True:
            p, done = self.arrived.get()
            try:
                if done:
                    done.synchronize()
                master, optimizer, buffer = self.states[p]
                master.grad = self.scratch[: p.numel()].view(p.shape).copy_(buffer)
                optimizer.step()
                buffer.copy_(master)  # the gradient is used up
                with on(self.up), torch.no_grad():
                    p.copy_(buffer, non_blocking=True)
            except Exception as fault:  # reported by step()
                self.fault = fault
            self.arrived.task_done()

    def step(self):
        self.arrived.join()
        if self.up:
            self.up.synchronize()
        if self.fault:
            raise self.fault


def checkpointed(block):
    """The block, computed again in the backward pass."""
    from torch.utils.checkpoint import checkpoint
    inner = block.forward
    block.forward = lambda *inputs: checkpoint(inner, *inputs, use_reentrant=False)


def build(args, sizes, device):
    """The model, and a function that ends a step once its gradients are there."""
    options = dict(lr=args.lr, betas=(0.9, 0.95), weight_decay=0.1)
    hooks = args.how == "hooks"
    with torch.device("meta"):
        model = torch_models.Llama(sizes, args.seq)
    tables = [t.to(device) for t in rotary(sizes, args.seq)]
    model.cos = model.sin = None
    if hooks:
        model.to(torch.bfloat16)
    model.to_empty(device=device if hooks else "cpu")
    model.cos, model.sin = tables
    fill(model)
    for block in model.blocks:
        if args.recompute:
            checkpointed(block)
        if not args.eager:
            block.compile()
    if hooks:
        optimizer = HostAdamW(model.parameters(), args.threads, device.type == "cuda", **options)
        return model, optimizer.step
    from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, fully_shard
    more = {"mp_policy": MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.bfloat16,
                                              cast_forward_inputs=False),
            "offload_policy": CPUOffloadPolicy(pin_memory=args.pin == "policy")}
    for block in model.blocks:
        fully_shard(block, reshard_after_forward=True, **more)
    fully_shard(model, reshard_after_forward=True, **more)
    if args.pin == "register":
        for parameter in model.parameters():
            if parameter.dim() > 1:  # norms share pages
                pin(parameter.to_local())
    torch.set_num_threads(args.threads)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True, **options)

    def finish():
        if device.type == "cuda":
            torch.cuda.synchronize()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return model, finish


def rotary(sizes, length):
    """The tables that the model makes where it is not made on `meta`."""
    head = sizes.dim // sizes.heads
    angles = torch.outer(torch.arange(length).float(), 1e4 ** (-torch.arange(0, head, 2).float() / head))
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def main():
    args = parse()
    sizes = MODELS[args.model]
    if sizes.family != "llama":
        raise SystemExit("this peer is written for Llama")
    if args.device == "gpu" and not torch.cuda.is_available():
        raise SystemExit("PyTorch sees no GPU here; --device cpu runs on the processor")
    device = torch.device("cuda", 0) if args.device == "gpu" else torch.device("cpu")
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    if args.how == "fsdp2":
        for name, value in (("RANK", "0"), ("WORLD_SIZE", "1"), ("MASTER_ADDR", "localhost"), ("MASTER_PORT", "29511")):
            os.environ.setdefault(name, value)
        import torch.distributed as dist
        dist.init_process_group("cpu:gloo,cuda:nccl" if args.device == "gpu" else "gloo")
    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high")
    model, finish = build(args, sizes, device)
    peer.check_parameters(sizes, sum(p.numel() for p in model.parameters()))

    def loss_of(logits, y):
        return F.cross_entropy(logits.flatten(0, 1).float(), y.flatten())

    loss_of = loss_of if args.eager else torch.compile(loss_of)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(sizes.vocab, (4, args.batch, args.seq + 1), generator=generator)
    times, losses = [], []
    for number in range(args.warmup + args.steps):
        x, y = (part[number % 4].to(device) for part in (ids[..., :-1], ids[..., 1:]))
        wait()
        begin = time.perf_counter()
        loss = loss_of(model(x), y)
        loss.backward()
        finish()
        wait()
        times.append(1e3 * (time.perf_counter() - begin))
        losses.append(loss.item())
        print(f"step {number + 1}: loss {losses[-1]:.4f}, {times[-1]:.0f} ms", file=sys.stderr, flush=True)
        if number == 0:
            first = peer.seconds_since_start()
    counted = sorted(times[args.warmup :])
    import resource
    peer.report(args, {
        "name": f"PyTorch {torch.__version__.split('+')[0]}, {args.how}{', recompute' if args.recompute else ''}",
        "version": torch.__version__, "attention": "", "parallel": args.how, "ranks": 1,
        "parameters": sizes.parameters, "ms": counted, "compile_s": max(0.0, 1e-3 * (times[0] - counted[0])),
        "first_step_s": first, "peak_bytes": torch.cuda.max_memory_allocated() if device.type == "cuda" else 0,
        "host_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, "losses": losses})


main()
