//===- Comparison.cpp - A run of an executable and what it should compute -===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Comparison.h"
#include "compiler/driver/Run.h"
#include "weft/safetensors.h"
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

using namespace weft;
using nlohmann::ordered_json;
using State = ComparisonRow::State;

const char *const weft::kComparisonFile = "comparison.json";
const char *const weft::kComparedExecutable = "model.exe";
const char *const weft::kRecordFile = "record.safetensors";
const char *const weft::kReferenceFile = "reference.safetensors";

/// The version of the description's format.
static constexpr int kVersion = 1;

//===----------------------------------------------------------------------===//
// The description
//===----------------------------------------------------------------------===//

namespace {
struct ToleranceField {
  const char *name;
  double Tolerances::*value;
};
} // namespace

static constexpr ToleranceField kTolerances[] = {
    {"logits", &Tolerances::logits},         {"loss", &Tolerances::loss},
    {"gradients", &Tolerances::gradients},   {"curve", &Tolerances::curve},
    {"parameters", &Tolerances::parameters}, {"gradient_floor", &Tolerances::gradientFloor},
};

std::string weft::writeComparison(const Comparison &comparison, const std::string &path) {
  ordered_json parameters = ordered_json::array(), tolerances;
  for (const ParameterNames &parameter : comparison.parameters)
    parameters.push_back({{"names", parameter.names}, {"trainable", parameter.trainable}});
  for (const ToleranceField &field : kTolerances)
    tolerances[field.name] = comparison.tolerances.*field.value;
  ordered_json root = {{"version", kVersion},
                       {"title", comparison.title},
                       {"executable", comparison.executable},
                       {"reference", comparison.reference},
                       {"optimizer", comparison.optimizer},
                       {"steps", comparison.steps},
                       {"ranks", comparison.ranks},
                       {"stream_order", comparison.streamOrder},
                       {"tolerances", tolerances},
                       {"parameters", parameters}};
  std::ofstream file(path, std::ios::trunc);
  // A name need not be UTF-8: what is not is replaced.
  file << root.dump(1, ' ', false, ordered_json::error_handler_t::replace) << "\n";
  file.close();
  return file ? "" : "cannot write '" + path + "': " + strerror(errno);
}

std::string weft::readComparison(const std::string &folder, Comparison &comparison) {
  std::string path = folder + "/" + kComparisonFile;
  std::ifstream file(path);
  if (!file)
    return "cannot read '" + path + "': " + strerror(errno);
  try {
    ordered_json root = ordered_json::parse(file);
    if (int version = root.at("version"); version != kVersion)
      return "'" + path + "' has version " + std::to_string(version) + ", this program reads " +
             std::to_string(kVersion);
    root.at("title").get_to(comparison.title);
    root.at("optimizer").get_to(comparison.optimizer);
    root.at("steps").get_to(comparison.steps);
    root.at("ranks").get_to(comparison.ranks);
    root.at("stream_order").get_to(comparison.streamOrder);
    comparison.executable = folder + "/" + root.at("executable").get<std::string>();
    comparison.reference = folder + "/" + root.at("reference").get<std::string>();
    for (const ToleranceField &field : kTolerances)
      root.at("tolerances").at(field.name).get_to(comparison.tolerances.*field.value);
    for (const ordered_json &parameter : root.at("parameters"))
      comparison.parameters.push_back({parameter.at("names"), parameter.at("trainable")});
  } catch (const ordered_json::exception &fault) {
    return "'" + path + "' is not what 'weft verify --build' writes: " + fault.what();
  }
  return "";
}

//===----------------------------------------------------------------------===//
// The run
//===----------------------------------------------------------------------===//

/// The executable's command line for one batch, again and again, with the hyper-parameters of the references.
static std::vector<std::string> replayCommand(const Comparison &comparison, const std::string &record) {
  std::vector<std::string> args = {comparison.executable,
                                   "--replay",
                                   comparison.reference,
                                   "--record",
                                   record,
                                   "--quiet",
                                   "--steps",
                                   std::to_string(comparison.steps),
                                   "--lr",
                                   "1e-3",
                                   "--schedule",
                                   "constant",
                                   "--clip",
                                   "0",
                                   "--weight-decay",
                                   "0.1"};
  if (comparison.optimizer != "sgd")
    args.insert(args.end(), {"--beta1", "0.9", "--beta2", "0.95", "--eps", "1e-8"});
  if (comparison.ranks > 1)
    args.insert(args.end(), {"--nproc", std::to_string(comparison.ranks)});
  if (!comparison.streamOrder.empty())
    args.insert(args.end(), {"--stream-order", comparison.streamOrder});
  return args;
}

static ComparisonResult failedWith(ExitCode code, std::string error, std::string output = "") {
  return {code, std::move(error), std::move(output), {}};
}

ComparisonResult weft::runComparison(const Comparison &comparison, const std::string &record) {
  std::string why;
  std::unique_ptr<SafetensorsFile> reference = SafetensorsFile::open(comparison.reference, why);
  if (!reference)
    return failedWith(kExitRequest, why);
  ProgramResult run = runProgram(replayCommand(comparison, record));
  if (!run.started)
    return failedWith(kExitRequest, "cannot run the executable: " + run.output);
  // What the executable blames on its input is one; a crash or an internal fault is Weft's.
  if (run.status == kExitRequest)
    return failedWith(kExitRequest, "the executable could not replay the reference (above: why)", run.output);
  if (run.status != 0)
    return failedWith(kExitInternal,
                      "the executable ended with " +
                          (run.status < 0 ? "a crash" : "exit code " + std::to_string(run.status)),
                      run.output);
  std::unique_ptr<SafetensorsFile> recorded = SafetensorsFile::open(record, why);
  if (!recorded)
    return failedWith(kExitInternal, "the executable's record cannot be read: " + why);
  ComparisonResult result;
  result.rows = compareRecords(*reference, *recorded, comparison.parameters, comparison.tolerances);
  for (const ComparisonRow &row : result.rows)
    if (row.state != State::Ok && row.state != State::Absent)
      result.code = kExitCheck;
  return result;
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

static double toleranceOf(const ComparisonRow &row, const Tolerances &tolerances) {
  for (const ToleranceField &field : kTolerances)
    if (row.what == field.name)
      return tolerances.*field.value;
  return 0;
}

std::string weft::comparisonTable(const std::vector<ComparisonRow> &rows, const Tolerances &tolerances) {
  std::string table = "what        error     tolerance  result\n";
  for (const ComparisonRow &row : rows) {
    char text[64];
    if (row.state == State::Ok || row.state == State::Miss)
      snprintf(text, sizeof(text), "%-12s%-10.2e%-11.2e", row.what.c_str(), row.error, toleranceOf(row, tolerances));
    else
      snprintf(text, sizeof(text), "%-12s%-10s%-11s", row.what.c_str(), "-", "-");
    const char *word = row.state == State::Ok ? "ok      " : row.state == State::Absent ? "-       " : "MISS    ";
    table += text + std::string(word) + row.note + "\n";
  }
  return table;
}
