//===- TestCase.cpp - A backend test of the ONNX package ------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "TestCase.h"
#include "onnx.pb.h"
#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>

using namespace weft::conformance;

/// The opsets that Weft reads; docs/import.md.
static constexpr int64_t kFirstOpset = 13, kLastOpset = 23;

int64_t Tensor::elements() const {
  int64_t count = 1;
  for (int64_t size : dims)
    count *= size;
  return count;
}

std::string weft::conformance::typeName(int32_t type) {
  return onnx::TensorProto_DataType_IsValid(type)
             ? onnx::TensorProto_DataType_Name(static_cast<onnx::TensorProto_DataType>(type))
             : "type " + std::to_string(type);
}

int64_t weft::conformance::typeBytes(int32_t type) {
  switch (type) {
  case onnx::TensorProto::BOOL:
  case onnx::TensorProto::INT8:
  case onnx::TensorProto::UINT8:
    return 1;
  case onnx::TensorProto::INT16:
  case onnx::TensorProto::UINT16:
  case onnx::TensorProto::FLOAT16:
  case onnx::TensorProto::BFLOAT16:
    return 2;
  case onnx::TensorProto::INT32:
  case onnx::TensorProto::UINT32:
  case onnx::TensorProto::FLOAT:
    return 4;
  case onnx::TensorProto::INT64:
  case onnx::TensorProto::UINT64:
  case onnx::TensorProto::DOUBLE:
    return 8;
  default:
    return 0;
  }
}

static bool readFile(const std::string &path, std::string &bytes) {
  std::ifstream in(path, std::ios::binary);
  if (!in)
    return false;
  std::ostringstream all;
  all << in.rdbuf();
  bytes = all.str();
  return true;
}

bool TestCase::load(const std::string &from, std::string &error) {
  folder = from;
  name = from.substr(from.find_last_of('/') + 1);
  onnx::ModelProto parsed;
  if (!readFile(folder + "/model.onnx", model) || !parsed.ParseFromString(model)) {
    error = "'" + folder + "/model.onnx' is not there or not a model";
    return false;
  }
  if (std::ifstream tolerances(folder + "/tolerances"); tolerances && !(tolerances >> relative >> absolute)) {
    error = "'" + folder + "/tolerances' does not hold two numbers";
    return false;
  }
  return true;
}

std::vector<std::string> TestCase::operators() const {
  onnx::ModelProto parsed;
  parsed.ParseFromString(model);
  std::vector<std::string> names;
  for (const onnx::NodeProto &node : parsed.graph().node())
    if (std::find(names.begin(), names.end(), node.op_type()) == names.end())
      names.push_back(node.op_type());
  return names;
}

/// Elements of a typed field as they would lie in memory, each narrowed to `width` bytes.
template <typename Field> static std::string narrowed(const Field &field, int64_t width) {
  std::string bytes;
  for (auto element : field) {
    char raw[sizeof(element)];
    std::memcpy(raw, &element, sizeof(element));
    bytes.append(raw, std::min<size_t>(width, sizeof(element)));
  }
  return bytes;
}

/// False unless the message is a tensor of whole bytes.
static bool decode(const onnx::TensorProto &message, Tensor &tensor) {
  tensor.type = message.data_type();
  tensor.dims.assign(message.dims().begin(), message.dims().end());
  int64_t width = typeBytes(tensor.type);
  if (message.has_raw_data())
    tensor.bytes = message.raw_data();
  else if (message.float_data_size())
    tensor.bytes = narrowed(message.float_data(), width);
  else if (message.double_data_size())
    tensor.bytes = narrowed(message.double_data(), width);
  else if (message.int64_data_size())
    tensor.bytes = narrowed(message.int64_data(), width);
  else if (message.uint64_data_size())
    tensor.bytes = narrowed(message.uint64_data(), width);
  else
    tensor.bytes = narrowed(message.int32_data(), width);
  return width && static_cast<int64_t>(tensor.bytes.size()) == width * tensor.elements();
}

bool TestCase::loadData(std::string &error) {
  onnx::ModelProto parsed;
  parsed.ParseFromString(model);
  auto side = [&](const auto &infos, const char *prefix, std::vector<Tensor> &tensors) {
    for (int i = 0; i < infos.size(); ++i) {
      Tensor tensor;
      tensor.name = infos[i].name();
      std::string path = folder + "/test_data_set_0/" + prefix + std::to_string(i) + ".pb", bytes;
      onnx::TensorProto message;
      if (!readFile(path, bytes)) {
        error = "'" + path + "' is not there";
        return false;
      }
      if (!infos[i].type().has_tensor_type() || !message.ParseFromString(bytes) || !decode(message, tensor)) {
        error =
            std::string(prefix, std::strlen(prefix) - 1) + " '" + tensor.name + "' is not a tensor of whole bytes" +
            (infos[i].type().has_tensor_type() ? " (" + typeName(infos[i].type().tensor_type().elem_type()) + ")" : "");
        return false;
      }
      tensors.push_back(std::move(tensor));
    }
    return true;
  };
  return side(parsed.graph().input(), "input_", inputs) && side(parsed.graph().output(), "output_", outputs);
}

std::string TestCase::modelBytes(const std::set<std::string> &known) const {
  onnx::ModelProto changed;
  changed.ParseFromString(model);
  for (onnx::OperatorSetIdProto &opset : *changed.mutable_opset_import())
    if (opset.domain().empty())
      opset.set_version(std::clamp(opset.version(), kFirstOpset, kLastOpset));
  onnx::GraphProto &graph = *changed.mutable_graph();
  google::protobuf::RepeatedPtrField<onnx::ValueInfoProto> kept;
  for (int i = 0; i < graph.input_size() && i < static_cast<int>(inputs.size()); ++i) {
    const Tensor &tensor = inputs[i];
    if (known.count(tensor.name)) {
      onnx::TensorProto &initializer = *graph.add_initializer();
      initializer.set_name(tensor.name);
      initializer.set_data_type(tensor.type);
      for (int64_t size : tensor.dims)
        initializer.add_dims(size);
      initializer.set_raw_data(tensor.bytes);
      continue;
    }
    onnx::ValueInfoProto info = graph.input(i);
    onnx::TensorShapeProto &shape = *info.mutable_type()->mutable_tensor_type()->mutable_shape();
    shape.clear_dim();
    for (int64_t size : tensor.dims)
      shape.add_dim()->set_dim_value(size);
    *kept.Add() = info;
  }
  if (!inputs.empty())
    graph.mutable_input()->Swap(&kept);
  return changed.SerializeAsString();
}

std::set<std::string> TestCase::inputsOf(const std::string &value) const {
  onnx::ModelProto parsed;
  parsed.ParseFromString(model);
  std::set<std::string> wanted{value}, found;
  const onnx::GraphProto &graph = parsed.graph();
  for (int i = graph.node_size() - 1; i >= 0; --i) {
    const onnx::NodeProto &node = graph.node(i);
    if (std::any_of(node.output().begin(), node.output().end(),
                    [&](const std::string &output) { return wanted.count(output) > 0; }))
      wanted.insert(node.input().begin(), node.input().end());
  }
  for (const onnx::ValueInfoProto &input : graph.input())
    if (wanted.count(input.name()))
      found.insert(input.name());
  return found;
}
