//===- Toolkit.cpp - The CUDA toolkit that machine code comes from --------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/cuda/Toolkit.h"
#include "compiler/driver/Run.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace weft;

static std::string pathIn(StringRef folder, StringRef file) {
  SmallString<256> path(folder);
  sys::path::append(path, file);
  return path.str().str();
}

std::optional<CudaToolkit> CudaToolkit::find(std::string &error) {
  std::vector<std::string> folders;
  for (const char *name : {"CUDA_HOME", "CUDA_PATH"})
    if (std::optional<std::string> value = sys::Process::GetEnv(name); value && !value->empty())
      folders.push_back(*value);
  for (const char *known : {WEFT_CUDA_TOOLKIT, "/usr/local/cuda"})
    if (*known)
      folders.push_back(known);
  if (ErrorOr<std::string> ptxas = sys::findProgramByName("ptxas"))
    folders.push_back(sys::path::parent_path(sys::path::parent_path(*ptxas)).str());
  for (const std::string &folder : folders) {
    CudaToolkit toolkit;
    toolkit.folder = folder;
    if (sys::fs::can_execute(pathIn(folder, "bin/ptxas")) && sys::fs::exists(toolkit.libdevice()))
      return toolkit;
  }
  error = "no CUDA toolkit was found (bin/ptxas and nvvm/libdevice/libdevice.10.bc) in";
  for (const std::string &folder : folders)
    error += " '" + folder + "'";
  return std::nullopt;
}

std::string CudaToolkit::libdevice() const { return pathIn(folder, "nvvm/libdevice/libdevice.10.bc"); }

/// A file that goes when this does.
namespace {
struct TemporaryFile {
  SmallString<128> path;
  explicit TemporaryFile(StringRef suffix) { failed = bool(sys::fs::createTemporaryFile("weft", suffix, path)); }
  ~TemporaryFile() {
    if (!failed)
      sys::fs::remove(path);
  }
  bool failed = true;
};
} // namespace

bool CudaToolkit::assemble(StringRef ptx, StringRef arch, SmallVectorImpl<char> &cubin,
                           std::vector<FunctionResources> &resources, std::string &error) const {
  TemporaryFile source("ptx"), result("cubin");
  if (source.failed || result.failed) {
    error = "cannot create a temporary file";
    return false;
  }
  std::error_code failure;
  {
    raw_fd_ostream file(source.path, failure);
    file << ptx;
    file.close();
    if (file.has_error())
      failure = file.error();
    file.clear_error();
  }
  if (failure) {
    error = "cannot write '" + source.path.str().str() + "': " + failure.message();
    return false;
  }
  std::string program = pathIn(folder, "bin/ptxas"), chip = ("--gpu-name=" + arch).str();
  ProgramResult run = runProgram(
      {program, "--verbose", "-O3", chip, "--output-file", std::string(result.path), std::string(source.path)});
  if (!run.started || run.status != 0) {
    error = "ptxas refused the code for " + arch.str() + ": " + run.output;
    return false;
  }
  resources = parseResources(run.output);
  ErrorOr<std::unique_ptr<MemoryBuffer>> bytes = MemoryBuffer::getFile(result.path);
  if (!bytes) {
    error = "cannot read '" + result.path.str().str() + "': " + bytes.getError().message();
    return false;
  }
  cubin.assign((*bytes)->getBufferStart(), (*bytes)->getBufferEnd());
  return true;
}

/// The number in front of `what`, if the line has one.
static int64_t numberBefore(StringRef line, StringRef what) {
  size_t at = line.find(what);
  if (at == StringRef::npos)
    return 0;
  StringRef before = line.take_front(at).rtrim();
  int64_t number = 0;
  before.take_back(before.size() - (before.find_last_not_of("0123456789") + 1)).getAsInteger(10, number);
  return number;
}

std::vector<FunctionResources> weft::parseResources(StringRef text) {
  std::vector<FunctionResources> found;
  SmallVector<StringRef> lines;
  text.split(lines, '\n');
  for (StringRef line : lines) {
    if (line.contains("Compiling entry function")) {
      found.emplace_back();
      found.back().function = line.split('\'').second.split('\'').first.str();
    } else if (!found.empty()) {
      if (line.contains("bytes stack frame")) {
        found.back().stackBytes = numberBefore(line, " bytes stack frame");
        found.back().spillBytes = numberBefore(line, " bytes spill stores") + numberBefore(line, " bytes spill loads");
      } else if (line.contains(" registers")) {
        found.back().registers = numberBefore(line, " registers");
        found.back().sharedBytes = numberBefore(line, " bytes smem");
      }
    }
  }
  return found;
}
