"""GPT-2 in PyTorch, written as its users write it, as the peer of `tools/bench`.

A program of its own, so that any interpreter's torch can be measured. It reads commands from standard input, one a
line, and answers each with one line of JSON:

  describe   {"torch", "blas", "threads"}
  step       {"ms", "loss", "peak_bytes", "cpu_seconds"}
"""
import argparse
import inspect
import json
import math
import pathlib
import resource
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.ln_1 = nn.LayerNorm(dim)
        self.c_attn = nn.Linear(dim, 3 * dim)
        self.c_proj = nn.Linear(dim, dim)
        self.ln_2 = nn.LayerNorm(dim)
        self.c_fc = nn.Linear(dim, 4 * dim)
        self.mlp_proj = nn.Linear(4 * dim, dim)

    def attend(self, x, hidden):
        batch, length, dim = x.shape
        shape = (batch, length, self.heads, dim // self.heads)
        q, k, v = (t.view(shape).transpose(1, 2) for t in self.c_attn(x).split(dim, dim=2))
        if hasattr(F, "scaled_dot_product_attention"):
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = (q @ k.transpose(-2, -1)) / math.sqrt(shape[-1])
            y = scores.masked_fill(hidden[:length, :length], float("-inf")).softmax(dim=-1) @ v
        return self.c_proj(y.transpose(1, 2).reshape(batch, length, dim))

    def forward(self, x, hidden):
        x = x + self.attend(self.ln_1(x), hidden)
        return x + self.mlp_proj(F.gelu(self.c_fc(self.ln_2(x)), approximate="tanh"))


class GPT2(nn.Module):
    def __init__(self, vocabulary, positions, layers, dim, heads):
        super().__init__()
        self.wte = nn.Embedding(vocabulary, dim)
        self.wpe = nn.Embedding(positions, dim)
        self.h = nn.ModuleList(Block(dim, heads) for _ in range(layers))
        self.ln_f = nn.LayerNorm(dim)
        self.lm_head = nn.Linear(dim, vocabulary, bias=False)
        self.lm_head.weight = self.wte.weight
        self.register_buffer("hidden", torch.ones(positions, positions, dtype=torch.bool).triu(1), persistent=False)
        self.apply(self.initialise)

    @staticmethod
    def initialise(module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def forward(self, tokens):
        x = self.wte(tokens) + self.wpe.weight[: tokens.shape[1]]
        for block in self.h:
            x = block(x, self.hidden)
        return self.lm_head(self.ln_f(x))


def loaded_blas():
    """The library that computes products, by what is mapped into this process."""
    torch.ones(2, 2) @ torch.ones(2, 2)
    maps = pathlib.Path("/proc/self/maps").read_text()
    for part, name in (("libopenblas", "OpenBLAS"), ("libmkl", "MKL"), ("libblis", "BLIS"),
                       ("libblas.so", "the reference BLAS")):
        if part in maps:
            return name
    return "MKL" if torch.backends.mkl.is_available() else "built in"


def main():
    parser = argparse.ArgumentParser()
    for name in ("vocabulary", "positions", "layers", "dim", "heads", "batch", "sequence", "threads"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--tokens", required=True)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    raw = bytearray(pathlib.Path(args.tokens).read_bytes()[32:])
    tokens = torch.frombuffer(raw, dtype=torch.int32).long()

    model = GPT2(args.vocabulary, args.positions, args.layers, args.dim, args.heads)
    extra = {"fused": True} if "fused" in inspect.signature(torch.optim.AdamW).parameters else {}
    groups = dict(lr=3e-4, betas=(0.9, 0.95), weight_decay=0.1)
    try:
        optimizer = torch.optim.AdamW(model.parameters(), **groups, **extra)
    except RuntimeError:  # fused is there, but not for the processor
        optimizer = torch.optim.AdamW(model.parameters(), **groups)

    position, used = 0, args.batch * args.sequence
    for line in sys.stdin:
        if line.strip() == "describe":
            answer = {"torch": torch.__version__, "blas": loaded_blas(), "threads": torch.get_num_threads()}
        else:
            if position + used + 1 > len(tokens):
                position = 0
            chunk = tokens[position : position + used + 1]
            position += used
            cpu, start = time.process_time(), time.perf_counter()
            x, y = chunk[:-1].view(args.batch, -1), chunk[1:].view(args.batch, -1)
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(model(x).view(-1, args.vocabulary), y.reshape(-1))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            value = loss.item()
            answer = {"ms": 1e3 * (time.perf_counter() - start), "loss": value,
                      "peak_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
                      "cpu_seconds": time.process_time() - cpu}
        print(json.dumps(answer), flush=True)


main()
