//===- ProfileReport.h - A profile for people and for viewers ---*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// docs/profile.md is the specification of both forms.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_CORE_PROFILEREPORT_H
#define WEFT_CORE_PROFILEREPORT_H

#include "core/Profile.h"

#include <string>

namespace weft::rt {

/// What rates are compared with, and where the profile was taken.
struct ProfileMachine {
  int rank = 0, threads = 1;
  /// What it is, what the peak was measured with, and how calls were timed; of the host where nothing is said.
  std::string where, peakOf = "multiply-adds", way;
  /// GFLOP/s and GB/s; 0 where unknown.
  double peak = 0, copy = 0;
};

/// A name without the numbers of layers: "h.3.mlp/Gelu:gelu_7" becomes "h.*.mlp".
std::string layerPattern(const std::string &location);

/// The table: the groups of entries that take most time, then the rest in one line.
std::string profileTable(const Manifest &manifest, const Profile &profile, const ProfileMachine &machine);

/// Writes the trace to `path`. Returns what failed, or an empty string.
std::string writeTrace(const Manifest &manifest, const Profile &profile, const ProfileMachine &machine,
                       const std::string &path);

} // namespace weft::rt

#endif // WEFT_CORE_PROFILEREPORT_H
