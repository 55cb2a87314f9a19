//===- Seeds.cpp - Small models for fuzzers to start from -----------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// weft-fuzz-seeds FOLDER MODEL.onnx...: writes stretches of 1, 4, 12 and 40
// nodes of each model, what they read from elsewhere as inputs, one file for
// each sequence of operators; and the smallest model of every architecture that
// `weft model` makes. Weights beyond a few elements are left out.
//
//===----------------------------------------------------------------------===//

#include "compiler/model/WriteModel.h"
#include "onnx.pb.h"
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

using namespace onnx;

namespace {

/// One model, by the names of its values.
class Source {
public:
  explicit Source(const ModelProto &model);

  /// Nodes [begin, end) as a model; nothing if the type of what they read is not known.
  bool cut(int begin, int end, ModelProto &result) const;
  const GraphProto &graph;

private:
  const ModelProto &model;
  std::map<std::string, const ValueInfoProto *> types;
  std::map<std::string, const TensorProto *> weights;
  std::map<std::string, int> lastUse;
};

} // namespace

Source::Source(const ModelProto &model) : graph(model.graph()), model(model) {
  for (const auto *list : {&graph.value_info(), &graph.input(), &graph.output()})
    for (const ValueInfoProto &info : *list)
      types[info.name()] = &info;
  for (const TensorProto &tensor : graph.initializer())
    weights[tensor.name()] = &tensor;
  for (int i = 0; i < graph.node_size(); ++i)
    for (const std::string &input : graph.node(i).input())
      lastUse[input] = i;
  for (const ValueInfoProto &output : graph.output())
    lastUse[output.name()] = graph.node_size();
}

/// A weight without its data unless they are few.
static void addWeight(const TensorProto &tensor, GraphProto &graph) {
  TensorProto &copy = *graph.add_initializer();
  copy = tensor;
  if (tensor.ByteSizeLong() <= 600 && tensor.data_location() != TensorProto::EXTERNAL)
    return;
  copy.clear_raw_data();
  copy.clear_float_data();
  copy.clear_int64_data();
  copy.clear_external_data();
  copy.set_data_location(TensorProto::EXTERNAL);
  StringStringEntryProto &entry = *copy.add_external_data();
  entry.set_key("location");
  entry.set_value("absent");
}

bool Source::cut(int begin, int end, ModelProto &result) const {
  result.set_ir_version(model.ir_version());
  *result.mutable_opset_import() = model.opset_import();
  GraphProto &to = *result.mutable_graph();
  to.set_name("seed");
  std::set<std::string> known;
  for (int i = begin; i < end; ++i) {
    const NodeProto &node = graph.node(i);
    for (const std::string &input : node.input()) {
      if (input.empty() || !known.insert(input).second)
        continue;
      if (auto weight = weights.find(input); weight != weights.end()) {
        addWeight(*weight->second, to);
        continue;
      }
      auto type = types.find(input);
      if (type == types.end())
        return false;
      ValueInfoProto &info = *to.add_input();
      info.set_name(input);
      *info.mutable_type() = type->second->type();
    }
    NodeProto &copy = *to.add_node();
    copy = node;
    copy.clear_doc_string();
    copy.clear_metadata_props();
    for (const std::string &output : node.output()) {
      known.insert(output);
      auto used = lastUse.find(output);
      if (!output.empty() && (i + 1 == end || (used != lastUse.end() && used->second >= end)))
        to.add_output()->set_name(output);
    }
  }
  return true;
}

static bool readModel(const std::string &path, ModelProto &model) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), {});
  return !bytes.empty() && model.ParseFromString(bytes);
}

static bool write(const ModelProto &model, const std::string &path) {
  std::ofstream file(path, std::ios::binary);
  return model.SerializeToOstream(&file) && file.flush();
}

int main(int argc, char **argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: weft-fuzz-seeds FOLDER MODEL.onnx...\n");
    return 2;
  }
  std::string folder = std::string(argv[1]) + "/", error;
  for (weft::ModelFamily family : {weft::ModelFamily::Gpt2, weft::ModelFamily::Llama, weft::ModelFamily::GptNeox}) {
    weft::ModelOptions options;
    options.family = family;
    options.layers = 1;
    options.dim = 16;
    options.heads = 2;
    options.vocabulary = 16;
    if (!weft::writeModel(options, folder + weft::familyName(family) + ".onnx", error)) {
      std::fprintf(stderr, "weft-fuzz-seeds: %s\n", error.c_str());
      return 1;
    }
  }
  std::set<std::string> seen;
  for (int i = 2; i < argc; ++i) {
    ModelProto model;
    if (!readModel(argv[i], model)) {
      std::fprintf(stderr, "weft-fuzz-seeds: '%s' is not an ONNX model\n", argv[i]);
      return 1;
    }
    Source source(model);
    for (int length : {1, 4, 12, 40})
      for (int begin = 0; begin < source.graph.node_size(); begin += (length + 1) / 2) {
        int end = std::min(begin + length, source.graph.node_size());
        std::string signature;
        for (int k = begin; k < end; ++k)
          signature += source.graph.node(k).op_type() + " ";
        ModelProto seed;
        if (!seen.insert(signature).second || !source.cut(begin, end, seed))
          continue;
        if (!write(seed, folder + "seed" + std::to_string(seen.size()) + ".onnx")) {
          std::fprintf(stderr, "weft-fuzz-seeds: cannot write to '%s'\n", argv[1]);
          return 1;
        }
      }
  }
  std::printf("%zu seeds\n", seen.size() + 3);
  return 0;
}
