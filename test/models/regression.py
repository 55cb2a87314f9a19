"""Writes regression.onnx and regression.reference.safetensors: a small network with a mean squared error.

Needs torch, onnx and safetensors: regression.py FOLDER. The files beside this one were made with torch 2.11 on the CPU.
"""

import os
import sys

import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import save_file

torch.manual_seed(3)
torch.use_deterministic_algorithms(True)
folder, batch = sys.argv[1], 16
net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
names = {"hidden.weight": net[0].weight, "hidden.bias": net[0].bias, "output.weight": net[2].weight, "output.bias": net[2].bias}
x, y = torch.randn(batch, 4), torch.randn(batch, 2)

nodes = [
    helper.make_node("Gemm", ["measured", "hidden.weight", "hidden.bias"], ["sum"], "hidden", transB=1),
    helper.make_node("Tanh", ["sum"], ["active"], "tanh"),
    helper.make_node("Gemm", ["active", "output.weight", "output.bias"], ["predicted"], "output", transB=1),
]
graph = helper.make_graph(
    nodes,
    "regression",
    [helper.make_tensor_value_info("measured", TensorProto.FLOAT, ["batch", 4])],
    [helper.make_tensor_value_info("predicted", TensorProto.FLOAT, ["batch", 2])],
    [numpy_helper.from_array(value.detach().numpy(), name) for name, value in names.items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
onnx.save(model, os.path.join(folder, "regression.onnx"))

reference = {"x": x, "y": y}
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
curve = []
for step in range(20):
    optimizer.zero_grad()
    predicted = net(x)
    loss = torch.nn.functional.mse_loss(predicted, y)
    loss.backward()
    if step == 0:
        reference["logits"], reference["loss"] = predicted.detach().clone(), loss.detach().clone()
        reference.update({"grad/" + name: value.grad.clone() for name, value in names.items()})
    curve.append(loss.item())
    optimizer.step()
reference["adamw_curve"] = torch.tensor(curve, dtype=torch.float64)
reference.update({"after20/" + name: value.detach().clone() for name, value in names.items()})
save_file(reference, os.path.join(folder, "regression.reference.safetensors"))
