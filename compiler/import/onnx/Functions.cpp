//===- Functions.cpp - Operators that a model defines itself -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/Functions.h"

using namespace mlir;
using namespace weft;

/// Nodes that a model may expand to: functions that double themselves are not models.
static constexpr size_t maxNodes = 4 << 20;

static constexpr const char *scopesKey = "pkg.torch.onnx.name_scopes";

static std::string standard(const std::string &domain) { return domain == "ai.onnx" ? "" : domain; }

namespace {

class Inliner {
public:
  Inliner(MLIRContext *context, onnx::Model &model, llvm::function_ref<bool(StringRef)> isKnown)
      : context(context), model(model), isKnown(isKnown) {}

  LogicalResult run() {
    for (const onnx::Function &function : model.functions) {
      if (!functions.try_emplace(keyOf(function), &function).second)
        return fault(function.name) << "two functions are called '" << titleOf(function) << "'";
      auto it = function.opsets.find("");
      if (it != function.opsets.end() && (it->second < kFirstOpset || it->second > kLastOpset))
        return fault(titleOf(function)) << "the function uses opset " << it->second << ", Weft reads opsets "
                                        << kFirstOpset << " to " << kLastOpset;
    }
    for (onnx::Node &node : model.nodes)
      if (failed(add(std::move(node))))
        return failure();
    model.nodes = std::move(result);
    return success();
  }

private:
  using Key = std::tuple<std::string, std::string, std::string>;

  static Key keyOf(const onnx::Function &f) { return {standard(f.domain), f.name, f.overload}; }
  static std::string titleOf(const onnx::Function &f) {
    return (f.domain.empty() ? "" : f.domain + "::") + f.name + (f.overload.empty() ? "" : ":" + f.overload);
  }

  InFlightDiagnostic fault(const Twine &where) { return emitError(NameLoc::get(StringAttr::get(context, where))); }
  InFlightDiagnostic fault(const onnx::Node &node) {
    std::string name = node.name.empty() && !node.outputs.empty() ? node.outputs.front() : node.name;
    return fault(node.opType + ":" + name);
  }

  const onnx::Function *functionOf(const onnx::Node &node) {
    auto it = functions.find({standard(node.domain), node.opType, node.overload});
    if (it == functions.end() || (standard(node.domain).empty() && isKnown(node.opType)))
      return nullptr;
    return it->second;
  }

  LogicalResult add(onnx::Node node) {
    if (const onnx::Function *function = functionOf(node))
      return inlineCall(node, *function);
    if (result.size() >= maxNodes)
      return fault(node) << "the model's functions expand to more than " << maxNodes << " nodes";
    result.push_back(std::move(node));
    return success();
  }

  /// What the call gives for an attribute of the function; null if nothing.
  static const onnx::Attribute *argument(const onnx::Node &call, const onnx::Function &function, StringRef name) {
    for (const std::vector<onnx::Attribute> *list : {&call.attributes, &function.defaults})
      for (const onnx::Attribute &attribute : *list)
        if (attribute.name == name)
          return &attribute;
    return nullptr;
  }

  LogicalResult checkCall(const onnx::Node &call, const onnx::Function &function) {
    auto isParameter = [&](const std::string &name) {
      return llvm::is_contained(function.attributes, name) ||
             llvm::any_of(function.defaults, [&](const onnx::Attribute &a) { return a.name == name; });
    };
    if (call.inputs.size() > function.inputs.size() || call.outputs.size() > function.outputs.size())
      return fault(call) << "function '" << titleOf(function) << "' has " << function.inputs.size() << " operands and "
                         << function.outputs.size() << " results, the call gives " << call.inputs.size() << " and "
                         << call.outputs.size();
    for (const onnx::Attribute &attribute : call.attributes)
      if (!isParameter(attribute.name))
        return fault(call) << "function '" << titleOf(function) << "' has no attribute '" << attribute.name << "'";
    for (const onnx::Node &node : function.nodes)
      for (const onnx::Attribute &attribute : node.attributes)
        if (!attribute.reference.empty() && !isParameter(attribute.reference))
          return fault(call) << "function '" << titleOf(function) << "' uses an attribute '" << attribute.reference
                             << "' that it does not declare";
    return success();
  }

  LogicalResult inlineCall(const onnx::Node &call, const onnx::Function &function) {
    if (llvm::is_contained(stack, &function)) {
      std::string path;
      for (const onnx::Function *outer : stack)
        path += titleOf(*outer) + " -> ";
      return fault(call) << "a function calls itself: " << path << titleOf(function);
    }
    if (failed(checkCall(call, function)))
      return failure();
    stack.push_back(&function);
    std::string path = call.name.empty() && !call.outputs.empty() ? call.outputs.front() : call.name;
    // Two calls may have one name.
    std::string unique = path;
    for (int64_t i = 2; !paths.insert(unique).second; ++i)
      unique = path + "#" + std::to_string(i);
    path = unique + "/";

    llvm::StringMap<std::string> names;
    for (auto [i, input] : llvm::enumerate(function.inputs))
      names[input] = i < call.inputs.size() ? call.inputs[i] : "";
    std::vector<onnx::Node> passed;
    for (auto [i, output] : llvm::enumerate(function.outputs)) {
      if (i >= call.outputs.size() || call.outputs[i].empty())
        continue;
      if (names.count(output)) {
        // An operand, or a result a second time.
        onnx::Node &identity = passed.emplace_back();
        identity.opType = "Identity";
        identity.name = path + output;
        identity.inputs = {names[output]};
        identity.outputs = {call.outputs[i]};
        identity.guards = call.guards;
        continue;
      }
      names[output] = call.outputs[i];
    }
    auto rename = [&](std::string &name) {
      if (name.empty())
        return;
      auto it = names.find(name);
      name = it == names.end() ? path + name : it->second;
    };
    for (onnx::Node node : function.nodes) {
      node.name = path + (node.name.empty() && !node.outputs.empty() ? node.outputs.front() : node.name);
      for (std::string &input : node.inputs)
        rename(input);
      for (std::string &output : node.outputs)
        rename(output);
      for (onnx::Guard &guard : node.guards)
        rename(guard.condition);
      node.guards.insert(node.guards.begin(), call.guards.begin(), call.guards.end());
      std::vector<onnx::Attribute> attributes;
      for (onnx::Attribute &attribute : node.attributes) {
        if (attribute.reference.empty()) {
          attributes.push_back(std::move(attribute));
          continue;
        }
        // One that the call leaves out is left out here.
        if (const onnx::Attribute *given = argument(call, function, attribute.reference)) {
          attributes.push_back(*given);
          attributes.back().name = attribute.name;
        }
      }
      node.attributes = std::move(attributes);
      if (!node.metadata.count(scopesKey))
        if (auto it = call.metadata.find(scopesKey); it != call.metadata.end())
          node.metadata.insert(*it);
      auto opset = function.opsets.find("");
      node.opset = opset == function.opsets.end() ? call.opset : opset->second;
      if (failed(add(std::move(node))))
        return failure();
    }
    for (onnx::Node &identity : passed)
      if (failed(add(std::move(identity))))
        return failure();
    stack.pop_back();
    return success();
  }

  MLIRContext *context;
  onnx::Model &model;
  llvm::function_ref<bool(StringRef)> isKnown;
  std::map<Key, const onnx::Function *> functions;
  std::vector<const onnx::Function *> stack;
  llvm::StringSet<> paths;
  std::vector<onnx::Node> result;
};

} // namespace

LogicalResult weft::inlineFunctions(MLIRContext *context, onnx::Model &model,
                                    llvm::function_ref<bool(StringRef)> isKnown) {
  if (model.functions.empty())
    return success();
  return Inliner(context, model, isKnown).run();
}
