//===- Diagnostics.cpp - Errors as people see them ------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Diagnostics.h"
#include "compiler/driver/Options.h"
#include "compiler/manifest/Location.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"
#include <atomic>
#include <cstring>
#include <unistd.h>

using namespace mlir;
using llvm::StringRef;

static std::atomic<const char *> currentPhase{"starting"};

static const char kHowToReport[] =
    "weft: note: this is a fault of Weft, not of the model: please report it with the command line, the version\n"
    "            (weft --version) and the model, or the smallest one that shows it\n";

void weft::reportError(const llvm::Twine &message, const llvm::Twine &hint) {
  llvm::errs() << "weft: error: " << message << "\n";
  if (!hint.isTriviallyEmpty())
    llvm::errs() << "weft: hint: " << hint << "\n";
}

void weft::reportWarning(const llvm::Twine &message) { llvm::errs() << "weft: warning: " << message << "\n"; }

void weft::reportInternalFault(const llvm::Twine &what) {
  llvm::errs() << "weft: internal error: " << what << "\n" << kHowToReport;
}

/// Longer lines are cut in the middle.
static constexpr size_t kMaxLine = 2000;

std::string weft::toLine(StringRef text) {
  std::string line;
  for (size_t i = 0, size = text.size(); i < size; ++i) {
    if (size > kMaxLine && i == kMaxLine / 2) {
      line += " ... ";
      i = size - kMaxLine / 2;
    }
    auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7f)
      line += "\\x" + llvm::utohexstr(c, /*LowerCase=*/true, /*Width=*/2);
    else
      line += static_cast<char>(c);
  }
  return line;
}

void weft::setPhase(const char *phase) { currentPhase = phase; }

/// Writes with plain system calls: it runs inside a signal handler.
[[noreturn]] static void dieOfCrash(const char *reason) {
  auto put = [](const char *text) {
    // Nothing can be done if standard error is gone.
    if (write(STDERR_FILENO, text, strlen(text)) < 0)
      _exit(weft::kExitInternal);
  };
  put("weft: internal error: ");
  put(reason);
  put(" while ");
  put(currentPhase);
  put("\n");
  put(kHowToReport);
  _exit(weft::kExitInternal);
}

void weft::installCrashHandler() {
  llvm::sys::AddSignalHandler([](void *) { dieOfCrash("crashed"); }, nullptr);
  llvm::install_fatal_error_handler([](void *, const char *reason, bool) { dieOfCrash(reason); });
}

weft::DiagnosticPrinter::DiagnosticPrinter(MLIRContext &context)
    : handler(&context, [this](Diagnostic &diagnostic) {
        print(diagnostic);
        return success();
      }) {
  context.printOpOnDiagnostic(false);
}

unsigned weft::DiagnosticPrinter::takeErrors() {
  std::lock_guard<std::mutex> lock(mutex);
  return std::exchange(errors, 0);
}

void weft::DiagnosticPrinter::print(Diagnostic &diagnostic) {
  std::lock_guard<std::mutex> lock(mutex);
  bool isError = diagnostic.getSeverity() == DiagnosticSeverity::Error;
  errors += isError;
  if (isSilent)
    return;
  auto text = [](Diagnostic &d) {
    std::string where = describeLocation(d.getLocation());
    return (where.empty() ? "" : toLine(where) + ": ") + toLine(d.str());
  };
  auto line = [&](StringRef kind, Diagnostic &d) { llvm::errs() << "weft: " << kind << ": " << text(d) << "\n"; };
  if (diagnostic.getSeverity() == DiagnosticSeverity::Remark && (!showRemarks || !said.insert(text(diagnostic)).second))
    return;
  switch (diagnostic.getSeverity()) {
  case DiagnosticSeverity::Error:
    line("error", diagnostic);
    break;
  case DiagnosticSeverity::Warning:
    line("warning", diagnostic);
    break;
  case DiagnosticSeverity::Remark:
    line("remark", diagnostic);
    break;
  case DiagnosticSeverity::Note:
    line("note", diagnostic);
    break;
  }
  for (Diagnostic &note : diagnostic.getNotes())
    line("note", note);
}
