//===- Link.h - From an object file to an executable ------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DRIVER_LINK_H
#define WEFT_COMPILER_DRIVER_LINK_H

#include "compiler/driver/TargetChoice.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>

namespace weft {

/// What is needed to link, found before the work is done.
struct Linker {
  std::string compiler;              ///< the C++ compiler driver that links
  std::vector<std::string> archives; ///< the target's, of Weft
  std::vector<std::string> flags;    ///< what they need
  bool lld = false;                  ///< link with lld: it is several times faster

  /// The compiler driver is that of the environment variable WEFT_CXX, else the
  /// one Weft was built with, else `c++`; the libraries lie in `../lib` of this
  /// program. Reports what cannot be found.
  /// `distributed`: with what several ranks need to talk.
  static std::optional<Linker> find(llvm::StringRef argv0, const TargetLibraries &libraries, bool distributed);

  /// Links `object` and the runtime into `executable`. Reports a failure; `internal` then says whether it is Weft's
  /// (the object does not fit the runtime).
  bool link(llvm::StringRef object, llvm::StringRef executable, bool &internal) const;
};

} // namespace weft

#endif // WEFT_COMPILER_DRIVER_LINK_H
