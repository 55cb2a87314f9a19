//===- TestCase.h - A backend test of the ONNX package ----------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A folder with a model, inputs and the outputs that belong to them
// (docs/conformance.md). This header and TestCase.cpp know protobuf and nothing
// of MLIR.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_TOOLS_ONNX_CONFORMANCE_TESTCASE_H
#define WEFT_TOOLS_ONNX_CONFORMANCE_TESTCASE_H

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace weft::conformance {

/// A value of a test: dense, row-major, little-endian, as it would lie in memory.
struct Tensor {
  std::string name;
  int32_t type = 0; ///< TensorProto.DataType
  std::vector<int64_t> dims;
  std::string bytes;

  int64_t elements() const;
};

/// The format's name of an element type ("UINT16").
std::string typeName(int32_t type);
/// Bytes of an element; 0 for types that have no elements of whole bytes (strings, 4-bit integers).
int64_t typeBytes(int32_t type);

class TestCase {
public:
  /// Reads the folder; false with a reason if it is no test.
  bool load(const std::string &folder, std::string &error);

  /// Operators of the graph, in its order, each once.
  std::vector<std::string> operators() const;

  /// Reads inputs and outputs; false with a reason if one is not a tensor of whole bytes. Call after `load`.
  bool loadData(std::string &error);

  /// The model as Weft reads it: sizes of inputs are those of the data, the opset lies in the range that Weft reads
  /// (operators of these tests are older than the opset they are moved to, and have not changed), and the inputs in
  /// `known` are initializers.
  std::string modelBytes(const std::set<std::string> &known) const;

  /// The inputs of the graph that `value` is computed from; `value` itself if it is one.
  std::set<std::string> inputsOf(const std::string &value) const;

  std::string name, folder;
  double relative = 1e-3, absolute = 1e-7;
  std::vector<Tensor> inputs, outputs;

private:
  std::string model;
};

} // namespace weft::conformance

#endif // WEFT_TOOLS_ONNX_CONFORMANCE_TESTCASE_H
