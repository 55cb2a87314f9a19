//===- Diagnostics.h - Errors as people see them ----------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DRIVER_DIAGNOSTICS_H
#define WEFT_COMPILER_DRIVER_DIAGNOSTICS_H

#include "mlir/IR/Diagnostics.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/Twine.h"
#include <mutex>
#include <string>

namespace weft {

/// Prints `weft: error: MESSAGE` and, if there is one, a line with a hint.
void reportError(const llvm::Twine &message, const llvm::Twine &hint = {});

/// Prints `weft: warning: MESSAGE`.
void reportWarning(const llvm::Twine &message);

/// Says that Weft itself is at fault, where, and how to report it.
void reportInternalFault(const llvm::Twine &what);

/// `text` as it can stand in a line: control characters, which names in a model may have, as \xHH, and no more of it
/// than people read.
std::string toLine(llvm::StringRef text);

/// From here on a crash (a signal, or LLVM's report_fatal_error) is reported
/// as an internal fault and ends the process with the exit code for one.
void installCrashHandler();

/// What is being done now, for the report of a crash. `phase` must outlive it.
void setPhase(const char *phase);

/// While it lives, the diagnostics of a context are printed as one line each,
/// with their notes, and counted; IR is never printed.
class DiagnosticPrinter {
public:
  explicit DiagnosticPrinter(mlir::MLIRContext &context);

  /// Errors since the start or the last call of this.
  unsigned takeErrors();

  /// Remarks are for people who wait for the result; verification has no use for them.
  void setShowRemarks(bool show) { showRemarks = show; }

  /// Errors are counted, nothing is printed.
  void silence() { isSilent = true; }

private:
  void print(mlir::Diagnostic &diagnostic);

  std::mutex mutex;
  unsigned errors = 0;
  bool showRemarks = true, isSilent = false;
  llvm::StringSet<> said; ///< remarks: phases that are tried several times would say the same again
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace weft

#endif // WEFT_COMPILER_DRIVER_DIAGNOSTICS_H
