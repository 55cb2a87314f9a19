"""Makes the models of inputs.test: inputs.py FOLDER. Needs onnx and numpy; what it made lies beside it."""

import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

folder = sys.argv[1]
rng = np.random.default_rng(5)


def weight(name, *shape):
    return numpy_helper.from_array(rng.normal(0, 0.1, shape).astype(np.float32), name)


def save(name, nodes, inputs, outputs, weights):
    graph = helper.make_graph(nodes, name, inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, os.path.join(folder, name + ".onnx"))


# Images of bytes, and their classes.
save(
    "pixels",
    [
        helper.make_node("Cast", ["pixel_values"], ["wide"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Mul", ["wide", "scale"], ["scaled"], "scale"),
        helper.make_node("Gemm", ["scaled", "head.weight", "head.bias"], ["logits"], "head"),
    ],
    [helper.make_tensor_value_info("pixel_values", TensorProto.UINT8, ["batch", 12])],
    [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 3])],
    [weight("head.weight", 12, 3), weight("head.bias", 3), numpy_helper.from_array(np.float32(1 / 255), "scale")],
)

# What tokenizers give: ids, a mask, segments and positions.
ids = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
       for name in ("input_ids", "attention_mask", "token_type_ids", "position_ids")]  # fmt: skip
save(
    "encoder",
    [
        helper.make_node("Gather", ["word.weight", "input_ids"], ["words"], "word"),
        helper.make_node("Gather", ["segment.weight", "token_type_ids"], ["segments"], "segment"),
        helper.make_node("Gather", ["position.weight", "position_ids"], ["positions"], "position"),
        helper.make_node("Sum", ["words", "segments", "positions"], ["sum"], "sum"),
        helper.make_node("Cast", ["attention_mask"], ["mask"], "mask", to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["column"], "column"),
        helper.make_node("Mul", ["sum", "column"], ["seen"], "seen"),
        helper.make_node("MatMul", ["seen", "head.weight"], ["logits"], "head"),
    ],
    ids,
    [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "sequence", 256])],
    [weight("word.weight", 256, 8), weight("segment.weight", 2, 8), weight("position.weight", 16, 8),
     weight("head.weight", 8, 256), numpy_helper.from_array(np.array([-1]), "last")],
)  # fmt: skip

# Two outputs, one of them a number with a bias of one element, and a number of the model's code.
save(
    "two-outputs",
    [
        helper.make_node("Mul", ["x", "half"], ["scaled"], "scale"),
        helper.make_node("Gemm", ["scaled", "hidden.weight", "hidden.bias"], ["kind"], "hidden"),
        helper.make_node("Gemm", ["kind", "price.weight", "b"], ["price"], "price"),
    ],
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
    [helper.make_tensor_value_info("kind", TensorProto.FLOAT, ["N", 3]),
     helper.make_tensor_value_info("price", TensorProto.FLOAT, ["N", 1])],
    [weight("hidden.weight", 4, 3), weight("hidden.bias", 3), weight("price.weight", 3, 1), weight("b", 1),
     numpy_helper.from_array(np.array([0.5], np.float32), "half")],
)  # fmt: skip

# An encoder's and a decoder's ids.
save(
    "decoder",
    [
        helper.make_node("Gather", ["word.weight", "input_ids"], ["source"], "source"),
        helper.make_node("Gather", ["word.weight", "decoder_input_ids"], ["target"], "target"),
        helper.make_node("Add", ["source", "target"], ["sum"], "sum"),
        helper.make_node("MatMul", ["sum", "head.weight"], ["logits"], "head"),
    ],
    [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"])
     for name in ("input_ids", "decoder_input_ids")],
    [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", "sequence", 256])],
    [weight("word.weight", 256, 8), weight("head.weight", 8, 256)],
)  # fmt: skip
