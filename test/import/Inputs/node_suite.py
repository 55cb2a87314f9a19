"""Runs the ONNX package's node tests through weft-import-onnx: node_suite.py FOLDER [NAME...]

Tests of operators that the importer does not have are left out. Operands that Weft must know when it compiles (shapes,
axes, ...) are inputs in the suite; they are made initializers here. A test counts as passed if the results agree, as
refused if the importer says one of the things in REFUSALS, else as failed.
"""

import glob
import json
import os
import re
import struct
import subprocess
import sys
import warnings

import numpy as np
import onnx
import onnx.backend.test.case.node
from onnx import numpy_helper

REFUSALS = (
    r"UINT|past keys|matrix of scores|over no elements|training mode|not defined on booleans|padding mode|depends on data"
    r"|known when compiling|means nothing to|with 7 operands|needs fmod=1|constant exponent|repeated letters|does not fit an operand"
    r"|cannot be evaluated on these operands"  # a negative index as data: the runtime refuses it
)
KNOWN = {  # operands from which on everything must be known
    "Reshape": 1, "Expand": 1, "Tile": 1, "Unsqueeze": 1, "Squeeze": 1, "Slice": 1, "Pad": 1, "Split": 1, "CumSum": 1,
    "Trilu": 1, "Dropout": 1, "ConstantOfShape": 0, "Range": 0,
}
NAMES = {"float32": "F32", "float64": "F64", "float16": "F16", "int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8",
         "bool": "BOOL"}  # fmt: skip


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, value in tensors.items():
        header[name] = {"dtype": NAMES[str(value.dtype)], "shape": list(value.shape), "data_offsets": [offset, offset + value.nbytes]}
        offset += value.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + b"".join(value.tobytes() for value in tensors.values()))


def widen(value):
    value = np.asarray(value)
    return np.ascontiguousarray(value.astype(np.float32) if str(value.dtype) == "bfloat16" else value).reshape(value.shape)


def prepare(case, path):
    """Writes the model and its tensors; the name of the type in the way if there is one."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    for opset in model.opset_import:
        if opset.domain == "":
            opset.version = min(max(opset.version, 13), 23)
    graph, (inputs, outputs) = model.graph, case.data_sets[0]
    first, tensors, kept = graph.node[0].op_type, {}, []
    for i, (info, value) in enumerate(zip(graph.input, inputs)):
        value = widen(value)
        if i >= KNOWN.get(first, 99) or info.name == "axes":
            graph.initializer.append(numpy_helper.from_array(value, info.name))
            continue
        dims = info.type.tensor_type.shape
        del dims.dim[:]
        for size in value.shape:
            dims.dim.add().dim_value = size
        kept.append(info)
        tensors[info.name] = value
    del graph.input[:]
    graph.input.extend(kept)
    tensors.update((info.name, widen(value)) for info, value in zip(graph.output, outputs))
    onnx.save(model, path)
    write_safetensors(path + ".safetensors", {n: v for n, v in tensors.items() if str(v.dtype) in NAMES})


def main():
    folder, only = sys.argv[1], sys.argv[2:]
    os.makedirs(folder, exist_ok=True)
    warnings.simplefilter("ignore")
    sources = os.path.join(os.path.dirname(__file__), "../../../compiler/import/onnx/*.cpp")
    taken = {name for path in glob.glob(sources) for name in re.findall(r'table\.add\("(\w+)"', open(path).read())} | {"Constant"}
    passed, refused, failures = 0, 0, []
    for case in onnx.backend.test.case.node.collect_testcases(None):
        graph = case.model.graph
        arrays = case.data_sets and all(np.asarray(v).dtype != object for v in case.data_sets[0][0] if not isinstance(v, list))
        plain = arrays and not any(isinstance(v, list) or v is None for side in case.data_sets[0] for v in side)
        if not plain or not {node.op_type for node in graph.node} <= taken or (only and case.name not in only):
            continue
        if any(not info.type.HasField("tensor_type") for info in list(graph.input) + list(graph.output)):
            continue
        path = os.path.join(folder, case.name + ".onnx")
        prepare(case, path)
        tolerance = "1e-2" if "bf16" in case.name or "bfloat16" in case.name else "2e-3"
        command = ["weft-import-onnx", path, "--check", path + ".safetensors", "--tolerance", tolerance]
        result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
        if result.returncode == 0:
            passed += 1
        elif result.returncode == 1 and re.search(REFUSALS, result.stdout):
            refused += 1
        else:
            failures.append((case.name, result.stdout.strip()))
        for written in (path, path + ".safetensors"):
            os.remove(written)
    for name, output in failures:
        print(f"{name}: {output}")
    print(f"passed: {passed}\nrefused: {refused}\nfailed: {len(failures)}")


main()
