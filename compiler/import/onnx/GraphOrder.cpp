//===- GraphOrder.cpp - Checks and orders the nodes of a graph -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/GraphOrder.h"
#include <queue>

using namespace mlir;
using namespace weft;

static Location namedLoc(MLIRContext *context, const Twine &name) {
  return NameLoc::get(StringAttr::get(context, name));
}

/// "scope/Op:name", for a node of a given scope.
static Location nodeLocation(MLIRContext *context, const onnx::Node &node, StringRef scope) {
  std::string name = node.name;
  if (name.empty() && !node.outputs.empty())
    name = node.outputs.front();
  // A path says the scope again; see TracedNames.h.
  if (!scope.empty() && StringRef(name).starts_with("/"))
    name = StringRef(name).rsplit('/').second.str();
  return namedLoc(context, (scope.empty() ? "" : scope + "/") + Twine(node.opType) + ":" + name);
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

/// A tensor from the other forms a Constant's value may have.
static std::optional<onnx::Tensor> tensorOf(const onnx::Attribute &a) {
  using Kind = onnx::Attribute::Kind;
  onnx::Tensor tensor;
  auto add = [&](const auto *values, size_t count) {
    tensor.data.assign(reinterpret_cast<const char *>(values), count * sizeof(*values));
    tensor.bytes = tensor.data.size();
  };
  bool isFloat = a.kind == Kind::Float || a.kind == Kind::Floats;
  tensor.type = isFloat ? onnx::ElementType::Float : onnx::ElementType::Int64;
  if (a.name == "value" && a.kind == Kind::Tensor && a.t.size() == 1)
    return a.t.front();
  if (a.name == "value_float" && a.kind == Kind::Float)
    add(&a.f, 1);
  else if (a.name == "value_int" && a.kind == Kind::Int)
    add(&a.i, 1);
  else if (a.name == "value_floats" && a.kind == Kind::Floats)
    add(a.floats.data(), a.floats.size());
  else if (a.name == "value_ints" && a.kind == Kind::Ints)
    add(a.ints.data(), a.ints.size());
  else
    return std::nullopt;
  if (a.kind == Kind::Floats || a.kind == Kind::Ints)
    tensor.dims = {static_cast<int64_t>(tensor.bytes / (isFloat ? 4 : 8))};
  return tensor;
}

LogicalResult weft::hoistConstants(MLIRContext *context, onnx::Model &model) {
  std::vector<onnx::Node> rest;
  rest.reserve(model.nodes.size());
  for (onnx::Node &node : model.nodes) {
    bool constant = node.opType == "Constant", ofShape = node.opType == "ConstantOfShape";
    if (!node.domain.empty() || (!constant && !ofShape)) {
      rest.push_back(std::move(node));
      continue;
    }
    Location loc = nodeLocation(context, node, nodeScope(node));
    if (node.attributes.size() > 1 || (constant && node.attributes.empty()))
      return emitError(loc) << "exactly one attribute must give the value";
    std::optional<onnx::Tensor> tensor;
    if (!node.attributes.empty()) {
      tensor = tensorOf(node.attributes.front());
      if (!tensor)
        return emitError(loc) << "attribute '" << node.attributes.front().name << "' is not a value that Weft can take";
      node.attributes.clear();
    }
    if (node.outputs.size() != 1 || node.outputs.front().empty() || node.inputs.size() != (constant ? 0 : 1))
      return emitError(loc) << node.opType << " with " << node.inputs.size() << " operands and " << node.outputs.size()
                            << " results";
    if (constant) {
      tensor->name = node.outputs.front();
      tensor->isConstantNode = true;
      model.initializers.push_back(std::move(*tensor));
      continue;
    }
    if (tensor) {
      tensor->name = node.outputs.front() + "/value";
      tensor->isConstantNode = true;
      node.inputs.push_back(tensor->name);
      model.initializers.push_back(std::move(*tensor));
    }
    rest.push_back(std::move(node));
  }
  model.nodes = std::move(rest);
  return success();
}

void weft::resolveCopies(onnx::Model &model) {
  llvm::StringMap<std::string> sources;
  for (const onnx::Tensor &tensor : model.initializers)
    sources[tensor.name] = tensor.name;
  llvm::StringSet<> results;
  for (const onnx::ValueInfo &output : model.outputs)
    results.insert(output.name);
  // The tensors come before the nodes, and a copy of a copy after what it copies.
  for (onnx::Node &node : model.nodes) {
    for (std::string &input : node.inputs)
      if (auto it = sources.find(input); it != sources.end())
        input = it->second;
    bool copies = node.opType == "Identity" && (node.domain.empty() || node.domain == "ai.onnx") &&
                  node.inputs.size() == 1 && node.outputs.size() == 1 && node.guards.empty();
    if (!copies || results.contains(node.outputs.front()))
      continue;
    if (auto it = sources.find(node.inputs.front()); it != sources.end())
      sources.try_emplace(node.outputs.front(), it->second);
  }
}

//===----------------------------------------------------------------------===//
// Order
//===----------------------------------------------------------------------===//

/// What a node needs before it: its operands, then the conditions of its guards.
static SmallVector<std::string, 4> dependencies(const onnx::Node &node) {
  SmallVector<std::string, 4> names(node.inputs.begin(), node.inputs.end());
  for (const onnx::Guard &guard : node.guards)
    names.push_back(guard.condition);
  return names;
}

FailureOr<GraphOrder> weft::orderGraph(MLIRContext *context, StringRef path, const onnx::Model &model) {
  GraphOrder order;
  Location file = namedLoc(context, path);
  size_t count = model.nodes.size();

  // Who makes each name: a node, or (as `count`) an input or initializer.
  llvm::StringMap<size_t> makers;
  for (const onnx::Tensor &tensor : model.initializers) {
    if (tensor.name.empty())
      return emitError(file) << "an initializer has no name", failure();
    if (!makers.try_emplace(tensor.name, count).second)
      return emitError(file) << "two initializers are called '" << tensor.name << "'", failure();
  }
  llvm::StringSet<> inputNames;
  for (const onnx::ValueInfo &input : model.inputs) {
    if (input.name.empty() || !inputNames.insert(input.name).second)
      return emitError(file) << (input.name.empty() ? "an input has no name"
                                                    : "two inputs are called '" + input.name + "'"),
             failure();
    // An input that is also an initializer has a default value, which is what old files call a weight.
    makers.try_emplace(input.name, count);
  }
  std::vector<std::string> scopes(count);
  for (auto [i, node] : llvm::enumerate(model.nodes)) {
    scopes[i] = nodeScope(node);
    // Nodes an optimizer made have no scope: they are close to what they read.
    for (size_t k = 0; scopes[i].empty() && k < node.inputs.size(); ++k) {
      auto it = makers.find(node.inputs[k]);
      if (it != makers.end() && it->second < count)
        scopes[i] = scopes[it->second];
    }
    Location loc = nodeLocation(context, node, scopes[i]);
    order.locations.try_emplace(&node, loc);
    order.scopes[&node] = scopes[i];
    for (const std::string &output : node.outputs)
      if (!output.empty() && !makers.try_emplace(output, i).second)
        return emitError(loc) << "its result '" << output
                              << "' is already defined by another node, input or initializer",
               failure();
  }
  for (const onnx::Node &node : model.nodes)
    for (const std::string &input : dependencies(node))
      if (!input.empty() && !makers.count(input))
        return emitError(order.locations.find(&node)->second)
                   << "its operand '" << input << "' is not defined anywhere",
               failure();
  if (model.outputs.empty())
    return emitError(file) << "the graph has no results", failure();

  // What the results depend on.
  std::vector<bool> live(count);
  std::vector<size_t> work;
  auto need = [&](const std::string &name) {
    size_t maker = makers.lookup(name);
    if (maker < count && !live[maker]) {
      live[maker] = true;
      work.push_back(maker);
    }
  };
  for (const onnx::ValueInfo &output : model.outputs) {
    if (!makers.count(output.name))
      return emitError(file) << "nothing makes the graph's result '" << output.name << "'", failure();
    order.uses[output.name];
    need(output.name);
  }
  while (!work.empty()) {
    size_t node = work.back();
    work.pop_back();
    for (const std::string &input : dependencies(model.nodes[node]))
      if (!input.empty())
        need(input);
  }

  // Kahn's algorithm, always taking the ready node that comes first in the file.
  std::vector<size_t> missing(count);
  std::vector<SmallVector<size_t, 2>> users(count);
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
  for (size_t i = 0; i < count; ++i) {
    if (!live[i])
      continue;
    for (auto [k, input] : llvm::enumerate(dependencies(model.nodes[i]))) {
      if (input.empty())
        continue;
      // A condition is needed, but no operand.
      auto &uses = order.uses[input];
      if (k < model.nodes[i].inputs.size())
        uses.push_back({&model.nodes[i], k});
      size_t maker = makers.lookup(input);
      if (maker >= count)
        continue;
      users[maker].push_back(i);
      ++missing[i];
    }
    if (!missing[i])
      ready.push(i);
  }
  while (!ready.empty()) {
    size_t node = ready.top();
    ready.pop();
    order.nodes.push_back(&model.nodes[node]);
    live[node] = false;
    for (size_t user : users[node])
      if (--missing[user] == 0)
        ready.push(user);
  }
  for (size_t i = 0; i < count; ++i)
    if (live[i])
      return emitError(order.locations.find(&model.nodes[i])->second) << "it is part of a cycle, or depends on one",
             failure();
  return order;
}
