//===- Launch.h - weft launch -----------------------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DRIVER_LAUNCH_H
#define WEFT_COMPILER_DRIVER_LAUNCH_H

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace weft {

/// What `weft launch` prints a job for.
struct LaunchOptions {
  std::string executable;
  bool kubernetes = false, slurm = false;
  int64_t nodes = 1;
  /// A type of machine, as node labels have it: "ml.g5.8xlarge"; empty: any, with `gpusPerNode`.
  std::string instance;
  int64_t gpusPerNode = 0;
  std::string name;                                         ///< of the job; empty: that of the executable
  std::string image, path;                                  ///< the container, and the executable in it
  std::vector<std::pair<std::string, std::string>> volumes; ///< claims and where they are mounted
  std::vector<std::string> arguments;                       ///< of the executable
};

/// Prints the manifest of a PyTorchJob or a batch script that runs an executable, after checking that it fits the
/// machines. Nothing is submitted. Returns the exit code.
int launch(const LaunchOptions &options);

} // namespace weft

#endif // WEFT_COMPILER_DRIVER_LAUNCH_H
