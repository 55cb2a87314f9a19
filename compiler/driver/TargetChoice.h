//===- TargetChoice.h - What a compilation compiles for ---------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DRIVER_TARGETCHOICE_H
#define WEFT_COMPILER_DRIVER_TARGETCHOICE_H

#include "compiler/codegen/cuda/Toolkit.h"
#include "compiler/codegen/host/HostCodegen.h"
#include "compiler/driver/Options.h"
#include "passes/schedule/Target.h"
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace weft {

/// What an executable links beside its object file.
struct TargetLibraries {
  std::vector<std::string> archives; ///< Weft's own, in order: names of files in `../lib` of this program
  std::vector<std::string> flags;    ///< what these need
  /// Besides, for several ranks: archives that come before the others, and flags.
  std::vector<std::string> rankArchives = {}, rankFlags = {};
};

/// What a compilation compiles for, with all that it needs for that.
struct TargetChoice {
  std::string name; ///< host or cuda
  HostCpu cpu;      ///< of the host's code, on every target
  std::unique_ptr<Target> target;
  std::vector<std::string> architectures; ///< of GPUs, the oldest first; empty on the host
  std::optional<CudaToolkit> toolkit;     ///< absent on the host
  TargetLibraries libraries;

  bool isCuda() const { return name == "cuda"; }

  /// The target that --target names; without it the environment variable WEFT_TARGET, else the GPU, if there is one.
  static std::string nameFor(const CompileOptions &options);

  /// By that, --cpu and --arch. Reports what is wrong with them, and what is missing to generate code.
  static std::optional<TargetChoice> find(const CompileOptions &options);
};

/// Whether this machine has a GPU and a driver for it.
bool hasGpu();

} // namespace weft

#endif // WEFT_COMPILER_DRIVER_TARGETCHOICE_H
