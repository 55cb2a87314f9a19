//===- PrintPlan.cpp - A manifest for people ------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/Text.h"
#include "launch/Run.h"

#include <algorithm>

using namespace weft::rt;

static std::string printMemory(const Manifest &manifest, const DevicePlan &device) {
  std::string text = "Memory\n" + planLine("arena", formatBytes(manifest.arenaBytes));
  for (const auto &[name, bytes] : manifest.memory)
    text += planLine((name == "process" ? "whole " : "  ") + name, formatBytes(bytes));
  return text + device.memory;
}

static std::string printTasks(const Manifest &manifest) {
  std::string text = "Tasks\n";
  for (const std::string &task : manifest.tasks) {
    double flops = 0, bytes = 0;
    int64_t operations = 0;
    for (const ScheduleEntry &entry : manifest.schedule)
      if (entry.task == task) {
        flops += entry.flops;
        bytes += entry.bytes;
        ++operations;
      }
    text += planLine(task, format("%lld operations, %.2f GFLOP, %s moved", static_cast<long long>(operations),
                                  flops * 1e-9, formatBytes(static_cast<int64_t>(bytes)).c_str()));
  }
  return text;
}

static std::string printLibraryCalls(const Manifest &manifest, const DevicePlan &device) {
  return "Library calls\n" + planLine("kernels", std::to_string(manifest.kernelCount) + " generated") + device.calls;
}

static std::string printCollectives(const Manifest &manifest) {
  if (manifest.collectives.empty())
    return "";
  // Those of a step that are alike, with what a rank sends and receives in all of them together.
  std::map<std::string, std::pair<int64_t, int64_t>> kinds;
  for (const CollectiveInfo &collective : manifest.collectives) {
    CollectiveInfo kind = collective;
    kind.what.clear();
    kind.loc.clear();
    int64_t ranks = 1;
    for (int axis : collective.axes)
      ranks *= manifest.mesh.axes[axis].size;
    // An all-reduce is a reduce-scatter and an all-gather of its parts; else blocks go to and from the others.
    double blocks = collective.kind == weft::CollectiveKind::AllReduce ? 2.0 / static_cast<double>(ranks) : 1.0;
    auto &[count, bytes] = kinds[kind.describe(manifest.mesh)];
    ++count;
    bytes += static_cast<int64_t>(static_cast<double>(collectiveElements(collective) * collective.elementBytes) *
                                  blocks * static_cast<double>(ranks - 1));
  }
  std::string text = "Collectives\n";
  for (const auto &[kind, sums] : kinds)
    text += planLine(std::to_string(sums.first), kind + ", " + formatBytes(sums.second) + " from and to each rank");
  return text;
}

static std::string printParameters(const Manifest &manifest) {
  int64_t elements = 0, trainable = 0;
  size_t width = 0;
  for (const ParamInfo &param : manifest.params) {
    elements += param.globalElements();
    trainable += param.trainable ? param.globalElements() : 0;
    width = std::max(width, param.name.size());
  }
  std::string text = format("Parameters: %zu tensors, %lld elements, %lld trained\n", manifest.params.size(),
                            static_cast<long long>(elements), static_cast<long long>(trainable));
  for (const ParamInfo &param : manifest.params) {
    const ParamSource &source = param.source;
    std::string origin = source.kind == ParamSource::File ? source.file + "+" + std::to_string(source.offset) +
                                                                (source.perm.empty() ? "" : " transposed")
                         : source.kind == ParamSource::Normal ? format("normal, deviation %g", source.value)
                                                              : format("constant %g", source.value);
    text += format("  %-*s %-5s %-16s %s%s from %s", static_cast<int>(width), param.name.c_str(),
                   dtypeName(param.dtype), formatShape(param.shape).c_str(), param.trainable ? "" : "frozen, ",
                   param.decay ? "decays," : "no decay,", origin.c_str());
    for (const std::string &alias : param.aliases)
      text += ", also " + alias;
    text += "\n";
  }
  return text;
}

std::string weft::rt::printPlan(const Manifest &manifest, const DevicePlan &device) {
  std::string text = manifest.model + " for " + manifest.target + ", processor " + manifest.cpu + "\n";
  text += planLine("batch", format("%lld samples in %lld micro-batches of %lld", static_cast<long long>(manifest.batch),
                                   static_cast<long long>(manifest.microbatches),
                                   static_cast<long long>(manifest.samplesPerMicrobatch())));
  if (manifest.mesh.size() > 1)
    text += planLine("ranks", std::to_string(manifest.mesh.size()) + " (" + manifest.mesh.describe() + ")" +
                                  (manifest.placement.empty() ? "" : ", placed " + manifest.placement));
  text += planLine(manifest.mesh.size() > 1 ? "work of a rank" : "work of a step",
                   format("%.2f GFLOP", manifest.flopsPerStep * 1e-9));
  if (!manifest.optimizer.empty())
    text += planLine("optimizer", manifest.optimizer);
  for (const InputInfo &input : manifest.inputs)
    text += planLine("input", input.name + " " + dtypeName(input.dtype) + formatShape(input.shape) + " " +
                                  roleName(input.role) + (input.field.empty() ? "" : " '" + input.field + "'") +
                                  (input.limit ? ", " + input.describeIds() : ""));
  return text + printMemory(manifest, device) + printTasks(manifest) + printLibraryCalls(manifest, device) +
         printCollectives(manifest) + printParameters(manifest);
}
