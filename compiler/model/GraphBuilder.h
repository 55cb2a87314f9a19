//===- GraphBuilder.h - Writes an ONNX graph node by node -------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_MODEL_GRAPHBUILDER_H
#define WEFT_COMPILER_MODEL_GRAPHBUILDER_H

#include "onnx.pb.h"

#include <cstdint>
#include <initializer_list>
#include <set>
#include <string>
#include <vector>

namespace weft {

/// The name of a value of the graph.
using Value = std::string;

/// Writes the nodes, parameters and constants of one ONNX graph of opset 23,
/// with the metadata by which PyTorch's exporter marks parameters and modules.
/// Values are named SCOPE/LABEL, where a label occurs once in its scope, and nodes
/// LABEL_NUMBER.
class GraphBuilder {
public:
  /// Parameters have no values: they point into the data file `dataLocation`,
  /// which need not exist.
  GraphBuilder(onnx::GraphProto &graph, std::string dataLocation)
      : graph(graph), dataLocation(std::move(dataLocation)) {}

  /// A module of the model, for as long as it lives.
  class Scope {
  public:
    /// `name` is relative to the scope around it, dots allowed: "h.0".
    Scope(GraphBuilder &builder, const std::string &name);
    ~Scope() { builder.scopes.pop_back(); }
    Scope(const Scope &) = delete;
    Scope &operator=(const Scope &) = delete;

  private:
    GraphBuilder &builder;
  };

  /// An attribute of a node.
  struct Attribute {
    Attribute(const char *name, int64_t value);
    Attribute(const char *name, float value);
    Attribute(const char *name, const char *value);
    Attribute(const char *name, std::initializer_list<int64_t> values);
    onnx::AttributeProto proto;
  };
  using Attributes = std::initializer_list<Attribute>;

  /// A node with one result.
  Value node(const char *opType, const char *label, const std::vector<Value> &operands, Attributes attributes = {});
  /// A node with one result for each of `labels`; the node has the first one's label.
  std::vector<Value> nodes(const char *opType, const std::vector<const char *> &labels,
                           const std::vector<Value> &operands, Attributes attributes = {});

  /// The float parameter SCOPE.`name`; asked for again, it is the same one.
  Value param(const std::string &name, const std::vector<int64_t> &shape);
  /// A parameter by its whole name.
  Value globalParam(const std::string &name, const std::vector<int64_t> &shape);

  /// A constant vector of integers, or a scalar; equal ones are stored once.
  Value integers(const std::vector<int64_t> &values);
  Value integer(int64_t value);
  /// A constant scalar that is a float or a boolean; equal ones are stored once.
  Value number(double value);
  Value flag(bool value);
  /// A table that is not trained, under a name of its own in the present scope.
  Value buffer(const std::string &name, const std::vector<int64_t> &shape, const std::vector<float> &values);

  /// Declares a graph input; negative sizes are "batch" (-1) and "sequence" (-2).
  void input(const std::string &name, onnx::TensorProto::DataType type, const std::vector<int64_t> &shape);
  /// Makes the result of the last node, `value`, the graph's output `name`.
  void output(const Value &value, const std::string &name, onnx::TensorProto::DataType type,
              const std::vector<int64_t> &shape);

  /// Elements of all parameters, and how many tensors they are.
  int64_t parameterCount() const { return parameterBytes / 4; }
  int64_t parameterTensors() const { return static_cast<int64_t>(parameters.size()); }

private:
  std::string scoped(const char *separator, const std::string &name) const;
  onnx::ValueInfoProto *describe(const std::string &name, onnx::TensorProto::DataType type,
                                 const std::vector<int64_t> &shape, const char *kind);
  Value integerConstant(const std::string &name, const std::vector<int64_t> &values, bool scalar);

  onnx::GraphProto &graph;
  std::string dataLocation;
  /// Whole names of the modules around, the outermost first.
  std::vector<std::string> scopes;
  std::set<std::string> values, parameters;
  int64_t parameterBytes = 0;
};

} // namespace weft

#endif // WEFT_COMPILER_MODEL_GRAPHBUILDER_H
