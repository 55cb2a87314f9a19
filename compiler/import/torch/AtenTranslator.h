//===- AtenTranslator.h - What translations of operators ask of a node and make===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_IMPORT_TORCH_ATENTRANSLATOR_H
#define WEFT_COMPILER_IMPORT_TORCH_ATENTRANSLATOR_H

#include "compiler/import/torch/AtenGraph.h"
#include "llvm/ADT/StringRef.h"
#include <algorithm>
#include <limits>

namespace weft::torch {

struct TensorInfo {
  onnx::ElementType type = onnx::ElementType::Undefined;
  std::vector<Size> sizes;
  int64_t rank() const { return static_cast<int64_t>(sizes.size()); }
};

/// An integer that is known, or the value of the model that it is.
struct Integer {
  int64_t value = 0;
  std::string name;
};

/// Why a node cannot be translated.
struct Refusal {
  std::string reason;
};

inline onnx::Attribute attribute(std::string name, int64_t value) {
  onnx::Attribute result;
  result.name = std::move(name), result.kind = onnx::Attribute::Kind::Int, result.i = value;
  return result;
}
inline onnx::Attribute attribute(std::string name, float value) {
  onnx::Attribute result;
  result.name = std::move(name), result.kind = onnx::Attribute::Kind::Float, result.f = value;
  return result;
}
inline onnx::Attribute attribute(std::string name, std::vector<int64_t> values) {
  onnx::Attribute result;
  result.name = std::move(name), result.kind = onnx::Attribute::Kind::Ints, result.ints = std::move(values);
  return result;
}
inline onnx::Attribute attribute(std::string name, const char *value) {
  onnx::Attribute result;
  result.name = std::move(name), result.kind = onnx::Attribute::Kind::String, result.s = value;
  return result;
}

class Translator;

/// Translates the node at hand. Returns the value of its first result; "" where it set the results itself, or has none.
using Operator = std::string (*)(Translator &);

/// The operator of a name without `torch.ops.`; null where there is none.
Operator findOperator(llvm::StringRef name);

class Translator {
public:
  Translator(std::map<std::string, std::string> &names, onnx::Model &model) : names(names), model(model) {}

  bool run(const llvm::json::Object &graph, std::string &error);

  //===--------------------------------------------------------------------===//
  // What operators ask of the node at hand
  //===--------------------------------------------------------------------===//

  bool refuse(std::string reason) {
    if (refusal.reason.empty())
      refusal.reason = std::move(reason);
    return false;
  }
  const llvm::json::Object *argument(llvm::StringRef name) const {
    for (const llvm::json::Value &input : *inputs)
      if (const llvm::json::Object *object = input.getAsObject())
        if (object->getString("name") == name)
          return object->getObject("arg");
    return nullptr;
  }
  bool has(llvm::StringRef name) const {
    const llvm::json::Object *value = argument(name);
    return value && !value->get("as_none");
  }
  bool isTensor(llvm::StringRef name) const {
    const llvm::json::Object *value = argument(name);
    return value && value->get("as_tensor");
  }
  std::string tensorName(llvm::StringRef name) const {
    const llvm::json::Object *value = argument(name), *tensor = value ? value->getObject("as_tensor") : nullptr;
    return tensor ? tensor->getString("name").value_or("").str() : "";
  }
  /// The value that a tensor is in the model; "" where the argument is left out.
  std::string tensor(llvm::StringRef name) { return has(name) ? valueOf(tensorName(name)) : ""; }
  const TensorInfo &info(llvm::StringRef name) { return infoOf(tensorName(name)); }
  const TensorInfo &infoOf(const std::string &tensor) {
    auto found = infos.find(tensor);
    if (found == infos.end())
      refuse("the type of '" + tensor + "' is missing");
    static const TensorInfo none;
    return found == infos.end() ? none : found->second;
  }
  const TensorInfo &result(size_t index = 0) { return infoOf(index < outputs.size() ? outputs[index] : ""); }
  int64_t integer(llvm::StringRef name, int64_t otherwise = 0) {
    Integer value = integerArgument(name, otherwise);
    if (!value.name.empty())
      refuse("'" + name.str() + "' is not a constant");
    return value.value;
  }
  Integer integerArgument(llvm::StringRef name, int64_t otherwise = 0) {
    const llvm::json::Object *value = argument(name);
    if (!value || value->get("as_none"))
      return {otherwise, ""};
    return integerOf(*value);
  }
  bool boolean(llvm::StringRef name, bool otherwise = false) const {
    const llvm::json::Object *value = argument(name);
    return value ? value->getBoolean("as_bool").value_or(otherwise) : otherwise;
  }
  std::optional<double> number(llvm::StringRef name) const {
    const llvm::json::Object *value = argument(name);
    if (!value)
      return std::nullopt;
    if (std::optional<double> real = value->getNumber("as_float"))
      return real;
    if (std::optional<llvm::StringRef> text = value->getString("as_float")) // infinities, NaN
      return *text == "Infinity"    ? std::numeric_limits<double>::infinity()
             : *text == "-Infinity" ? -std::numeric_limits<double>::infinity()
                                    : std::numeric_limits<double>::quiet_NaN();
    if (std::optional<int64_t> whole = value->getInteger("as_int"))
      return static_cast<double>(*whole);
    if (std::optional<bool> truth = value->getBoolean("as_bool"))
      return *truth ? 1.0 : 0.0;
    return std::nullopt;
  }
  llvm::StringRef text(llvm::StringRef name, llvm::StringRef otherwise) const {
    const llvm::json::Object *value = argument(name);
    return value ? value->getString("as_string").value_or(otherwise) : otherwise;
  }
  std::vector<Integer> integers(llvm::StringRef name);
  std::vector<int64_t> constants(llvm::StringRef name) {
    std::vector<int64_t> values;
    for (const Integer &value : integers(name)) {
      if (!value.name.empty())
        refuse("'" + name.str() + "' is not constant");
      values.push_back(value.value);
    }
    return values;
  }
  /// Tensors of a list; "" for those left out.
  std::vector<std::string> tensorNames(llvm::StringRef name);

  //===--------------------------------------------------------------------===//
  // What they make
  //===--------------------------------------------------------------------===//

  std::string emit(const char *opType, std::vector<std::string> operands,
                   std::vector<onnx::Attribute> attributes = {}) {
    onnx::Node node;
    node.name = nodeName, node.opType = opType, node.metadata = metadata;
    node.inputs = std::move(operands), node.attributes = std::move(attributes);
    node.outputs = {nodeName + "/" + opType + "_" + std::to_string(made++)};
    model.nodes.push_back(std::move(node));
    return model.nodes.back().outputs.front();
  }
  std::string constant(onnx::ElementType type, std::vector<int64_t> dims, std::string bytes) {
    onnx::Tensor tensor;
    tensor.name = nodeName + "/constant_" + std::to_string(made++);
    tensor.type = type, tensor.dims = std::move(dims), tensor.data = std::move(bytes);
    tensor.bytes = static_cast<int64_t>(tensor.data.size()), tensor.isConstantNode = true;
    model.initializers.push_back(std::move(tensor));
    return model.initializers.back().name;
  }
  std::string constant(std::vector<int64_t> values) {
    std::string bytes(reinterpret_cast<const char *>(values.data()), values.size() * sizeof(int64_t));
    return constant(onnx::ElementType::Int64, {static_cast<int64_t>(values.size())}, std::move(bytes));
  }
  std::string scalar(double value, onnx::ElementType type);
  std::string cast(const std::string &value, onnx::ElementType from, onnx::ElementType to) {
    return from == to ? value : emit("Cast", {value}, {attribute("to", static_cast<int64_t>(to))});
  }
  /// A tensor or number as an operand of type `type`.
  std::string operand(llvm::StringRef name, onnx::ElementType type) {
    if (isTensor(name))
      return cast(tensor(name), info(name).type, type);
    if (std::optional<double> value = number(name))
      return scalar(*value, type);
    Integer value = integerArgument(name);
    return cast(value.name, onnx::ElementType::Int64, type);
  }
  std::string scalarOf(const Integer &value) {
    return value.name.empty() ? scalar(static_cast<double>(value.value), onnx::ElementType::Int64) : value.name;
  }
  /// One number as a list of one.
  std::string listOf(const Integer &value) {
    return value.name.empty() ? constant({value.value}) : emit("Unsqueeze", {value.name, constant({0})});
  }
  std::string shapeOf(const std::vector<Integer> &sizes) {
    std::vector<int64_t> known;
    std::vector<std::string> parts;
    for (const Integer &size : sizes)
      known.push_back(size.value);
    if (std::all_of(sizes.begin(), sizes.end(), [](const Integer &size) { return size.name.empty(); }))
      return constant(known);
    for (const Integer &size : sizes)
      parts.push_back(listOf(size));
    return emit("Concat", parts, {attribute("axis", int64_t(0))});
  }
  std::string slice(const std::string &value, int64_t axis, const std::string &start, const std::string &end,
                    int64_t step = 1) {
    return emit("Slice", {value, start, end, constant({axis}), constant({step})});
  }
  int64_t axisOf(int64_t dim, int64_t rank) { return dim < 0 ? dim + rank : dim; }
  /// Both operands in the type in which they are compared or computed.
  std::string binary(const char *opType, onnx::ElementType type) {
    return emit(opType, {operand("self", type), operand("other", type)});
  }
  std::string compare(const char *opType) {
    onnx::ElementType type = info("self").type;
    bool isReal = !isTensor("other") && argument("other") && !argument("other")->get("as_int") &&
                  !argument("other")->get("as_bool") && !argument("other")->get("as_sym_int");
    if (isTensor("other"))
      type = std::max(rankOf(type), rankOf(info("other").type)) == rankOf(type) ? type : info("other").type;
    else if (isReal && rankOf(type) < 3)
      type = onnx::ElementType::Float;
    else if (type == onnx::ElementType::Bool)
      type = onnx::ElementType::Int64;
    return binary(opType, type);
  }
  std::string filled(const std::vector<Integer> &sizes, double value) {
    std::string element = scalar(value, result().type);
    return sizes.empty() ? element : emit("Expand", {element, shapeOf(sizes)});
  }
  std::vector<Integer> sizesOf(llvm::StringRef name) {
    std::string shape = emit("Shape", {tensor(name)});
    std::vector<Integer> sizes;
    for (int64_t i = 0; i < info(name).rank(); ++i) {
      const Size &size = info(name).sizes[i];
      if (size.value >= 0)
        sizes.push_back({size.value, ""});
      else
        sizes.push_back({0, emit("Gather", {shape, scalar(static_cast<double>(i), onnx::ElementType::Int64)})});
    }
    return sizes;
  }
  /// Results of an operator that has several.
  void set(size_t index, const std::string &value) {
    if (index < outputs.size())
      names[outputs[index]] = value;
  }
  std::string parts(const std::vector<Integer> &sizes);
  size_t resultCount() const { return outputs.size(); }
  std::string inlineGraph();
  std::string valueOf(const std::string &name) {
    auto found = names.find(name);
    if (found == names.end())
      refuse("it reads '" + name + "', which nothing computes");
    return found == names.end() ? "" : found->second;
  }

private:
  /// The order of types in promotion.
  static int rankOf(onnx::ElementType type) {
    switch (type) {
    case onnx::ElementType::Bool:
      return 0;
    case onnx::ElementType::Float16:
    case onnx::ElementType::BFloat16:
      return 3;
    case onnx::ElementType::Float:
      return 4;
    case onnx::ElementType::Double:
      return 5;
    case onnx::ElementType::Int64:
      return 2;
    default:
      return 1;
    }
  }
  Integer integerOf(const llvm::json::Object &value) {
    if (std::optional<int64_t> number = value.getInteger("as_int"))
      return {*number, ""};
    const llvm::json::Object *symbolic = value.getObject("as_sym_int");
    std::optional<llvm::StringRef> name = (symbolic ? *symbolic : value).getString("as_name");
    if (name)
      return {0, valueOf(name->str())};
    if (symbolic)
      if (std::optional<int64_t> number = symbolic->getInteger("as_int"))
        return {*number, ""};
    if (std::optional<bool> truth = value.getBoolean("as_bool"))
      return {*truth, ""};
    refuse("an integer is missing");
    return {};
  }
  bool readInfos(const llvm::json::Object &graph);
  bool readOutputs(const llvm::json::Object &node);
  void readScope(const llvm::json::Object &node, llvm::StringRef name);

  std::map<std::string, std::string> &names;
  onnx::Model &model;
  std::map<std::string, TensorInfo> infos;
  Refusal refusal;
  int64_t made = 0;
  /// Of the node at hand.
  const llvm::json::Array *inputs = nullptr;
  std::vector<std::string> outputs;
  std::string nodeName;
  onnx::Metadata metadata;
};

} // namespace weft::torch

#endif // WEFT_COMPILER_IMPORT_TORCH_ATENTRANSLATOR_H
