//===- WriteModel.cpp - A standard model as an ONNX file ------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/model/WriteModel.h"
#include "compiler/data/PendingFile.h"
#include "compiler/model/Decoders.h"

using namespace weft;

/// Opset 23 is the first with Attention and RMSNormalization; it came with version 11 of the file format.
static constexpr int64_t kOpset = 23, kIrVersion = 11;

/// The part of a path after the last slash.
static std::string baseName(const std::string &path) { return path.substr(path.find_last_of('/') + 1); }

bool weft::writeModel(const ModelOptions &options, const std::string &path, ModelSummary &summary, std::string &error) {
  if (!resolveArchitecture(options, summary.architecture, error))
    return false;
  const Architecture &a = summary.architecture;

  onnx::ModelProto model;
  model.set_ir_version(kIrVersion);
  model.set_producer_name("weft");
  model.set_producer_version("0.1.0");
  onnx::OperatorSetIdProto *opset = model.add_opset_import();
  opset->set_domain("");
  opset->set_version(kOpset);
  model.mutable_graph()->set_name(familyName(a.family));

  GraphBuilder builder(*model.mutable_graph(), baseName(path) + ".data");
  const Value inputIds = "input_ids";
  builder.input(inputIds, onnx::TensorProto::INT64, {-1, -2});
  Value logits = a.family == ModelFamily::Gpt2    ? buildGpt2(builder, a, inputIds)
                 : a.family == ModelFamily::Llama ? buildLlama(builder, a, inputIds)
                                                  : buildGptNeox(builder, a, inputIds);
  builder.output(logits, "logits", onnx::TensorProto::FLOAT, {-1, -2, a.vocabulary});
  summary.parameters = builder.parameterCount();
  summary.tensors = builder.parameterTensors();

  std::string bytes = model.SerializeAsString();
  PendingFile file(path);
  return file.open(error) && file.write(bytes.data(), bytes.size(), error) && file.commit(error);
}

bool weft::writeModel(const ModelOptions &options, const std::string &path, std::string &error) {
  ModelSummary summary;
  return writeModel(options, path, summary, error);
}
