"""Writes the ONNX package's backend node tests as folders: write_cases.py FOLDER

Each case becomes FOLDER/NAME in the standard's own layout: model.onnx and test_data_set_N with input_I.pb and
output_I.pb. Beside them lies `tolerances`: the relative and the absolute one that the package compares this case with.
"""

import os
import sys
import warnings

import onnx
import onnx.backend.test.case.node
from onnx import helper, numpy_helper


def as_message(value, info):
    """A value of a case as the message that its type calls for; None if there is none."""
    if isinstance(value, onnx.TensorProto):
        return value
    kind = info.type.WhichOneof("value")
    if kind == "sequence_type":
        return numpy_helper.from_list(value, info.name)
    if kind == "optional_type":
        return numpy_helper.from_optional(value, info.name)
    if kind == "map_type":
        return numpy_helper.from_dict(value, info.name)
    declared = info.type.tensor_type.elem_type
    # Narrow floats and 4-bit integers have no NumPy type of their own: the graph says what the bits are.
    if declared and helper.tensor_dtype_to_np_dtype(declared) != getattr(value, "dtype", None):
        tensor = numpy_helper.from_array(value, info.name)
        if tensor.data_type != declared and len(tensor.raw_data) == value.size * value.dtype.itemsize:
            tensor.data_type = declared
        return tensor
    return numpy_helper.from_array(value, info.name)


def main():
    folder = sys.argv[1]
    warnings.simplefilter("ignore")
    written = 0
    for case in onnx.backend.test.case.node.collect_testcases(None):
        if case.kind != "node":
            continue
        place = os.path.join(folder, case.name)
        os.makedirs(place, exist_ok=True)
        onnx.save(case.model, os.path.join(place, "model.onnx"))
        with open(os.path.join(place, "tolerances"), "w") as out:
            out.write(f"{case.rtol} {case.atol}\n")
        for number, sides in enumerate(case.data_sets or []):
            data = os.path.join(place, f"test_data_set_{number}")
            os.makedirs(data, exist_ok=True)
            for side, infos, values in zip(("input", "output"), (case.model.graph.input, case.model.graph.output), sides):
                for i, (info, value) in enumerate(zip(infos, values)):
                    message = as_message(value, info)
                    with open(os.path.join(data, f"{side}_{i}.pb"), "wb") as out:
                        out.write(message.SerializeToString())
        written += 1
    print(f"{written} cases in {folder}")


main()
