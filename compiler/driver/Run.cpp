//===- Run.cpp - Running another program ----------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Run.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include <unistd.h>

using namespace llvm;

weft::ProgramResult weft::runProgram(ArrayRef<StringRef> args) {
  ProgramResult result;
  SmallString<128> log;
  int fd = -1;
  if (std::error_code error = sys::fs::createTemporaryFile("weft-run", "log", fd, log)) {
    result.output = "cannot create a temporary file: " + error.message();
    return result;
  }
  close(fd);
  bool failed = false;
  std::string why;
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(log), StringRef(log)};
  result.status = sys::ExecuteAndWait(args[0], args, std::nullopt, redirects, 0, 0, &why, &failed);
  result.started = !failed;
  if (failed)
    result.output = why;
  else if (ErrorOr<std::unique_ptr<MemoryBuffer>> text = MemoryBuffer::getFile(log))
    result.output = (*text)->getBuffer().str();
  sys::fs::remove(log);
  return result;
}
