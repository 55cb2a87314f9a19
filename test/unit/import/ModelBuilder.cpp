//===- ModelBuilder.cpp - Small ONNX models for tests -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ModelBuilder.h"
#include "onnx.pb.h"

using namespace weft::test;

ModelBuilder::ModelBuilder(int64_t opset) : model(std::make_unique<::onnx::ModelProto>()) {
  model->set_ir_version(10);
  model->add_opset_import()->set_version(opset);
  model->mutable_graph()->set_name("test");
}

ModelBuilder::ModelBuilder(const ModelBuilder &other) : model(std::make_unique<::onnx::ModelProto>(*other.model)) {}
ModelBuilder::~ModelBuilder() = default;

ModelBuilder &ModelBuilder::input(const std::string &name, const Shape &shape, ElementKind kind) {
  auto *input = model->mutable_graph()->add_input();
  input->set_name(name);
  auto *type = input->mutable_type()->mutable_tensor_type();
  type->set_elem_type(kind);
  auto *dims = type->mutable_shape();
  for (int64_t size : shape) {
    auto *dim = dims->add_dim();
    if (size >= 0)
      dim->set_dim_value(size);
    else if (size > -3)
      dim->set_dim_param(size == -1 ? "batch" : "sequence");
  }
  return *this;
}

ModelBuilder &ModelBuilder::output(const std::string &name) {
  model->mutable_graph()->add_output()->set_name(name);
  return *this;
}

ModelBuilder &ModelBuilder::node(const std::string &opType, const Names &inputs, const Names &outputs,
                                 const std::vector<Attr> &attributes, const std::string &scopes) {
  auto *node = model->mutable_graph()->add_node();
  node->set_op_type(opType);
  node->set_name("node_" + (outputs.empty() ? opType : outputs.front()));
  for (const std::string &name : inputs)
    node->add_input(name);
  for (const std::string &name : outputs)
    node->add_output(name);
  for (const Attr &attr : attributes) {
    auto *proto = node->add_attribute();
    proto->set_name(attr.name);
    if (auto *number = std::get_if<int64_t>(&attr.value)) {
      proto->set_type(::onnx::AttributeProto::INT);
      proto->set_i(*number);
    } else if (auto *real = std::get_if<float>(&attr.value)) {
      proto->set_type(::onnx::AttributeProto::FLOAT);
      proto->set_f(*real);
    } else if (auto *text = std::get_if<std::string>(&attr.value)) {
      proto->set_type(::onnx::AttributeProto::STRING);
      proto->set_s(*text);
    } else {
      proto->set_type(::onnx::AttributeProto::INTS);
      for (int64_t value : std::get<std::vector<int64_t>>(attr.value))
        proto->add_ints(value);
    }
  }
  if (!scopes.empty()) {
    auto *entry = node->add_metadata_props();
    entry->set_key("pkg.torch.onnx.name_scopes");
    entry->set_value(scopes);
  }
  return *this;
}

ModelBuilder &ModelBuilder::raw(const std::string &name, ElementKind kind, const Shape &shape,
                                const std::string &bytes) {
  auto *tensor = model->mutable_graph()->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(kind);
  for (int64_t size : shape)
    tensor->add_dims(size);
  tensor->set_raw_data(bytes);
  return *this;
}

template <typename T> static std::string bytesOf(const std::vector<T> &values) {
  return std::string(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(T));
}

ModelBuilder &ModelBuilder::floats(const std::string &name, const Shape &shape, const std::vector<float> &values) {
  return raw(name, F32, shape, bytesOf(values));
}

ModelBuilder &ModelBuilder::ints(const std::string &name, const Shape &shape, const std::vector<int64_t> &values) {
  return raw(name, I64, shape, bytesOf(values));
}

ModelBuilder &ModelBuilder::external(const std::string &name, const Shape &shape, const std::string &location,
                                     int64_t offset, int64_t length) {
  auto *tensor = model->mutable_graph()->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(F32);
  for (int64_t size : shape)
    tensor->add_dims(size);
  tensor->set_data_location(::onnx::TensorProto::EXTERNAL);
  auto add = [&](const char *key, const std::string &value) {
    auto *entry = tensor->add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  };
  add("location", location);
  add("offset", std::to_string(offset));
  add("length", std::to_string(length));
  return *this;
}

ModelBuilder &ModelBuilder::info(const std::string &name, const std::string &key, const std::string &value) {
  auto *info = model->mutable_graph()->add_value_info();
  info->set_name(name);
  auto *entry = info->add_metadata_props();
  entry->set_key(key);
  entry->set_value(value);
  return *this;
}

ModelBuilder &ModelBuilder::graphInfo(const std::string &key, const std::string &value) {
  auto *entry = model->mutable_graph()->add_metadata_props();
  entry->set_key(key);
  entry->set_value(value);
  return *this;
}

std::string ModelBuilder::bytes() const { return model->SerializeAsString(); }
