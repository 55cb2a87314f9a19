"""The ways in which PyTorch's users spread a model over ranks: DDP, ZeRO-1, FSDP2, tensor with sequence parallel."""
import os

import torch
import torch.distributed as dist


def start(device):
    """Joins the job that torchrun started. Returns the device of this rank."""
    local = int(os.environ.get("LOCAL_RANK", 0))
    if device == "gpu":
        torch.cuda.set_device(local)
        dist.init_process_group("nccl", device_id=torch.device("cuda", local))
        return torch.device("cuda", local)
    dist.init_process_group("gloo")
    return torch.device("cpu")


def replicate(model, device):
    """DDP with gradients as views of its buckets."""
    from torch.nn.parallel import DistributedDataParallel
    ids = [device.index] if device.type == "cuda" else None
    return DistributedDataParallel(model, device_ids=ids, gradient_as_bucket_view=True)


def zero1(model, **options):
    """AdamW with its states over all ranks."""
    from torch.distributed.optim import ZeroRedundancyOptimizer
    return ZeroRedundancyOptimizer(model.parameters(), optimizer_class=torch.optim.AdamW,
                                  parameters_as_bucket_view=False, **options)


def shard(model, narrow, compiled):
    """FSDP2: every block and the rest are gathered before use and freed after the forward pass. With fp32 parameters these
    are the masters, and what is gathered and reduced is bf16; the rotary tables stay fp32."""
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
    more = {}
    if narrow:
        more["mp_policy"] = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.bfloat16,
                                                 cast_forward_inputs=False)
    for block in model.blocks:
        if compiled:
            block.compile()
        fully_shard(block, reshard_after_forward=True, **more)
    fully_shard(model, reshard_after_forward=True, **more)
    return model


def tensor_parallel(model, ranks, device, compiled):
    """Megatron's cut of a Llama over all ranks, with sequence parallel between the products and the loss over parts of the
    vocabulary."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Replicate, Shard
    from torch.distributed.tensor.parallel import (ColwiseParallel, PrepareModuleInput, RowwiseParallel,
                                                   SequenceParallel, parallelize_module)
    mesh = init_device_mesh(device.type, (ranks,))
    parallelize_module(model, mesh, {
        "model.embed_tokens": RowwiseParallel(input_layouts=Replicate(), output_layouts=Shard(1)),
        "model.norm": SequenceParallel(),
        "lm_head": ColwiseParallel(input_layouts=Shard(1), output_layouts=Shard(-1), use_local_output=False)})
    for block in model.blocks:
        parallelize_module(block, mesh, {
            "input_layernorm": SequenceParallel(),
            "self_attn": PrepareModuleInput(input_layouts=(Shard(1), None, None),
                                            desired_input_layouts=(Replicate(), None, None)),
            "self_attn.q_proj": ColwiseParallel(), "self_attn.k_proj": ColwiseParallel(),
            "self_attn.v_proj": ColwiseParallel(),
            "self_attn.o_proj": RowwiseParallel(output_layouts=Shard(1)),
            "post_attention_layernorm": SequenceParallel(),
            "mlp": PrepareModuleInput(input_layouts=(Shard(1),), desired_input_layouts=(Replicate(),)),
            "mlp.gate_proj": ColwiseParallel(), "mlp.up_proj": ColwiseParallel(),
            "mlp.down_proj": RowwiseParallel(output_layouts=Shard(1))})
        if compiled:
            block.compile()
    return model
