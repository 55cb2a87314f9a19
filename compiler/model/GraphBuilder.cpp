//===- GraphBuilder.cpp - Writes an ONNX graph node by node ---------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/model/GraphBuilder.h"

#include <algorithm>
#include <cassert>
#include <cstring>

using namespace weft;

static void addMetadata(google::protobuf::RepeatedPtrField<onnx::StringStringEntryProto> &metadata, const char *key,
                        const std::string &value) {
  onnx::StringStringEntryProto *entry = metadata.Add();
  entry->set_key(key);
  entry->set_value(value);
}

static void setType(onnx::ValueInfoProto &value, onnx::TensorProto::DataType type, const std::vector<int64_t> &shape) {
  onnx::TypeProto_Tensor *tensor = value.mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(type);
  onnx::TensorShapeProto *dims = tensor->mutable_shape();
  for (int64_t size : shape) {
    onnx::TensorShapeProto_Dimension *dim = dims->add_dim();
    if (size >= 0)
      dim->set_dim_value(size);
    else
      dim->set_dim_param(size == -1 ? "batch" : "sequence");
  }
}

GraphBuilder::Scope::Scope(GraphBuilder &builder, const std::string &name) : builder(builder) {
  builder.scopes.push_back(builder.scoped(".", name));
}

GraphBuilder::Attribute::Attribute(const char *name, int64_t value) {
  proto.set_name(name);
  proto.set_type(onnx::AttributeProto::INT);
  proto.set_i(value);
}

GraphBuilder::Attribute::Attribute(const char *name, float value) {
  proto.set_name(name);
  proto.set_type(onnx::AttributeProto::FLOAT);
  proto.set_f(value);
}

GraphBuilder::Attribute::Attribute(const char *name, const char *value) {
  proto.set_name(name);
  proto.set_type(onnx::AttributeProto::STRING);
  proto.set_s(value);
}

GraphBuilder::Attribute::Attribute(const char *name, std::initializer_list<int64_t> values) {
  proto.set_name(name);
  proto.set_type(onnx::AttributeProto::INTS);
  for (int64_t value : values)
    proto.add_ints(value);
}

std::string GraphBuilder::scoped(const char *separator, const std::string &name) const {
  return scopes.empty() ? name : scopes.back() + separator + name;
}

Value GraphBuilder::node(const char *opType, const char *label, const std::vector<Value> &operands,
                         Attributes attributes) {
  return nodes(opType, {label}, operands, attributes).front();
}

std::vector<Value> GraphBuilder::nodes(const char *opType, const std::vector<const char *> &labels,
                                       const std::vector<Value> &operands, Attributes attributes) {
  onnx::NodeProto *node = graph.add_node();
  node->set_op_type(opType);
  for (const Value &operand : operands)
    node->add_input(operand);
  std::vector<Value> results;
  for (const char *label : labels) {
    results.push_back(scoped("/", label));
    [[maybe_unused]] bool isNew = values.insert(results.back()).second;
    assert(isNew && "a label occurs once in its scope");
    node->add_output(results.back());
  }
  // The scope is in the metadata: messages show both.
  node->set_name(std::string(labels.front()) + "_" + std::to_string(graph.node_size() - 1));
  for (const Attribute &attribute : attributes)
    *node->add_attribute() = attribute.proto;
  // PyTorch writes a Python list: the modules around, the root's name is empty, then the node.
  std::string path = "['', ";
  for (const std::string &scope : scopes)
    path += "'" + scope + "', ";
  addMetadata(*node->mutable_metadata_props(), "pkg.torch.onnx.name_scopes", path + "'" + labels.front() + "']");
  return results;
}

onnx::ValueInfoProto *GraphBuilder::describe(const std::string &name, onnx::TensorProto::DataType type,
                                             const std::vector<int64_t> &shape, const char *kind) {
  onnx::ValueInfoProto *value = graph.add_value_info();
  value->set_name(name);
  setType(*value, type, shape);
  addMetadata(*value->mutable_metadata_props(), "pkg.torch.export.graph_signature.InputSpec.kind", kind);
  return value;
}

Value GraphBuilder::param(const std::string &name, const std::vector<int64_t> &shape) {
  return globalParam(scoped(".", name), shape);
}

Value GraphBuilder::globalParam(const std::string &name, const std::vector<int64_t> &shape) {
  if (!parameters.insert(name).second)
    return name;
  onnx::TensorProto *tensor = graph.add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(onnx::TensorProto::FLOAT);
  int64_t bytes = 4;
  for (int64_t size : shape) {
    tensor->add_dims(size);
    bytes *= size;
  }
  tensor->set_data_location(onnx::TensorProto::EXTERNAL);
  auto entry = [&](const char *key, const std::string &value) {
    onnx::StringStringEntryProto *data = tensor->add_external_data();
    data->set_key(key);
    data->set_value(value);
  };
  entry("location", dataLocation);
  entry("offset", std::to_string(parameterBytes));
  entry("length", std::to_string(bytes));
  parameterBytes += bytes;
  describe(name, onnx::TensorProto::FLOAT, shape, "PARAMETER");
  return name;
}

Value GraphBuilder::integerConstant(const std::string &name, const std::vector<int64_t> &numbers, bool scalar) {
  if (!values.insert(name).second)
    return name;
  onnx::TensorProto *tensor = graph.add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(onnx::TensorProto::INT64);
  if (!scalar)
    tensor->add_dims(static_cast<int64_t>(numbers.size()));
  for (int64_t number : numbers)
    tensor->add_int64_data(number);
  return name;
}

Value GraphBuilder::integers(const std::vector<int64_t> &numbers) {
  std::string name = "integers";
  for (int64_t number : numbers)
    name += "_" + std::to_string(number);
  return integerConstant(name, numbers, /*scalar=*/false);
}

Value GraphBuilder::integer(int64_t number) {
  return integerConstant("integer_" + std::to_string(number), {number}, /*scalar=*/true);
}

Value GraphBuilder::number(double value) {
  std::string name = "number_" + std::to_string(value);
  if (!values.insert(name).second)
    return name;
  onnx::TensorProto *tensor = graph.add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(onnx::TensorProto::FLOAT);
  tensor->add_float_data(static_cast<float>(value));
  return name;
}

Value GraphBuilder::flag(bool value) {
  std::string name = value ? "true" : "false";
  if (!values.insert(name).second)
    return name;
  onnx::TensorProto *tensor = graph.add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(onnx::TensorProto::BOOL);
  tensor->add_int32_data(value);
  return name;
}

Value GraphBuilder::buffer(const std::string &name, const std::vector<int64_t> &shape,
                           const std::vector<float> &numbers) {
  std::string whole = scoped(".", name);
  [[maybe_unused]] bool isNew = values.insert(whole).second;
  assert(isNew && "a buffer is made once");
  onnx::TensorProto *tensor = graph.add_initializer();
  tensor->set_name(whole);
  tensor->set_data_type(onnx::TensorProto::FLOAT);
  for (int64_t size : shape)
    tensor->add_dims(size);
  for (float number : numbers)
    tensor->add_float_data(number);
  describe(whole, onnx::TensorProto::FLOAT, shape, "BUFFER");
  return whole;
}

void GraphBuilder::input(const std::string &name, onnx::TensorProto::DataType type, const std::vector<int64_t> &shape) {
  onnx::ValueInfoProto *value = graph.add_input();
  value->set_name(name);
  setType(*value, type, shape);
}

void GraphBuilder::output(const Value &value, const std::string &name, onnx::TensorProto::DataType type,
                          const std::vector<int64_t> &shape) {
  onnx::NodeProto *last = graph.mutable_node(graph.node_size() - 1);
  assert(last->output_size() == 1 && last->output(0) == value && "only the last node's result is renamed");
  (void)value;
  last->set_output(0, name);
  onnx::ValueInfoProto *info = graph.add_output();
  info->set_name(name);
  setType(*info, type, shape);
}
