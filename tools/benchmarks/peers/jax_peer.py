#!/usr/bin/env python3
"""GPT-2 and Llama in JAX on one GPU: jit of the whole step, cuDNN attention, layers unrolled, donated buffers, AdamW. fp32
parameters and moments, computation in bf16; with --states bf16 parameters and moments are bf16.
"""
import functools
import os
import pathlib
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import peer  # noqa: E402
from sizes import MODELS  # noqa: E402

# What the driver reports is then what is used, and not three quarters of the device.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402


def make_parameters(s, key, dtype):
    """Matrices are [in, out], normal with standard deviation 0.02; biases are 0, scales 1."""
    keys = iter(jax.random.split(key, 4 + 8 * s.layers))
    matrix = lambda *shape: 0.02 * jax.random.normal(next(keys), shape, dtype)
    vector = lambda size, value: jnp.full((size,), value, dtype)
    norm = lambda: {"scale": vector(s.dim, 1), "bias": vector(s.dim, 0)}
    linear = lambda inputs, outputs: {"w": matrix(inputs, outputs), "b": vector(outputs, 0)}
    if s.family == "gpt2":
        block = lambda: {"ln_1": norm(), "attn": linear(s.dim, 3 * s.dim), "proj": linear(s.dim, s.dim),
                         "ln_2": norm(), "fc": linear(s.dim, s.ffn), "out": linear(s.ffn, s.dim)}
        return {"wte": matrix(s.vocab, s.dim), "wpe": matrix(s.positions, s.dim),
                "blocks": [block() for _ in range(s.layers)], "ln_f": norm()}
    kv = s.kv_heads * (s.dim // s.heads)
    block = lambda: {"norm_1": vector(s.dim, 1), "q": matrix(s.dim, s.dim), "k": matrix(s.dim, kv),
                     "v": matrix(s.dim, kv), "o": matrix(s.dim, s.dim), "norm_2": vector(s.dim, 1),
                     "gate": matrix(s.dim, s.ffn), "up": matrix(s.dim, s.ffn), "down": matrix(s.ffn, s.dim)}
    return {"embed": matrix(s.vocab, s.dim), "blocks": [block() for _ in range(s.layers)],
            "norm": vector(s.dim, 1), "head": matrix(s.dim, s.vocab)}


def layer_norm(x, p):
    wide = x.astype(jnp.float32)
    mean = wide.mean(-1, keepdims=True)
    variance = jnp.square(wide - mean).mean(-1, keepdims=True)
    return ((wide - mean) * jax.lax.rsqrt(variance + 1e-5) * p["scale"] + p["bias"]).astype(x.dtype)


def rms_norm(x, scale):
    wide = x.astype(jnp.float32)
    return (wide * jax.lax.rsqrt(jnp.square(wide).mean(-1, keepdims=True) + 1e-5) * scale).astype(x.dtype)


def attend(q, k, v, backend):
    """Causal attention of [batch, length, heads, head]; keys and values may have fewer heads."""
    return jax.nn.dot_product_attention(q, k, v, is_causal=True, implementation=backend)


def gpt2(params, tokens, s, backend):
    batch, length = tokens.shape
    x = params["wte"][tokens] + params["wpe"][:length]
    for p in params["blocks"]:
        y = layer_norm(x, p["ln_1"]) @ p["attn"]["w"] + p["attn"]["b"]
        q, k, v = (t.reshape(batch, length, s.heads, -1) for t in jnp.split(y, 3, axis=-1))
        x = x + attend(q, k, v, backend).reshape(batch, length, s.dim) @ p["proj"]["w"] + p["proj"]["b"]
        y = jax.nn.gelu(layer_norm(x, p["ln_2"]) @ p["fc"]["w"] + p["fc"]["b"], approximate=True)
        x = x + y @ p["out"]["w"] + p["out"]["b"]
    return layer_norm(x, params["ln_f"]) @ params["wte"].T


def llama(params, tokens, s, backend):
    batch, length = tokens.shape
    head = s.dim // s.heads
    angles = jnp.outer(jnp.arange(length), 1e4 ** (-jnp.arange(0, head, 2) / head))
    angles = jnp.concatenate((angles, angles), axis=-1)[None, :, None, :]
    cos, sin = jnp.cos(angles), jnp.sin(angles)

    def rotate(x):
        half = head // 2
        turned = jnp.concatenate((-x[..., half:], x[..., :half]), axis=-1)
        return (x * cos + turned * sin).astype(x.dtype)

    x = params["embed"][tokens]
    for p in params["blocks"]:
        y = rms_norm(x, p["norm_1"])
        q, k, v = ((y @ p[name]).reshape(batch, length, -1, head) for name in "qkv")
        x = x + attend(rotate(q), rotate(k), v, backend).reshape(batch, length, s.dim) @ p["o"]
        y = rms_norm(x, p["norm_2"])
        x = x + (jax.nn.silu(y @ p["gate"]) * (y @ p["up"])) @ p["down"]
    return rms_norm(x, params["norm"]) @ params["head"]


def loss_of(params, x, y, s, backend, dtype):
    params = jax.tree.map(lambda p: p.astype(dtype), params)
    logits = (gpt2 if s.family == "gpt2" else llama)(params, x, s, backend).astype(jnp.float32)
    chosen = jnp.take_along_axis(logits, y[..., None], axis=-1)[..., 0]
    return (jax.nn.logsumexp(logits, axis=-1) - chosen).mean()


def step(params, m, v, number, x, y, s, backend, dtype, lr, clip):
    """AdamW with betas 0.9 and 0.95, weight decay 0.1, gradients clipped by their norm."""
    loss, grads = jax.value_and_grad(loss_of)(params, x, y, s, backend, dtype)
    scale = 1.0
    if clip > 0:
        squares = sum(jnp.square(g.astype(jnp.float32)).sum() for g in jax.tree.leaves(grads))
        scale = jnp.minimum(1.0, clip / (jnp.sqrt(squares) + 1e-6))
    t = number + 1.0

    def update(p, g, m, v):
        wide, g = p.astype(jnp.float32), g.astype(jnp.float32) * scale
        m_new, v_new = 0.9 * m.astype(jnp.float32) + 0.1 * g, 0.95 * v.astype(jnp.float32) + 0.05 * g * g
        delta = (m_new / (1 - 0.9**t)) / (jnp.sqrt(v_new / (1 - 0.95**t)) + 1e-8)
        return ((wide - lr * (delta + 0.1 * wide)).astype(p.dtype), m_new.astype(m.dtype), v_new.astype(v.dtype))

    new = jax.tree.map(update, params, grads, m, v)
    pick = lambda i: jax.tree.map(lambda leaf: leaf[i], new, is_leaf=lambda leaf: isinstance(leaf, tuple))
    return pick(0), pick(1), pick(2), t, loss


def main():
    args = peer.make_parser(__doc__.splitlines()[0]).parse_args()
    if args.weights:
        raise SystemExit("this peer starts from random values; the PyTorch peer takes --weights")
    s = MODELS[args.model]
    if args.device == "cpu":
        jax.config.update("jax_platforms", "cpu")
    device = jax.devices()[0]
    if args.device == "gpu" and device.platform == "cpu":
        raise SystemExit("JAX sees no GPU here; --device cpu runs on the processor")
    backend = "cudnn" if args.device == "gpu" else "xla"
    dtype = jnp.bfloat16 if args.precision == "bf16" else jnp.float32
    stored = jnp.bfloat16 if args.states == "bf16" else jnp.float32

    params = jax.jit(functools.partial(make_parameters, s, dtype=stored))(jax.random.key(0))
    peer.check_parameters(s, sum(leaf.size for leaf in jax.tree.leaves(params)))
    zeros = jax.jit(lambda tree: jax.tree.map(jnp.zeros_like, tree))
    m, v, number = zeros(params), zeros(params), jnp.float32(0)
    if args.tokens:
        ids = jnp.array(peer.read_tokens(args.tokens, 4 * args.batch * args.seq + 1))
        shape = (4, args.batch, args.seq)
        data = list(zip(ids[:-1].reshape(shape), ids[1:].reshape(shape)))
    else:
        ids = jax.random.randint(jax.random.key(1), (4, args.batch, args.seq + 1), 0, s.vocab)
        data = [(part[:, :-1], part[:, 1:]) for part in ids]

    begin = time.perf_counter()
    train = jax.jit(functools.partial(step, s=s, backend=backend, dtype=dtype, lr=args.lr, clip=args.clip),
                    donate_argnums=(0, 1, 2, 3))
    program = train.lower(params, m, v, number, *data[0]).compile()
    compile_s = time.perf_counter() - begin
    plan = program.memory_analysis()
    planned = (plan.temp_size_in_bytes + plan.argument_size_in_bytes + plan.output_size_in_bytes
               - plan.alias_size_in_bytes) if plan else 0

    # The next step is under way while the last one's loss is waited for: the device is never idle, and the moments at
    # which losses become ready are as far apart as steps are long.
    losses, ready = [], []
    for i in range(args.warmup + args.steps):
        params, m, v, number, loss = program(params, m, v, number, *data[i % len(data)])
        losses.append(loss)
        if i == 0:
            loss.block_until_ready()
            first_step = peer.seconds_since_start()
        if i > 0:
            losses[i - 1].block_until_ready()
            ready.append(time.perf_counter())
    losses[-1].block_until_ready()
    ready.append(time.perf_counter())
    gaps = [1e3 * (later - sooner) for sooner, later in zip(ready, ready[1:])]
    stats = device.memory_stats() or {}
    peer.report(args, {
        "name": f"JAX {jax.__version__}", "version": jax.__version__, "attention": backend, "parallel": "none",
        "ranks": 1, "parameters": s.parameters, "ms": gaps[-args.steps :], "compile_s": compile_s,
        "first_step_s": first_step, "peak_bytes": max(planned, stats.get("peak_bytes_in_use", 0)),
        "losses": [float(loss) for loss in losses]})


main()
