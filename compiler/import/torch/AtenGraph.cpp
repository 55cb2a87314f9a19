//===- AtenGraph.cpp - ATen operators as standard ones -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Walks the nodes of an exported graph in its order, which is one of
// computation: from there on a .pt2 file is a model like any other.
//
//===----------------------------------------------------------------------===//

#include "compiler/import/torch/AtenTranslator.h"

using namespace weft;
using namespace weft::torch;
using llvm::StringRef;
using onnx::ElementType;
namespace json = llvm::json;

ElementType weft::torch::elementTypeOf(int64_t scalarType) {
  switch (scalarType) {
  case 1:
    return ElementType::UInt8;
  case 2:
    return ElementType::Int8;
  case 3:
    return ElementType::Int16;
  case 4:
    return ElementType::Int32;
  case 5:
    return ElementType::Int64;
  case 6:
    return ElementType::Float16;
  case 7:
    return ElementType::Float;
  case 8:
    return ElementType::Double;
  case 12:
    return ElementType::Bool;
  case 13:
    return ElementType::BFloat16;
  default:
    return ElementType::Undefined;
  }
}

std::optional<Size> weft::torch::readSize(const json::Value &value) {
  const json::Object *object = value.getAsObject();
  if (!object)
    return std::nullopt;
  if (std::optional<int64_t> number = object->getInteger("as_int"))
    return Size{*number, ""};
  const json::Object *expression = object->getObject("as_expr");
  std::optional<StringRef> text = expression ? expression->getString("expr_str") : std::nullopt;
  if (!text)
    return std::nullopt;
  // Symbol('s72', positive=True, integer=True); others are computed from such.
  StringRef name =
      text->starts_with("Symbol('") ? text->drop_front(8).take_until([](char c) { return c == '\''; }) : StringRef();
  return Size{-1, name.str()};
}

std::string Translator::scalar(double value, ElementType type) {
  auto bytesOf = [](auto number) { return std::string(reinterpret_cast<const char *>(&number), sizeof(number)); };
  auto whole = static_cast<int64_t>(std::clamp(value, -9.2e18, 9.2e18));
  switch (type) {
  case ElementType::Bool:
    return constant(type, {}, bytesOf(static_cast<int8_t>(value != 0)));
  case ElementType::Int64:
    return constant(type, {}, bytesOf(whole));
  case ElementType::Int32:
    return constant(type, {}, bytesOf(static_cast<int32_t>(whole)));
  case ElementType::Float:
    return constant(type, {}, bytesOf(static_cast<float>(value)));
  case ElementType::Double:
    return constant(type, {}, bytesOf(value));
  default:
    return cast(constant(ElementType::Float, {}, bytesOf(static_cast<float>(value))), ElementType::Float, type);
  }
}

std::vector<Integer> Translator::integers(StringRef name) {
  std::vector<Integer> values;
  const json::Object *value = argument(name);
  if (!value)
    return values;
  if (const json::Array *list = value->getArray("as_ints")) {
    for (const json::Value &item : *list)
      values.push_back({item.getAsInteger().value_or(0), ""});
  } else if (const json::Array *list = value->getArray("as_sym_ints")) {
    for (const json::Value &item : *list)
      if (const json::Object *object = item.getAsObject())
        values.push_back(integerOf(*object));
  } else if (!value->get("as_none")) {
    values.push_back(integerOf(*value));
  }
  return values;
}

std::vector<std::string> Translator::tensorNames(StringRef name) {
  std::vector<std::string> list;
  const json::Object *value = argument(name);
  const json::Array *items = value ? value->getArray("as_tensors") : nullptr;
  if (!items && value)
    items = value->getArray("as_optional_tensors");
  if (!items) {
    refuse("'" + name.str() + "' is no list of tensors");
    return list;
  }
  for (const json::Value &item : *items) {
    const json::Object *object = item.getAsObject();
    if (object && object->getObject("as_tensor"))
      object = object->getObject("as_tensor");
    list.push_back(object ? object->getString("name").value_or("").str() : "");
  }
  return list;
}

/// Slices of so many positions each, one after the other.
std::string Translator::parts(const std::vector<Integer> &sizes) {
  int64_t axis = axisOf(integer("dim"), info("self").rank());
  std::string start = constant({0});
  bool isKnown = true;
  int64_t sum = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    isKnown &= sizes[i].name.empty();
    sum += sizes[i].value;
    std::string end = isKnown ? constant({sum}) : emit("Add", {start, listOf(sizes[i])});
    set(i, slice(tensor("self"), axis, start, end));
    start = end;
  }
  return "";
}

/// A graph that is called with gradients on or off: what it computes is computed here.
std::string Translator::inlineGraph() {
  const json::Object *body = nullptr;
  std::vector<std::string> given;
  for (const json::Value &input : *inputs) {
    const json::Object *object = input.getAsObject(), *value = object ? object->getObject("arg") : nullptr;
    if (!value)
      continue;
    if (const json::Object *graph = value->getObject("as_graph"))
      body = graph->getObject("graph");
    else if (const json::Object *tensor = value->getObject("as_tensor"))
      given.push_back(valueOf(tensor->getString("name").value_or("").str()));
    else if (value->get("as_sym_int"))
      given.push_back(scalarOf(integerOf(*value)));
  }
  const json::Array *arguments = body ? body->getArray("inputs") : nullptr,
                    *results = body ? body->getArray("outputs") : nullptr;
  if (!arguments || !results || arguments->size() != given.size()) {
    refuse("the graph that it calls has other inputs");
    return "";
  }
  auto nameOf = [](const json::Value &value) {
    const json::Object *object = value.getAsObject();
    for (const char *kind : {"as_tensor", "as_sym_int"})
      if (const json::Object *named = object ? object->getObject(kind) : nullptr)
        return named->getString(kind == StringRef("as_tensor") ? "name" : "as_name").value_or("").str();
    return std::string();
  };
  std::map<std::string, std::string> inner;
  for (size_t i = 0; i < given.size(); ++i)
    inner[nameOf((*arguments)[i])] = given[i];
  std::string fault;
  if (!translateGraph(*body, inner, model, fault)) {
    refuse(fault);
    return "";
  }
  for (size_t i = 0; i < results->size(); ++i)
    if (auto found = inner.find(nameOf((*results)[i])); found != inner.end())
      set(i, found->second);
  return "";
}

//===----------------------------------------------------------------------===//
// Graphs
//===----------------------------------------------------------------------===//

bool Translator::readInfos(const json::Object &graph) {
  const json::Object *values = graph.getObject("tensor_values");
  if (!values)
    return refuse("it has no types of tensors");
  for (const auto &[name, value] : *values) {
    const json::Object *object = value.getAsObject();
    const json::Array *sizes = object ? object->getArray("sizes") : nullptr;
    if (!sizes)
      return refuse("the type of '" + name.str() + "' is damaged");
    TensorInfo &info = infos[name.str()];
    info.type = elementTypeOf(object->getInteger("dtype").value_or(0));
    for (const json::Value &size : *sizes) {
      std::optional<Size> read = readSize(size);
      if (!read)
        return refuse("the shape of '" + name.str() + "' is damaged");
      info.sizes.push_back(*read);
    }
  }
  return true;
}

bool Translator::readOutputs(const json::Object &node) {
  outputs.clear();
  const json::Array *list = node.getArray("outputs");
  if (!list)
    return refuse("its results are missing");
  auto add = [&](const json::Object *object, StringRef key) {
    outputs.push_back(object ? object->getString(key).value_or("").str() : "");
  };
  for (const json::Value &output : *list) {
    const json::Object *object = output.getAsObject();
    if (!object)
      return refuse("its results are damaged");
    if (const json::Array *several = object->getArray("as_tensors"))
      for (const json::Value &one : *several)
        add(one.getAsObject(), "name");
    else if (object->getObject("as_sym_int"))
      add(object->getObject("as_sym_int"), "as_name");
    else if (object->getObject("as_tensor"))
      add(object->getObject("as_tensor"), "name");
  }
  return true;
}

/// L__self__,,Type;L__self__model,model,Type;...: paths of modules, outermost first. As the ONNX exporter writes them.
void Translator::readScope(const json::Object &node, StringRef name) {
  const json::Object *said = node.getObject("metadata");
  StringRef stack = said ? said->getString("nn_module_stack").value_or("") : "";
  metadata.clear();
  if (stack.empty())
    return;
  std::string list = "[";
  llvm::SmallVector<StringRef> entries, fields;
  stack.split(entries, ';');
  for (StringRef entry : entries) {
    fields.clear();
    entry.split(fields, ',');
    list += "'" + (fields.size() > 1 ? fields[1].str() : "") + "', ";
  }
  metadata["pkg.torch.onnx.name_scopes"] = list + "'" + name.str() + "']";
}

bool Translator::run(const json::Object &graph, std::string &error) {
  const json::Array *nodes = graph.getArray("nodes");
  if (!nodes) {
    error = "a graph has no nodes";
    return false;
  }
  bool good = readInfos(graph);
  std::map<std::string, std::pair<std::string, int64_t>> unknown; // the first node of each, and how many
  for (const json::Value &value : *nodes) {
    const json::Object *node = value.getAsObject();
    StringRef target = node ? node->getString("target").value_or("") : "";
    nodeName = node ? node->getString("name").value_or("").str() : "";
    inputs = node ? node->getArray("inputs") : nullptr;
    if (!good || !inputs || target.empty())
      break;
    target.consume_front("torch.ops.");
    good = readOutputs(*node);
    if (nodeName.empty())
      nodeName = outputs.empty() ? target.str() : outputs.front();
    Operator translate = findOperator(target);
    if (!translate) {
      auto &[first, count] = unknown[target.str()];
      first = count++ ? first : nodeName;
      for (const std::string &output : outputs)
        names[output] = output;
      continue;
    }
    readScope(*node, nodeName);
    std::string made = translate(*this);
    if (!made.empty() && !outputs.empty())
      names[outputs.front()] = made;
    good = good && refusal.reason.empty();
    if (!good)
      break;
  }
  if (!unknown.empty()) {
    error = "operators are not supported:";
    size_t said = 0;
    for (const auto &[target, place] : unknown)
      if (said++ < 10)
        error +=
            (said > 1 ? ", " : " ") + target + " (" + std::to_string(place.second) + ", first '" + place.first + "')";
    if (said > 10)
      error += " and " + std::to_string(said - 10) + " more";
    return false;
  }
  if (!good || !refusal.reason.empty())
    error = "node '" + nodeName + "': " + (refusal.reason.empty() ? "it is damaged" : refusal.reason);
  return error.empty();
}

bool weft::torch::translateGraph(const json::Object &graph, std::map<std::string, std::string> &names,
                                 onnx::Model &model, std::string &error) {
  return Translator(names, model).run(graph, error);
}
