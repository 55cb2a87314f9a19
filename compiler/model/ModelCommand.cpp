//===- ModelCommand.cpp - weft model --------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/model/ModelCommand.h"
#include "compiler/model/WriteModel.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

using namespace weft;

namespace {

struct ModelRequest {
  ModelOptions options;
  std::string output;
  bool tied = false, untied = false;
};

/// 124439808 as "124,439,808".
std::string grouped(int64_t number) {
  std::string digits = std::to_string(number);
  for (size_t i = digits.size(); i > 3; i -= 3)
    digits.insert(i - 3, ",");
  return digits;
}

int run(ModelRequest &request) {
  if (request.tied || request.untied)
    request.options.tied = request.tied;
  ModelSummary summary;
  std::string error;
  if (!writeModel(request.options, request.output, summary, error)) {
    std::fprintf(stderr, "weft: error: %s\n", error.c_str());
    return 1;
  }
  const Architecture &a = summary.architecture;
  std::string heads = std::to_string(a.heads) + " heads";
  if (a.keyValueHeads != a.heads)
    heads += " (" + std::to_string(a.keyValueHeads) + " for keys and values)";
  std::printf("%s: %s, %lld layers, width %lld, %s, vocabulary %lld: %s parameters in %lld tensors, without values\n",
              request.output.c_str(), familyName(a.family), static_cast<long long>(a.layers),
              static_cast<long long>(a.dim), heads.c_str(), static_cast<long long>(a.vocabulary),
              grouped(summary.parameters).c_str(), static_cast<long long>(summary.tensors));
  return 0;
}

void addFamily(CLI::App &model, ModelFamily family, const char *description, int &exitCode) {
  // The parsed values must outlive this call: the callback owns them.
  auto request = std::make_shared<ModelRequest>();
  ModelOptions &options = request->options;
  options.family = family;
  CLI::App *command = model.add_subcommand(familyName(family), description);
  command->add_option("-o,--output", request->output, "The ONNX file to write")->required()->type_name("MODEL.onnx");

  std::vector<std::string> presets = presetNames(family);
  std::string known = "Published sizes to start from (default: " + presets.front() + "):";
  for (const std::string &name : presets)
    known += " " + name;
  command->add_option("--preset", options.preset, known)->type_name("NAME")->group("Size");
  command->add_option("--layers", options.layers, "Number of blocks (default: the preset's)")->group("Size");
  command->add_option("--dim", options.dim, "Width of the residual stream (default: the preset's)")->group("Size");
  command->add_option("--heads", options.heads, "Attention heads; they divide the width (default: the preset's)")
      ->group("Size");
  command
      ->add_option("--ffn", options.ffn,
                   family == ModelFamily::Llama
                       ? "Width of the feed-forward layer (default: the preset's, or 8/3 of --dim\n"
                         "rounded up to a multiple of 256)"
                       : "Width of the feed-forward layer (default: the preset's, or 4 times --dim)")
      ->group("Size");
  command->add_option("--vocab", options.vocabulary, "Number of token ids (default: the preset's)")->group("Size");
  if (family == ModelFamily::Llama)
    command
        ->add_option("--kv-heads", options.keyValueHeads,
                     "Heads of keys and values; they divide --heads (default: the preset's,\nor --heads if that is "
                     "given)")
        ->group("Size");
  if (family == ModelFamily::Gpt2)
    command
        ->add_option(
            "--dropout", options.dropout,
            "Probability with which elements of the embedding, and of what attention\nand MLP add, are dropped "
            "in training (default: 0)")
        ->group("Details");
  if (family == ModelFamily::Gpt2)
    command
        ->add_option("--positions", options.positions,
                     "Longest sequence: rows of the table of positions (default: 1024)")
        ->group("Size");
  else
    command
        ->add_option("--rope-theta", options.ropeTheta,
                     "Base of the rotary embedding's wavelengths (default: the preset's)")
        ->group("Details");
  if (family == ModelFamily::GptNeox)
    command
        ->add_option("--rotary-fraction", options.rotaryFraction, "Part of each head that is rotated (default: 0.25)")
        ->group("Details");
  command->add_option("--norm-eps", options.normEpsilon, "Added to the variance in norms (default: 1e-5)")
      ->group("Details");
  const char *tied = "The head is the embedding table";
  const char *untied = "The head is a parameter of its own";
  std::string isDefault = " (default)";
  bool tiedByDefault = family == ModelFamily::Gpt2;
  CLI::Option *tiedFlag =
      command->add_flag("--tied", request->tied, tied + (tiedByDefault ? isDefault : ""))->group("Details");
  command->add_flag("--untied", request->untied, untied + (tiedByDefault ? "" : isDefault))
      ->group("Details")
      ->excludes(tiedFlag);
  command->callback([request, &exitCode] { exitCode = run(*request); });
}

} // namespace

void weft::addModelCommand(CLI::App &app, int &exitCode) {
  CLI::App *model =
      app.add_subcommand("model", "Write a standard architecture as an ONNX graph, with parameters by name and shape\n"
                                  "and without their values");
  model->require_subcommand(1);
  addFamily(*model, ModelFamily::Gpt2, "GPT-2: learned positions, layer norm, GELU", exitCode);
  addFamily(*model, ModelFamily::Llama, "Llama: rotary positions, RMS norm, gated SiLU, grouped queries", exitCode);
  addFamily(*model, ModelFamily::GptNeox, "GPT-NeoX and Pythia: partly rotary positions, parallel residual", exitCode);
}
