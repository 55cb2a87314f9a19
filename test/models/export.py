#!/usr/bin/env python3
"""Makes tiny transformers of Hugging Face as ONNX files with reference values, for `weft verify`.

Run by hand, in an environment with torch, transformers, onnx, onnxscript and safetensors; no test runs it. It was used with
torch 2.11 and transformers 5.23. What lit tests need of its output is copied next to it.

    test/models/export.py -o FOLDER                      every architecture, every variant
    test/models/export.py -o FOLDER llama gptj           these architectures
    test/models/export.py -o FOLDER llama --opset 18 23  these opsets
    test/models/export.py -o FOLDER --list               names only

Each model has random weights, width 32, 2 layers, 4 heads and 64 tokens, no dropout and no cache. Every one-dimensional parameter
is made distinct, as in a trained model: an exporter would merge equal ones. `batch` and `sequence` are symbolic.

FOLDER/NAME.opsetN.VARIANT.onnx   the model. N is 13, 14 or 17 by the exporter that traces (`dynamo=False`), 18, 20 or 23 by
                                  `torch.export` with its optimizer. VARIANT: `eager` or `sdpa` attention, `-mask` if the graph has an
                                  attention_mask.
FOLDER/NAME.reference.safetensors what PyTorch computes in float32 on a batch of 4 x 16:
    x, y            input and labels;  with a mask also attention_mask, in NAME-mask.reference.safetensors
    logits, loss    mean cross-entropy over all positions
    grad/PARAMETER  first step, every name of a tied parameter
    adamw_curve     losses (f64) of 20 steps of AdamW on that batch: lr 1e-3, betas 0.9/0.95, eps 1e-8, decay 0.1 on everything
    after20/PARAMETER  not of torch_transformer: a third of in_proj_bias, the keys', has no gradient but rounding, on which Adam takes
                    full steps
"""

import argparse
import pathlib
import sys
import warnings

import torch
import transformers as hf
from safetensors.torch import save_file

WIDTH, LAYERS, HEADS, VOCABULARY, LONGEST, CLASSES = 32, 2, 4, 64, 32, 8
BATCH, SEQUENCE, STEPS = 4, 16, 20
OPSETS = {13: False, 14: False, 17: False, 18: True, 20: True, 23: True}  # opset: by torch.export

decoder = dict(
    vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=48, num_hidden_layers=LAYERS,
    num_attention_heads=HEADS, max_position_embeddings=LONGEST, attention_dropout=0.0, tie_word_embeddings=False)
grouped = dict(decoder, num_key_value_heads=2)
encoder = dict(
    vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=48, num_hidden_layers=LAYERS,
    num_attention_heads=HEADS, max_position_embeddings=LONGEST + 2, hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0, num_labels=CLASSES, classifier_dropout=0.0)


class EinsumForms(torch.nn.Module):
    """Not a transformer of anybody: every form of einsum, to compare gradients."""

    def __init__(self, _):
        super().__init__()
        self.embedding = torch.nn.Embedding(VOCABULARY, WIDTH)
        self.mix = torch.nn.Parameter(torch.randn(HEADS, 8, 8) * 0.3)
        self.square = torch.nn.Parameter(torch.randn(WIDTH, WIDTH) * 0.3)
        self.pair = torch.nn.Parameter(torch.randn(HEADS, 8) * 0.3)
        self.head = torch.nn.Linear(WIDTH, VOCABULARY)

    def forward(self, ids):
        x = self.embedding(ids).unflatten(-1, (HEADS, 8))
        y = torch.einsum("bthd,hde->bthe", x, self.mix)
        scores = torch.einsum("bthd,bshd->bhts", y, x)
        z = torch.einsum("...ts,...sd->...td", scores.softmax(-1), x.transpose(1, 2))
        three = torch.einsum("bhtd,hd,bthd->bht", z, self.pair, x)
        z = z + torch.einsum("bht,hd->bhtd", three, self.pair)
        z = z.transpose(1, 2).flatten(-2)
        z = z + torch.einsum("btii,i->bti", torch.einsum("bti,btj->btij", z, z), self.square[0])
        return self.head(z + torch.einsum("...i,ij->...j", z, self.square))


class ScatterForms(torch.nn.Module):
    """Not a transformer of anybody: choosing, gathering and scattering with every reduction, to compare gradients."""

    def __init__(self, _):
        super().__init__()
        self.embedding = torch.nn.Embedding(VOCABULARY, WIDTH)
        self.scale = torch.nn.Parameter(torch.randn(4))
        self.head = torch.nn.Linear(WIDTH, VOCABULARY)

    def forward(self, ids):
        x = self.embedding(ids)
        best, where = torch.topk(x, 4, dim=-1)
        _, worst = torch.topk(x, 4, dim=-1, largest=False)
        twice = where // 2
        y = torch.zeros_like(x).scatter(-1, where, best.softmax(-1))
        y = y + x.scatter_add(-1, twice, best * self.scale)
        y = y + x.scatter_reduce(-1, twice, best * self.scale, "amax")
        y = y + x.scatter_reduce(-1, twice, best * self.scale, "amin")
        y = y + x.scatter_reduce(-1, twice, best * self.scale, "prod")
        return self.head(y + torch.gather(x, -1, worst).sum(-1, keepdim=True))


class TorchTransformer(torch.nn.Module):
    """PyTorch's own layers, whose attention has one parameter, `in_proj_weight`, for queries, keys and values. The decoder reads the
    encoder's result with a slice of it."""

    def __init__(self, _):
        super().__init__()
        self.embedding = torch.nn.Embedding(VOCABULARY, 16)
        layer = torch.nn.TransformerEncoderLayer(16, 2, 24, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = torch.nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        layer = torch.nn.TransformerDecoderLayer(16, 2, 24, dropout=0.0, activation="gelu", batch_first=True)
        self.decoder = torch.nn.TransformerDecoder(layer, 1)
        self.head = torch.nn.Linear(16, VOCABULARY)
        with torch.no_grad():  # as a trained one: no two layers and no two biases are equal
            for parameter in self.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))

    def forward(self, ids):
        x = self.embedding(ids)
        return self.head(self.decoder(x, self.encoder(x)))


@torch.jit.script
def cut_and_joined(x: torch.Tensor) -> torch.Tensor:
    """Scripted code does not know how many parts there are: lists, a loop over which is none of the graph's."""
    halves = torch.chunk(x, 2, -1)
    x = torch.cat([halves[1], halves[0] * 2], -1)
    parts = torch.split(x, 12, -1)
    x = torch.cat([parts[2], parts[0], parts[1] * parts[0]], -1)
    rows = torch.unbind(x.view(x.shape[0], x.shape[1], 4, 8), 2)
    return torch.cat([rows[3], rows[0] * rows[1], rows[-2], rows[1]], -1)


class ListForms(torch.nn.Module):
    """Not a transformer of anybody: lists of tensors as scripted code has them."""

    def __init__(self, _):
        super().__init__()
        self.embedding = torch.nn.Embedding(VOCABULARY, WIDTH)
        self.head = torch.nn.Linear(WIDTH, VOCABULARY)

    def forward(self, ids):
        return self.head(cut_and_joined(self.embedding(ids)))


FORMS = {"einsum": EinsumForms, "scatter": ScatterForms, "torch_transformer": TorchTransformer, "lists": ListForms}

# Models that compute with a parameter before they use it, as Gemma with one plus a norm's weight: folded by the exporter, the file
# would hold the sum and not the parameter.
UNFOLDED = {"gemma", "gemma2", "einsum"}

# name: (model class, configuration)
ARCHITECTURES = {
    "gpt2": (hf.GPT2LMHeadModel, lambda: hf.GPT2Config(
        vocab_size=VOCABULARY, n_positions=LONGEST, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)),
    "gptj": (hf.GPTJForCausalLM, lambda: hf.GPTJConfig(
        vocab_size=VOCABULARY, n_positions=LONGEST, n_embd=WIDTH, n_layer=LAYERS, n_head=HEADS, rotary_dim=4,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, tie_word_embeddings=False)),
    "gpt_neox": (hf.GPTNeoXForCausalLM, lambda: hf.GPTNeoXConfig(
        **dict(decoder, hidden_dropout=0.0), rotary_pct=0.25)),
    "llama": (hf.LlamaForCausalLM, lambda: hf.LlamaConfig(**grouped)),
    "llama_tied": (hf.LlamaForCausalLM, lambda: hf.LlamaConfig(**dict(grouped, tie_word_embeddings=True))),
    "mistral": (hf.MistralForCausalLM, lambda: hf.MistralConfig(**grouped, sliding_window=None)),
    "mistral_window": (hf.MistralForCausalLM, lambda: hf.MistralConfig(**grouped, sliding_window=5)),
    "qwen2": (hf.Qwen2ForCausalLM, lambda: hf.Qwen2Config(**grouped)),
    "qwen3": (hf.Qwen3ForCausalLM, lambda: hf.Qwen3Config(**grouped, head_dim=8)),
    "phi": (hf.PhiForCausalLM, lambda: hf.PhiConfig(**grouped, partial_rotary_factor=0.5)),
    "gemma": (hf.GemmaForCausalLM, lambda: hf.GemmaConfig(**grouped, head_dim=8)),
    "opt": (hf.OPTForCausalLM, lambda: hf.OPTConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, ffn_dim=48, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        max_position_embeddings=LONGEST, word_embed_proj_dim=WIDTH, dropout=0.0, attention_dropout=0.0, pad_token_id=1)),
    "bert": (hf.BertForSequenceClassification, lambda: hf.BertConfig(**encoder)),
    "bert_mlm": (hf.BertForMaskedLM, lambda: hf.BertConfig(**encoder)),
    "roberta": (hf.RobertaForSequenceClassification, lambda: hf.RobertaConfig(**encoder, pad_token_id=1)),
    "roberta_mlm": (hf.RobertaForMaskedLM, lambda: hf.RobertaConfig(**encoder, pad_token_id=1)),
    "distilbert": (hf.DistilBertForSequenceClassification, lambda: hf.DistilBertConfig(
        vocab_size=VOCABULARY, dim=WIDTH, hidden_dim=48, n_layers=LAYERS, n_heads=HEADS, max_position_embeddings=LONGEST,
        dropout=0.0, attention_dropout=0.0, seq_classif_dropout=0.0, num_labels=CLASSES)),
    "mixtral": (hf.MixtralForCausalLM, lambda: hf.MixtralConfig(
        **grouped, num_local_experts=4, num_experts_per_tok=2, sliding_window=None)),
    "qwen2_moe": (hf.Qwen2MoeForCausalLM, lambda: hf.Qwen2MoeConfig(
        **grouped, moe_intermediate_size=16, shared_expert_intermediate_size=24, num_experts=4, num_experts_per_tok=2,
        norm_topk_prob=True)),
    "gemma2": (hf.Gemma2ForCausalLM, lambda: hf.Gemma2Config(**grouped, head_dim=8, sliding_window=5, query_pre_attn_scalar=8)),
    "olmo2": (hf.Olmo2ForCausalLM, lambda: hf.Olmo2Config(**grouped)),
    "phi3": (hf.Phi3ForCausalLM, lambda: hf.Phi3Config(**grouped, pad_token_id=0)),
    "modernbert": (hf.ModernBertForSequenceClassification, lambda: hf.ModernBertConfig(
        vocab_size=VOCABULARY, hidden_size=WIDTH, intermediate_size=48, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
        num_labels=CLASSES, pad_token_id=0, local_attention=8, reference_compile=False)),
    "einsum": (EinsumForms, lambda: None),
    "scatter": (ScatterForms, lambda: None),
    "torch_transformer": (TorchTransformer, lambda: None),
    "lists": (ListForms, lambda: None),
}


class Wrapped(torch.nn.Module):
    """Ids, and a mask if asked for, to logits."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.cached = model.config.model_type not in ("bert", "roberta", "distilbert")
        self.traced = False

    def forward(self, input_ids, attention_mask=None):
        if attention_mask is None and self.traced and self.cached:
            # Without a mask transformers 5 looks for packed sequences, by an operator that the tracing exporter lacks.
            attention_mask = torch.ones_like(input_ids)
        more = {"use_cache": False} if self.cached else {}
        return self.model(input_ids=input_ids, attention_mask=attention_mask, **more).logits


def build(name, attention):
    """The architecture with the same random weights for every attention implementation."""
    torch.manual_seed(1)
    kind, make = ARCHITECTURES[name]
    if name in FORMS:
        return kind(None).eval()
    config = make()
    config._attn_implementation = attention
    if hasattr(config, "num_experts_per_tok"):  # the default looks for the experts that are used: sizes that depend on data
        config._experts_implementation = "batched_mm"
    model = Wrapped(kind(config)).eval()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if parameter.dim() == 1:
                parameter.add_(0.1 * noise)
            elif name in ("mixtral", "qwen2_moe"):
                parameter.add_(0.1 * noise)  # routers that decide clearly: no choice hangs on rounding
    return model


def batch(name, masked):
    """Arguments of forward, and labels. With a mask the last rows are padded on the right."""
    generator = torch.Generator().manual_seed(3)
    ids = torch.randint(2, VOCABULARY, (BATCH, SEQUENCE), generator=generator)
    classifies = ARCHITECTURES[name][0].__name__.endswith("SequenceClassification")
    labels = torch.randint(0, CLASSES if classifies else VOCABULARY, (BATCH,) if classifies else (BATCH, SEQUENCE),
                           generator=generator)
    if not masked:
        return (ids,), labels
    mask = torch.ones_like(ids)
    mask[-1, -3:] = 0
    mask[-2, -4:] = 0  # fewer than a window: what attention to nothing gives depends on its implementation
    return (ids, mask), labels


def loss_of(model, arguments, labels):
    logits = model(*arguments)
    return logits, torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1))


def write_reference(name, masked, path):
    model = build(name, "eager")
    arguments, labels = batch(name, masked)
    values = {"x": arguments[0], "y": labels}
    if masked:
        values["attention_mask"] = arguments[1]
    logits, loss = loss_of(model, arguments, labels)
    loss.backward()
    values["logits"], values["loss"] = logits.detach(), loss.detach()
    named = [(n, p) for n, p in model.named_parameters(remove_duplicate=False) if p.grad is not None]
    for parameter_name, parameter in named:
        values["grad/" + parameter_name] = parameter.grad.clone()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    curve = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        _, loss = loss_of(model, arguments, labels)
        loss.backward()
        optimizer.step()
        curve.append(loss.item())
    values["adamw_curve"] = torch.tensor(curve, dtype=torch.float64)
    if name != "torch_transformer":
        for parameter_name, parameter in named:
            values["after20/" + parameter_name] = parameter.detach().clone()
    save_file({key: value.contiguous().clone() for key, value in values.items()}, path)


def export(name, opset, attention, masked, path):
    model = build(name, attention)
    arguments, _ = batch(name, masked)
    inputs = ["input_ids", "attention_mask"][:len(arguments)]
    if OPSETS[opset]:
        batch_size, length = torch.export.Dim("batch"), torch.export.Dim("sequence", max=LONGEST)
        shapes = tuple({0: batch_size, 1: length} for _ in arguments)
        program = torch.onnx.export(model, arguments, dynamo=True, optimize=name not in UNFOLDED, opset_version=opset, input_names=inputs,
                                    output_names=["logits"], dynamic_shapes=shapes, verbose=False)
        import onnx
        proto = program.model_proto
        for node in proto.graph.node:  # stack traces name files of whoever exports
            kept = [p for p in node.metadata_props if "stack_trace" not in p.key]
            del node.metadata_props[:]
            node.metadata_props.extend(kept)
        onnx.save(proto, path)
    else:
        if name not in FORMS:
            model.traced = True
        axes = {i: {0: "batch", 1: "sequence"} for i in inputs}
        torch.onnx.export(model, arguments, path, dynamo=False, opset_version=opset, input_names=inputs,
                          output_names=["logits"], dynamic_axes=axes, do_constant_folding=name not in UNFOLDED)


def variants(name, opsets):
    """(opset, attention, masked): every opset with each attention, masks in turn; all four at 14 and 18."""
    for opset in opsets:
        if name in FORMS:
            yield opset, "eager", False
            continue
        for attention in ("eager", "sdpa"):
            if attention == "sdpa" and opset == 13:
                continue  # the exporter has no such operator before 14
            for masked in (False, True):
                if opset in (14, 18) or masked == (attention == "eager"):
                    yield opset, attention, masked


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("architectures", nargs="*", default=[], help="default: all")
    parser.add_argument("-o", "--output", type=pathlib.Path, help="folder for the files")
    parser.add_argument("--opset", type=int, nargs="*", default=list(OPSETS), choices=list(OPSETS))
    parser.add_argument("--list", action="store_true", help="print names and stop")
    options = parser.parse_args()
    names = options.architectures or list(ARCHITECTURES)
    for name in names:
        if name not in ARCHITECTURES:
            parser.error(f"no architecture {name}; there are {', '.join(ARCHITECTURES)}")
    if not options.list and not options.output:
        parser.error("-o FOLDER says where the files go")
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    failed = 0
    for name in names:
        for masked in (False,) if name in FORMS else (False, True):
            if not options.list:
                options.output.mkdir(parents=True, exist_ok=True)
                path = options.output / f"{name}{'-mask' if masked else ''}.reference.safetensors"
                if not path.exists():
                    write_reference(name, masked, path)
        for opset, attention, masked in variants(name, options.opset):
            file = f"{name}.opset{opset}.{attention}{'-mask' if masked else ''}.onnx"
            if options.list:
                print(file)
                continue
            if (options.output / file).exists():
                continue
            try:
                export(name, opset, attention, masked, str(options.output / file))
                print(f"{file}: written", flush=True)
            except Exception as error:  # the exporter's own limits: say so, go on
                failed += 1
                print(f"{file}: not exported: {type(error).__name__}: {str(error).strip().splitlines()[0][:200]}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
