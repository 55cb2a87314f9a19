#!/usr/bin/env python3
"""Makes tiny vision models as ONNX files with reference values, for `weft verify`.

Run by hand, in an environment with torch, transformers, onnx, onnxscript and safetensors; no test runs it. It was used with
torch 2.11 and transformers 5.23. What lit tests need of its output is copied next to it.

    test/models/export_vision.py -o FOLDER                     every model, every variant
    test/models/export_vision.py -o FOLDER cnn vit             these models
    test/models/export_vision.py -o FOLDER resnet --opset 18   these opsets
    test/models/export_vision.py -o FOLDER --list              names only

Each model has random weights, images of 3 x 32 x 32 and 8 classes, no dropout. Every one-dimensional parameter and every running
statistic is made distinct, as in a trained model. `batch` is symbolic.

FOLDER/NAME.opsetN.VARIANT.onnx      the model. N is 13 or 17 by the exporter that traces (`dynamo=False`), 18, 20 or 23 by
                                     `torch.export`. VARIANT:
    eval     exported after model.eval(), batch norms as they are
    train    exported after model.train(): batch norms by the batch's statistics
    folded   model.eval() with the exporter's optimizer, which folds batch norms into convolutions
FOLDER/NAME.MODE.reference.safetensors   what PyTorch computes in float32 on a batch of 4; MODE is `eval` or `train`, by how batch
                                     norms compute while training. Logits and loss are those of model.eval() always:
    x, y            images and labels
    logits, loss    mean cross-entropy
    grad/PARAMETER  first step
    adamw_curve     losses (f64) of 20 steps of AdamW on that batch: lr 1e-3, betas 0.9/0.95, eps 1e-8, decay 0.1 on everything
    after20/PARAMETER  not of vit: a key's bias has no gradient but rounding, on which Adam takes full steps
A folded model has other parameters, so its reference is that of the module with convolutions fused in the same way, in
FOLDER/NAME.folded.reference.safetensors; what folding makes of a norm's bias is a constant.
"""

import argparse
import pathlib
import sys
import warnings

import torch
import transformers as hf
from safetensors.torch import save_file
from torch import nn

BATCH, CLASSES, SIZE, STEPS = 4, 8, 32, 20
OPSETS = {13: False, 17: False, 18: True, 20: True, 23: True}  # opset: by torch.export


class Cnn(nn.Module):
    """What a first lesson has: strides, groups, dilation, asymmetric padding, pools, batch norms."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=8, bias=False)
        self.pointwise = nn.Conv2d(8, 16, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(16, momentum=0.2)
        self.grouped = nn.Conv2d(16, 12, (3, 2), groups=4)
        self.norm = nn.GroupNorm(3, 12)
        self.up = nn.ConvTranspose2d(12, 6, 3, stride=2, padding=1, output_padding=1, bias=False)
        self.instance = nn.InstanceNorm2d(6, affine=True)
        self.head = nn.Linear(6 * 4 * 3, CLASSES)

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.bn1(self.first(x))), 3, 2, 1)
        x = torch.relu(self.bn2(self.pointwise(self.depthwise(x))))
        x = nn.functional.gelu(self.norm(self.grouped(nn.functional.pad(x, (1, 0, 2, 1)))))
        x = self.instance(self.up(nn.functional.avg_pool2d(x, 2, 2, ceil_mode=True, count_include_pad=False)))
        x = nn.functional.avg_pool2d(x, 3, 3, 1)
        return self.head(x.flatten(1))


def resnet(layer):
    return lambda: hf.ResNetForImageClassification(hf.ResNetConfig(
        num_channels=3, embedding_size=8, hidden_sizes=[16, 32] if layer == "bottleneck" else [8, 16], depths=[1, 2],
        layer_type=layer, num_labels=CLASSES))


MODELS = {
    "cnn": Cnn,
    "resnet": resnet("basic"),
    "resnet_bottleneck": resnet("bottleneck"),
    "convnext": lambda: hf.ConvNextForImageClassification(hf.ConvNextConfig(
        num_channels=3, patch_size=4, num_stages=2, hidden_sizes=[8, 16], depths=[1, 1], drop_path_rate=0.0,
        layer_scale_init_value=1.0, num_labels=CLASSES, image_size=SIZE)),
    "vit": lambda: hf.ViTForImageClassification(hf.ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, image_size=SIZE, patch_size=8,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, num_labels=CLASSES)),
}


class Wrapped(nn.Module):
    """Images to logits."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        result = self.model(pixel_values)
        return result if isinstance(result, torch.Tensor) else result.logits


def build(name, attention="sdpa"):
    torch.manual_seed(1)
    model = Wrapped(MODELS[name]())
    if name == "vit":
        model.model.set_attn_implementation(attention)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
        for buffer_name, buffer in model.named_buffers():
            if buffer_name.endswith("running_mean"):
                buffer.add_(0.1 * torch.randn(buffer.shape, generator=generator))
            elif buffer_name.endswith("running_var"):
                buffer.mul_(1 + 0.5 * torch.rand(buffer.shape, generator=generator))
    return model


def has_batch_norm(model):
    return any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules())


def batch(seed=3):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(BATCH, 3, SIZE, SIZE, generator=generator), torch.randint(0, CLASSES, (BATCH,), generator=generator)


def fold(model):
    """The module with each batch norm folded into the convolution before it, as the exporter does."""
    model.eval()
    frozen = []
    for parent in list(model.modules()):
        children = list(parent.named_children())
        for (name, conv), (norm_name, norm) in zip(children, children[1:]):
            if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                fused = nn.utils.fusion.fuse_conv_bn_eval(conv, norm)
                setattr(parent, name, fused)
                setattr(parent, norm_name, nn.Identity())
                frozen.append(fused.bias)
    for bias in frozen:
        bias.requires_grad_(False)
    return model


class Kinks:
    """How near to 0 the inputs of a model's ReLUs come while it lives."""

    def __init__(self):
        self.nearest = float("inf")
        self.relu = torch.relu

    def __enter__(self):
        torch.relu = self.seen
        return self

    def __exit__(self, *_):
        torch.relu = self.relu

    def seen(self, x):
        self.nearest = min(self.nearest, x.detach().abs().min().item())
        return self.relu(x)


def write_reference(name, mode, path):
    """Writes the values of the first batch on which no ReLU comes so near to its kink that rounding decides on which side it
    is: another order of additions would train another model from there on."""
    for seed in range(3, 1000):
        with Kinks() as kinks:
            values = compute_reference(name, mode, seed)
        if name != "cnn" or kinks.nearest > 5e-6:
            break
    save_file({key: value.contiguous().clone() for key, value in values.items()}, path)


def compute_reference(name, mode, seed):
    model = build(name)
    if mode == "folded":
        fold(model)
    images, labels = batch(seed)
    logits = model.eval()(images).detach()
    values = {"x": images, "y": labels, "logits": logits, "loss": nn.functional.cross_entropy(logits, labels)}
    model.train(mode == "train")
    statistics = {n: b.clone() for n, b in model.named_buffers()}
    loss = nn.functional.cross_entropy(model(images), labels)
    loss.backward()
    named = [(n, p) for n, p in model.named_parameters() if p.grad is not None]
    for parameter_name, parameter in named:
        values["grad/" + parameter_name] = parameter.grad.clone()
    with torch.no_grad():
        for buffer_name, buffer in model.named_buffers():
            buffer.copy_(statistics[buffer_name])
    optimizer = torch.optim.AdamW([p for _, p in named], lr=1e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    curve = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        curve.append(loss.item())
    values["adamw_curve"] = torch.tensor(curve, dtype=torch.float64)
    if name != "vit":
        for parameter_name, parameter in named:
            values["after20/" + parameter_name] = parameter.detach().clone()
    return values


def export(name, opset, variant, path):
    import onnx
    # The tracing exporter has no such operator before opset 14.
    model = build(name, "eager" if opset < 14 else "sdpa").train(variant == "train")
    before = {n: b.clone() for n, b in model.named_buffers()}
    images, _ = batch()
    if OPSETS[opset]:
        program = torch.onnx.export(
            model, (images,), dynamo=True, optimize=variant == "folded", opset_version=opset,
            input_names=["pixel_values"], output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("batch")},), verbose=False)
        proto = program.model_proto
        for node in proto.graph.node:  # stack traces name files of whoever exports
            kept = [p for p in node.metadata_props if "stack_trace" not in p.key]
            del node.metadata_props[:]
            node.metadata_props.extend(kept)
        onnx.save(proto, path)
    else:
        mode = {"train": torch.onnx.TrainingMode.TRAINING, "eval": torch.onnx.TrainingMode.PRESERVE,
                "folded": torch.onnx.TrainingMode.EVAL}[variant]
        torch.onnx.export(model, (images,), path, dynamo=False, opset_version=opset, input_names=["pixel_values"],
                          output_names=["logits"], dynamic_axes={"pixel_values": {0: "batch"}}, training=mode,
                          do_constant_folding=variant == "folded")
        # Tracing is a step of training: it moves the running statistics.
        proto = onnx.load(path)
        for tensor in proto.graph.initializer:
            if tensor.name in before:
                tensor.CopyFrom(onnx.numpy_helper.from_array(before[tensor.name].numpy(), tensor.name))
        onnx.save(proto, path)


def variants(name):
    return ["eval", "train", "folded"] if has_batch_norm(build(name)) else ["eval"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=[], help="default: all")
    parser.add_argument("-o", "--output", type=pathlib.Path, help="folder for the files")
    parser.add_argument("--opset", type=int, nargs="*", default=list(OPSETS), choices=list(OPSETS))
    parser.add_argument("--list", action="store_true", help="print names and stop")
    options = parser.parse_args()
    names = options.models or list(MODELS)
    for name in names:
        if name not in MODELS:
            parser.error(f"no model {name}; there are {', '.join(MODELS)}")
    if not options.list and not options.output:
        parser.error("-o FOLDER says where the files go")
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
    failed = 0
    for name in names:
        for variant in variants(name):
            if not options.list:
                write_reference(name, variant, options.output / f"{name}.{variant}.reference.safetensors")
            for opset in options.opset:
                path = f"{name}.opset{opset}.{variant}.onnx"
                print(path, flush=True)
                if options.list:
                    continue
                try:
                    export(name, opset, variant, options.output / path)
                except Exception as error:  # an exporter that lacks an operator
                    print(f"  {type(error).__name__}: {str(error).splitlines()[0][:200]}")
                    failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
