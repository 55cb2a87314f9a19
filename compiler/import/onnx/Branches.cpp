//===- Branches.cpp - Conditional nodes as guarded ones -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/Branches.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace weft;

static constexpr const char *scopesKey = "pkg.torch.onnx.name_scopes";

bool weft::isBranch(const onnx::Node &node) {
  return node.opType == "If" && (node.domain.empty() || node.domain == "ai.onnx");
}

namespace {

class Flattener {
public:
  explicit Flattener(MLIRContext *context) : context(context) {}

  LogicalResult run(std::vector<onnx::Node> &nodes) {
    if (llvm::none_of(nodes, isBranch))
      return success();
    result.clear();
    for (onnx::Node &node : nodes)
      if (failed(add(std::move(node))))
        return failure();
    nodes = std::move(result);
    return success();
  }

private:
  using Names = llvm::StringMap<std::string>;

  InFlightDiagnostic fault(const onnx::Node &node) {
    std::string name = node.name.empty() && !node.outputs.empty() ? node.outputs.front() : node.name;
    return emitError(NameLoc::get(StringAttr::get(context, node.opType + ":" + name)));
  }

  LogicalResult add(onnx::Node node) {
    if (!isBranch(node)) {
      result.push_back(std::move(node));
      return success();
    }
    const onnx::Graph *branches[2] = {nullptr, nullptr};
    for (const onnx::Attribute &attribute : node.attributes) {
      bool then = attribute.name == "then_branch";
      if ((!then && attribute.name != "else_branch") || attribute.kind != onnx::Attribute::Kind::Graph ||
          attribute.g.size() != 1)
        return fault(node) << "attribute '" << attribute.name << "' is not a branch";
      branches[then ? 0 : 1] = &attribute.g.front();
    }
    if (node.inputs.size() != 1 || node.inputs.front().empty() || !branches[0] || !branches[1])
      return fault(node) << "it needs one condition and two branches";
    for (const onnx::Graph *branch : branches)
      if (branch->outputs.size() != node.outputs.size() || !branch->inputs.empty())
        return fault(node) << "it has " << node.outputs.size() << " results, a branch has " << branch->outputs.size()
                           << " and " << branch->inputs.size() << " operands";
    std::string path = node.name.empty() && !node.outputs.empty() ? node.outputs.front() : node.name;
    std::string unique = path;
    for (int64_t i = 2; !paths.insert(unique).second; ++i)
      unique = path + "#" + std::to_string(i);
    onnx::Node choice = node;
    choice.attributes.clear();
    for (bool then : {true, false})
      if (failed(addBranch(node, *branches[then ? 0 : 1], then, unique + (then ? "/then/" : "/else/"), choice)))
        return failure();
    result.push_back(std::move(choice));
    return success();
  }

  /// Adds the nodes of a branch, under names that begin with `path`, and its results to the operands of `choice`.
  LogicalResult addBranch(const onnx::Node &node, const onnx::Graph &branch, bool then, const std::string &path,
                          onnx::Node &choice) {
    Names names;
    for (const onnx::Tensor &tensor : branch.initializers)
      names[tensor.name] = path + tensor.name;
    for (const onnx::Node &inner : branch.nodes)
      for (const std::string &output : inner.outputs)
        if (!output.empty())
          names[output] = path + output;
    for (const onnx::Tensor &tensor : branch.initializers) {
      onnx::Node &constant = result.emplace_back();
      constant.opType = "Constant";
      constant.name = constant.outputs.emplace_back(names[tensor.name]);
      onnx::Attribute &value = constant.attributes.emplace_back();
      value.name = "value";
      value.kind = onnx::Attribute::Kind::Tensor;
      value.t.push_back(tensor);
    }
    for (onnx::Node inner : branch.nodes) {
      inner.name = path + (inner.name.empty() && !inner.outputs.empty() ? inner.outputs.front() : inner.name);
      rename(inner, names);
      inner.opset = node.opset;
      inner.guards = node.guards;
      inner.guards.push_back({node.inputs.front(), then});
      if (!inner.metadata.count(scopesKey))
        if (auto it = node.metadata.find(scopesKey); it != node.metadata.end())
          inner.metadata.insert(*it);
      if (failed(add(std::move(inner))))
        return failure();
    }
    for (const std::string &output : branch.outputs) {
      if (output.empty())
        return fault(node) << "a result of its " << (then ? "then" : "else") << " branch has no name";
      auto it = names.find(output);
      choice.inputs.push_back(it == names.end() ? output : it->second);
    }
    return success();
  }

  /// Gives the values that `names` has their new names, also where graphs inside the node read them.
  static void rename(onnx::Node &node, const Names &names) {
    auto change = [&](std::string &name) {
      if (auto it = names.find(name); !name.empty() && it != names.end())
        name = it->second;
    };
    for (auto *list : {&node.inputs, &node.outputs})
      for (std::string &name : *list)
        change(name);
    for (onnx::Attribute &attribute : node.attributes)
      for (onnx::Graph &graph : attribute.g)
        renameInside(graph, names);
  }

  static void renameInside(onnx::Graph &graph, Names names) {
    // What a graph defines itself hides the name outside.
    for (const onnx::Tensor &tensor : graph.initializers)
      names.erase(tensor.name);
    for (const onnx::Node &node : graph.nodes)
      for (const std::string &output : node.outputs)
        names.erase(output);
    for (onnx::Node &node : graph.nodes)
      rename(node, names);
    for (std::string &output : graph.outputs)
      if (auto it = names.find(output); it != names.end())
        output = it->second;
  }

  MLIRContext *context;
  llvm::StringSet<> paths;
  std::vector<onnx::Node> result;
};

} // namespace

LogicalResult weft::flattenBranches(MLIRContext *context, onnx::Model &model) {
  Flattener flattener(context);
  if (failed(flattener.run(model.nodes)))
    return failure();
  for (onnx::Function &function : model.functions)
    if (failed(flattener.run(function.nodes)))
      return failure();
  return success();
}
