"""GPT-2 and Llama in PyTorch, as their users write them. Modules have Hugging Face's names."""
import torch
import torch.nn as nn
import torch.nn.functional as F

ATTENTION = {-1: "error", 0: "math", 1: "flash", 2: "memory-efficient", 3: "cuDNN", 4: "overrideable"}


def attention_choice(q, k, v, grouped):
    """What scaled_dot_product_attention takes for such operands on this machine."""
    more = {"enable_gqa": True} if grouped else {}
    return ATTENTION.get(torch._fused_sdp_choice(q, k, v, None, 0.0, True, **more), "unknown")


def attend(q, k, v, native):
    """Causal attention of [batch, heads, length, head]; keys and values may have fewer heads."""
    if q.shape[1] == k.shape[1]:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    if native:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    groups = q.shape[1] // k.shape[1]
    k, v = (t.repeat_interleave(groups, dim=1) for t in (k, v))
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


class Gpt2Attention(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.head = s.dim // s.heads
        self.c_attn = nn.Linear(s.dim, 3 * s.dim)
        self.c_proj = nn.Linear(s.dim, s.dim)

    def forward(self, x):
        batch, length, dim = x.shape
        q, k, v = (t.view(batch, length, -1, self.head).transpose(1, 2) for t in self.c_attn(x).split(dim, dim=2))
        return self.c_proj(attend(q, k, v, True).transpose(1, 2).reshape(batch, length, dim))


class Gpt2Mlp(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.c_fc = nn.Linear(s.dim, s.ffn)
        self.c_proj = nn.Linear(s.ffn, s.dim)

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Gpt2Block(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.ln_1 = nn.LayerNorm(s.dim)
        self.attn = Gpt2Attention(s)
        self.ln_2 = nn.LayerNorm(s.dim)
        self.mlp = Gpt2Mlp(s)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Gpt2(nn.Module):
    def __init__(self, s, length):
        super().__init__()
        self.transformer = nn.ModuleDict({
            "wte": nn.Embedding(s.vocab, s.dim), "wpe": nn.Embedding(s.positions, s.dim),
            "h": nn.ModuleList(Gpt2Block(s) for _ in range(s.layers)), "ln_f": nn.LayerNorm(s.dim)})
        self.lm_head = nn.Linear(s.dim, s.vocab, bias=False)
        self.lm_head.weight = self.transformer["wte"].weight

    @property
    def blocks(self):
        return self.transformer["h"]

    def forward(self, tokens):
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        x = self.transformer["wte"](tokens) + self.transformer["wpe"](positions)
        for block in self.blocks:
            x = block(x)
        return self.lm_head(self.transformer["ln_f"](x))


class LlamaAttention(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.head = s.dim // s.heads
        self.native_groups = True
        kv = s.kv_heads * self.head
        self.q_proj = nn.Linear(s.dim, s.dim, bias=False)
        self.k_proj = nn.Linear(s.dim, kv, bias=False)
        self.v_proj = nn.Linear(s.dim, kv, bias=False)
        self.o_proj = nn.Linear(s.dim, s.dim, bias=False)

    @staticmethod
    def rotate(x, cos, sin):
        half = x.shape[-1] // 2
        return x * cos + torch.cat((-x[..., half:], x[..., :half]), dim=-1) * sin

    def forward(self, x, cos, sin):
        batch, length, _ = x.shape
        q, k, v = (p(x).view(batch, length, -1, self.head).transpose(1, 2)
                   for p in (self.q_proj, self.k_proj, self.v_proj))
        q, k = (self.rotate(t, cos, sin).to(v.dtype) for t in (q, k))
        y = attend(q, k, v, self.native_groups)
        return self.o_proj(y.transpose(1, 2).reshape(batch, length, -1))


class LlamaMlp(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.gate_proj = nn.Linear(s.dim, s.ffn, bias=False)
        self.up_proj = nn.Linear(s.dim, s.ffn, bias=False)
        self.down_proj = nn.Linear(s.ffn, s.dim, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class LlamaBlock(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.input_layernorm = nn.RMSNorm(s.dim, eps=1e-5)
        self.self_attn = LlamaAttention(s)
        self.post_attention_layernorm = nn.RMSNorm(s.dim, eps=1e-5)
        self.mlp = LlamaMlp(s)

    def forward(self, x, cos, sin):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    def __init__(self, s, length):
        super().__init__()
        self.model = nn.ModuleDict({
            "embed_tokens": nn.Embedding(s.vocab, s.dim),
            "layers": nn.ModuleList(LlamaBlock(s) for _ in range(s.layers)), "norm": nn.RMSNorm(s.dim, eps=1e-5)})
        self.lm_head = nn.Linear(s.dim, s.vocab, bias=False)
        head = s.dim // s.heads
        angles = torch.outer(torch.arange(length).float(), 1e4 ** (-torch.arange(0, head, 2).float() / head))
        angles = torch.cat((angles, angles), dim=-1)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    @property
    def blocks(self):
        return self.model["layers"]

    def forward(self, tokens):
        x = self.model["embed_tokens"](tokens)
        for block in self.blocks:
            x = block(x, self.cos, self.sin)
        return self.lm_head(self.model["norm"](x))


def initialise(model):
    """Matrices normal with standard deviation 0.02, biases zero."""
    for module in model.modules():
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)


def make_model(sizes, length, device):
    """The model with random values, in fp32, made where it will run."""
    with torch.device(device):
        model = (Gpt2 if sizes.family == "gpt2" else Llama)(sizes, length)
    initialise(model)
    return model


def load(model, tensors):
    """Values of a safetensors file; GPT-2's matrices are [in, out] there."""
    types = {"F32": torch.float32, "BF16": torch.bfloat16}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            dtype, shape, data = tensors[name]
            value = torch.frombuffer(bytearray(data), dtype=types[dtype]).view(shape)
            is_conv1d = isinstance(model, Gpt2) and value.dim() == 2 and ".h." in name
            parameter.copy_(value.t() if is_conv1d else value)
