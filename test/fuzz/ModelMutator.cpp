//===- ModelMutator.cpp - Changes ONNX models at random -------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ModelMutator.h"
#include "Vocabulary.inc" // kOperators, kAttributes: what the importer's sources ask for
#include "onnx.pb.h"
#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>
#include <random>
#include <vector>

using namespace onnx;

namespace {

constexpr int64_t kSmall[] = {0, 1, -1, 2, 3, 4, -2, 5, 8, 6, 7, -3, 16};
constexpr int64_t kExtreme[] = {64,
                                100,
                                255,
                                1 << 20,
                                (int64_t(1) << 31) - 1,
                                int64_t(1) << 31,
                                int64_t(1) << 32,
                                int64_t(1) << 40,
                                (int64_t(1) << 40) + 1,
                                int64_t(1) << 60,
                                std::numeric_limits<int64_t>::max(),
                                std::numeric_limits<int64_t>::min(),
                                -1000};
const float kFloats[] = {0.0f,
                         -0.0f,
                         1.0f,
                         -1.0f,
                         0.5f,
                         2.0f,
                         1e-5f,
                         1e30f,
                         -3e38f,
                         1e-42f,
                         std::numeric_limits<float>::infinity(),
                         -std::numeric_limits<float>::infinity(),
                         std::numeric_limits<float>::quiet_NaN()};
constexpr const char *kWords[] = {"constant", "none",       "tanh",   "mean", "sum",       "edge",
                                  "reflect",  "SAME_UPPER", "VALID",  "mul",  "ij,jk->ik", "bhid,bd",
                                  "...ij->i", "i",          "NOTSET", ""};
constexpr const char *kSizes[] = {"batch", "sequence", "b", "s"};
constexpr int kTypes[] = {1, 7, 9, 6, 10, 11, 16, 2, 3, 5, 0, 8, 12, 99};
/// What is not drawn from the vocabulary: data of an initializer stay below it, larger ones are in an absent file.
constexpr int64_t kMaxInlineElements = 64;

class Mutator {
public:
  Mutator(ModelProto &model, unsigned seed) : model(model), graph(*model.mutable_graph()), random(seed) {}

  void change();
  void join(ModelProto &other);

private:
  size_t below(size_t limit) { return random() % limit; }
  bool chance(unsigned oneIn) { return below(oneIn) == 0; }
  template <typename T, size_t n> const T &pick(const T (&list)[n]) { return list[below(n)]; }
  int64_t number() { return chance(6) ? pick(kExtreme) : pick(kSmall); }
  int64_t size() { return chance(12) ? number() : pick({1, 2, 3, 4, 1, 2, 6, 8}); }

  std::vector<std::string> valueNames() const;
  std::string value() {
    std::vector<std::string> names = valueNames();
    return names.empty() ? "x" : names[below(names.size())];
  }
  std::string freshName() { return "v" + std::to_string(random() % 100000); }
  NodeProto *node() { return graph.node_size() ? graph.mutable_node(below(graph.node_size())) : nullptr; }
  AttributeProto *attribute();

  void shape(google::protobuf::RepeatedField<int64_t> &dims);
  void shape(TensorShapeProto &dims);
  /// Gives a tensor as many elements as its shape says.
  void fit(TensorProto &tensor);
  void fill(TensorProto &tensor, int64_t count);
  void mutate(TensorProto &tensor);
  void mutate(AttributeProto &attribute, bool kindToo);
  TensorProto &addInitializer();
  void addInput();
  void addNode();
  void addAttribute();
  void mutateOutputs();
  void mutateInputs();
  void mutateEdges();
  void mutateNodes();
  void mutateMetadata();
  void makeFunction();
  void makeBranch();
  void rename();

  ModelProto &model;
  GraphProto &graph;
  std::minstd_rand random;
};

} // namespace

std::vector<std::string> Mutator::valueNames() const {
  std::vector<std::string> names;
  for (const ValueInfoProto &input : graph.input())
    names.push_back(input.name());
  for (const TensorProto &tensor : graph.initializer())
    names.push_back(tensor.name());
  for (const NodeProto &node : graph.node())
    for (const std::string &output : node.output())
      names.push_back(output);
  return names;
}

AttributeProto *Mutator::attribute() {
  std::vector<AttributeProto *> all;
  for (NodeProto &node : *graph.mutable_node())
    for (AttributeProto &attribute : *node.mutable_attribute())
      all.push_back(&attribute);
  return all.empty() ? nullptr : all[below(all.size())];
}

//===----------------------------------------------------------------------===//
// Shapes and tensors
//===----------------------------------------------------------------------===//

void Mutator::shape(google::protobuf::RepeatedField<int64_t> &dims) {
  switch (below(4)) {
  case 0:
    if (dims.size() < 8)
      dims.Add(size());
    break;
  case 1:
    if (!dims.empty())
      dims.RemoveLast();
    break;
  case 2:
    if (dims.size() > 1)
      dims.SwapElements(0, dims.size() - 1);
    break;
  default:
    if (!dims.empty())
      dims.Set(below(dims.size()), size());
  }
}

void Mutator::shape(TensorShapeProto &dims) {
  switch (below(4)) {
  case 0:
    if (dims.dim_size() < 8)
      dims.add_dim()->set_dim_value(size());
    break;
  case 1:
    if (dims.dim_size())
      dims.mutable_dim()->RemoveLast();
    break;
  case 2:
    if (dims.dim_size())
      dims.mutable_dim(below(dims.dim_size()))->set_dim_param(pick(kSizes));
    break;
  default:
    if (dims.dim_size())
      dims.mutable_dim(below(dims.dim_size()))->set_dim_value(size());
  }
}

void Mutator::fill(TensorProto &tensor, int64_t count) {
  std::string &raw = *tensor.mutable_raw_data();
  raw.clear();
  auto add = [&](auto one) { raw.append(reinterpret_cast<const char *>(&one), sizeof(one)); };
  for (int64_t i = 0; i < count; ++i)
    switch (tensor.data_type()) {
    case TensorProto::FLOAT:
      add(pick(kFloats));
      break;
    case TensorProto::INT64:
      add(number());
      break;
    case TensorProto::INT32:
      add(static_cast<int32_t>(number()));
      break;
    case TensorProto::DOUBLE:
      add(static_cast<double>(pick(kFloats)));
      break;
    case TensorProto::BOOL:
    case TensorProto::INT8:
    case TensorProto::UINT8:
      add(static_cast<int8_t>(below(2)));
      break;
    default:
      add(static_cast<int16_t>(random()));
    }
}

void Mutator::fit(TensorProto &tensor) {
  int64_t count = 1;
  for (int64_t dim : tensor.dims())
    count =
        dim < 0 || dim > kMaxInlineElements ? kMaxInlineElements + 1 : std::min(count * dim, kMaxInlineElements + 1);
  tensor.clear_int64_data();
  tensor.clear_int32_data();
  tensor.clear_float_data();
  tensor.clear_double_data();
  tensor.clear_raw_data();
  tensor.clear_external_data();
  tensor.clear_data_location();
  if (count <= kMaxInlineElements) {
    fill(tensor, count);
    return;
  }
  tensor.set_data_location(TensorProto::EXTERNAL);
  StringStringEntryProto &entry = *tensor.add_external_data();
  entry.set_key("location");
  entry.set_value("absent");
}

void Mutator::mutate(TensorProto &tensor) {
  switch (below(6)) {
  case 0:
  case 1:
    shape(*tensor.mutable_dims());
    break;
  case 2:
    tensor.set_data_type(pick(kTypes));
    break;
  case 3: // the bytes alone, no longer as many as the shape says
    if (tensor.has_raw_data())
      tensor.mutable_raw_data()->resize(below(40));
    return;
  case 4:
    tensor.add_int64_data(number());
    return;
  default: // other values
    break;
  }
  fit(tensor);
}

TensorProto &Mutator::addInitializer() {
  TensorProto &tensor = *graph.add_initializer();
  tensor.set_name(freshName());
  tensor.set_data_type(chance(2) ? TensorProto::INT64 : TensorProto::FLOAT);
  for (size_t i = 0, rank = below(3); i < rank; ++i)
    tensor.add_dims(size());
  fit(tensor);
  return tensor;
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

void Mutator::mutate(AttributeProto &attribute, bool kindToo) {
  if (kindToo)
    attribute.set_type(
        pick({AttributeProto::INT, AttributeProto::INTS, AttributeProto::FLOAT, AttributeProto::STRING,
              AttributeProto::TENSOR, AttributeProto::FLOATS, AttributeProto::STRINGS, AttributeProto::GRAPH}));
  switch (attribute.type()) {
  case AttributeProto::INT:
    attribute.set_i(number());
    break;
  case AttributeProto::FLOAT:
    attribute.set_f(pick(kFloats));
    break;
  case AttributeProto::STRING: {
    std::string text = attribute.s();
    if (!text.empty() && chance(2))
      text[below(text.size())] = pick({'i', 'j', ',', '-', '>', '.', 'b', ' '});
    else
      text = pick(kWords);
    attribute.set_s(text);
    break;
  }
  case AttributeProto::INTS:
    if (attribute.ints_size() && chance(2))
      attribute.set_ints(below(attribute.ints_size()), number());
    else if (attribute.ints_size() && chance(2))
      attribute.mutable_ints()->RemoveLast();
    else
      attribute.add_ints(number());
    break;
  case AttributeProto::FLOATS:
    attribute.add_floats(pick(kFloats));
    break;
  case AttributeProto::STRINGS:
    attribute.add_strings(pick(kWords));
    break;
  case AttributeProto::TENSOR:
    mutate(*attribute.mutable_t());
    break;
  case AttributeProto::GRAPH:
    attribute.mutable_g()->add_node()->set_op_type(pick(kOperators));
    break;
  default:
    attribute.set_type(AttributeProto::INT);
  }
}

void Mutator::addAttribute() {
  NodeProto *at = node();
  if (!at)
    return;
  AttributeProto &attribute = *at->add_attribute();
  attribute.set_name(pick(kAttributes));
  mutate(attribute, /*kindToo=*/true);
}

//===----------------------------------------------------------------------===//
// Nodes and edges
//===----------------------------------------------------------------------===//

void Mutator::addNode() {
  NodeProto added;
  added.set_op_type(pick(kOperators));
  for (size_t i = 0, count = 1 + below(3); i < count; ++i)
    added.add_input(chance(3) ? addInitializer().name() : value());
  std::string name = freshName();
  for (size_t i = 0, count = chance(5) ? 1 + below(4) : 1; i < count; ++i)
    added.add_output(name + (i ? "_" + std::to_string(i) : ""));
  *graph.add_node() = std::move(added);
  // A node that nothing reads is not looked at.
  if (chance(2) || !graph.output_size())
    graph.add_output()->set_name(name);
  else
    graph.mutable_output(below(graph.output_size()))->set_name(name);
}

void Mutator::addInput() {
  ValueInfoProto &input = *graph.add_input();
  input.set_name(freshName());
  TypeProto::Tensor &type = *input.mutable_type()->mutable_tensor_type();
  type.set_elem_type(chance(3) ? pick(kTypes) : TensorProto::FLOAT);
  type.mutable_shape();
  for (size_t i = 0, rank = below(4); i < rank; ++i)
    shape(*type.mutable_shape());
  if (NodeProto *at = node(); at && at->input_size())
    at->set_input(below(at->input_size()), input.name());
}

void Mutator::mutateInputs() {
  if (!graph.input_size() || chance(6))
    return addInput();
  ValueInfoProto &input = *graph.mutable_input(below(graph.input_size()));
  if (chance(12))
    return graph.mutable_input()->RemoveLast();
  TypeProto::Tensor &type = *input.mutable_type()->mutable_tensor_type();
  if (chance(3))
    type.set_elem_type(pick(kTypes));
  else
    shape(*type.mutable_shape());
}

void Mutator::mutateOutputs() {
  switch (below(3)) {
  case 0:
    graph.add_output()->set_name(value());
    break;
  case 1:
    if (graph.output_size() > 1)
      graph.mutable_output()->RemoveLast();
    break;
  default:
    if (graph.output_size())
      graph.mutable_output(below(graph.output_size()))->set_name(value());
  }
}

void Mutator::mutateEdges() {
  NodeProto *at = node();
  if (!at)
    return;
  switch (below(6)) {
  case 0:
    at->add_input(chance(2) ? addInitializer().name() : value());
    break;
  case 1:
    if (at->input_size())
      at->mutable_input()->RemoveLast();
    break;
  case 2:
    if (at->input_size())
      at->set_input(below(at->input_size()), chance(3) ? "" : addInitializer().name());
    break;
  case 3:
    if (at->input_size() > 1)
      at->mutable_input()->SwapElements(0, at->input_size() - 1);
    break;
  case 4:
    at->add_output(chance(3) ? "" : freshName());
    break;
  default:
    if (at->input_size())
      at->set_input(below(at->input_size()), value());
  }
}

void Mutator::mutateNodes() {
  if (!graph.node_size() || chance(2))
    return addNode();
  size_t at = below(graph.node_size());
  switch (below(4)) {
  case 0: // what read its result reads its operand
  {
    NodeProto gone = graph.node(at);
    graph.mutable_node()->DeleteSubrange(at, 1);
    if (!gone.input_size() || !gone.output_size())
      return;
    for (NodeProto &node : *graph.mutable_node())
      for (std::string &input : *node.mutable_input())
        if (input == gone.output(0))
          input = gone.input(0);
    for (ValueInfoProto &output : *graph.mutable_output())
      if (output.name() == gone.output(0))
        output.set_name(gone.input(0));
    break;
  }
  case 1: {
    NodeProto twin = graph.node(at);
    for (std::string &output : *twin.mutable_output())
      output = freshName();
    if (twin.output_size())
      graph.add_output()->set_name(twin.output(0));
    *graph.add_node() = std::move(twin);
    break;
  }
  case 2:
    graph.mutable_node()->SwapElements(at, below(graph.node_size()));
    break;
  default:
    graph.mutable_node(at)->set_op_type(pick(kOperators));
  }
}

void Mutator::mutateMetadata() {
  ValueInfoProto &info = *graph.add_value_info();
  info.set_name(value());
  StringStringEntryProto &entry = *info.add_metadata_props();
  if (chance(2)) {
    entry.set_key("pkg.torch.export.graph_signature.InputSpec.kind");
    entry.set_value(chance(2) ? "PARAMETER" : "BUFFER");
  } else {
    entry.set_key("pkg.onnxscript.optimizer.folded_from");
    entry.set_value("['" + value() + (chance(2) ? "', '" + value() : "") + "']");
  }
}

/// Makes a function of the model out of a node, which then calls it.
void Mutator::makeFunction() {
  NodeProto *at = node();
  if (!at)
    return;
  FunctionProto &function = *model.add_functions();
  function.set_name(chance(3) && model.functions_size() > 1 ? model.functions(0).name() : freshName());
  function.set_domain("local");
  NodeProto &body = *function.add_node();
  body = *at;
  for (const std::string &input : at->input())
    function.add_input(input);
  for (const std::string &output : at->output())
    function.add_output(output);
  OperatorSetIdProto &opset = *function.add_opset_import();
  opset.set_version(model.opset_import_size() ? model.opset_import(0).version() : 18);
  if (chance(4)) // a function that calls itself
    body.set_op_type(function.name()), body.set_domain("local");
  at->set_op_type(function.name());
  at->set_domain("local");
  for (const AttributeProto &attribute : at->attribute())
    function.add_attribute(attribute.name());
  if (!chance(3))
    at->clear_attribute();
}

/// Makes a conditional node out of a node, which is in one of its branches or both.
void Mutator::makeBranch() {
  NodeProto *at = node();
  if (!at)
    return;
  NodeProto inner = *at;
  std::string condition = value();
  if (!chance(4)) {
    TensorProto &known = *graph.add_initializer();
    known.set_name(condition = freshName());
    known.set_data_type(TensorProto::BOOL);
    known.set_raw_data(std::string(1, static_cast<char>(below(2))));
  }
  at->Clear();
  at->set_op_type("If");
  at->add_input(condition);
  *at->mutable_output() = inner.output();
  for (const char *name : {"then_branch", "else_branch"}) {
    AttributeProto &branch = *at->add_attribute();
    branch.set_name(name);
    branch.set_type(AttributeProto::GRAPH);
    NodeProto &body = *branch.mutable_g()->add_node();
    body = inner;
    if (chance(3))
      body.set_op_type(pick(kOperators));
    if (chance(6))
      body.mutable_attribute()->Clear();
    for (const std::string &output : body.output())
      branch.mutable_g()->add_output()->set_name(chance(8) ? value() : output);
  }
}

void Mutator::rename() {
  std::string from = value(), to = chance(3) ? value() : freshName();
  for (NodeProto &node : *graph.mutable_node()) {
    std::replace(node.mutable_input()->begin(), node.mutable_input()->end(), from, to);
    std::replace(node.mutable_output()->begin(), node.mutable_output()->end(), from, to);
  }
  for (auto *list : {graph.mutable_input(), graph.mutable_output()})
    for (ValueInfoProto &info : *list)
      if (info.name() == from)
        info.set_name(to);
  for (TensorProto &tensor : *graph.mutable_initializer())
    if (tensor.name() == from)
      tensor.set_name(to);
}

void Mutator::change() {
  switch (below(16)) {
  case 0:
  case 1:
  case 2:
    if (AttributeProto *one = attribute()) {
      mutate(*one, /*kindToo=*/chance(8));
      return;
    }
    [[fallthrough]];
  case 3:
    return addAttribute();
  case 4:
    if (NodeProto *at = node(); at && at->attribute_size())
      return at->mutable_attribute()->RemoveLast();
    [[fallthrough]];
  case 5:
  case 6:
    return mutateEdges();
  case 7:
  case 8:
    return mutateNodes();
  case 9:
  case 10:
    return mutateInputs();
  case 11:
  case 12:
    if (graph.initializer_size())
      return mutate(*graph.mutable_initializer(below(graph.initializer_size())));
    [[fallthrough]];
  case 13:
    return mutateOutputs();
  case 14:
    return chance(2) ? rename() : mutateMetadata();
  default:
    if (chance(3))
      return chance(2) ? makeFunction() : makeBranch();
    if (!model.opset_import_size())
      model.add_opset_import();
    model.mutable_opset_import(0)->set_version(chance(4) ? number() : 12 + below(14));
  }
}

void Mutator::join(ModelProto &otherModel) {
  GraphProto &other = *otherModel.mutable_graph();
  std::vector<std::string> here = valueNames();
  auto there = [](std::string &name) {
    if (!name.empty())
      name = "o_" + name;
  };
  for (TensorProto &tensor : *other.mutable_initializer()) {
    there(*tensor.mutable_name());
    *graph.add_initializer() = std::move(tensor);
  }
  for (ValueInfoProto &input : *other.mutable_input()) {
    there(*input.mutable_name());
    *graph.add_input() = std::move(input);
  }
  for (NodeProto &node : *other.mutable_node()) {
    for (std::string &input : *node.mutable_input()) {
      there(input);
      if (!here.empty() && chance(6))
        input = here[below(here.size())];
    }
    for (std::string &output : *node.mutable_output())
      there(output);
    *graph.add_node() = std::move(node);
  }
  for (ValueInfoProto &output : *other.mutable_output()) {
    there(*output.mutable_name());
    *graph.add_output() = std::move(output);
  }
}

//===----------------------------------------------------------------------===//
// Entry
//===----------------------------------------------------------------------===//

static bool write(const ModelProto &model, size_t maxSize, std::string &bytes) {
  if (model.ByteSizeLong() > maxSize)
    return false;
  return model.SerializeToString(&bytes);
}

bool weft::fuzz::mutateModel(std::string &bytes, size_t maxSize, unsigned seed) {
  ModelProto model;
  if (!model.ParseFromString(bytes))
    return false;
  Mutator mutator(model, seed);
  for (unsigned i = 0; i <= seed % 4; ++i)
    mutator.change();
  return write(model, maxSize, bytes);
}

bool weft::fuzz::joinModels(std::string &bytes, const std::string &other, size_t maxSize, unsigned seed) {
  ModelProto model, second;
  if (!model.ParseFromString(bytes) || !second.ParseFromString(other))
    return false;
  Mutator(model, seed).join(second);
  return write(model, maxSize, bytes);
}
