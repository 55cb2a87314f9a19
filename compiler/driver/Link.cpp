//===- Link.cpp - From an object file to an executable --------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Link.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/driver/Run.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"

using namespace llvm;

/// `name` itself if it is a path, else the program of that name in PATH; empty if there is none.
static std::string findProgram(StringRef name) {
  if (name.contains('/'))
    return sys::fs::can_execute(name) ? name.str() : "";
  ErrorOr<std::string> found = sys::findProgramByName(name);
  return found ? *found : "";
}

std::optional<weft::Linker> weft::Linker::find(StringRef argv0, const TargetLibraries &libraries, bool distributed) {
  Linker linker;
  if (std::optional<std::string> chosen = sys::Process::GetEnv("WEFT_CXX")) {
    linker.compiler = findProgram(*chosen);
    if (linker.compiler.empty()) {
      reportError("cannot link: WEFT_CXX names '" + *chosen + "', which is not a program",
                  "set it to a C++ compiler, or unset it");
      return std::nullopt;
    }
  } else {
    linker.compiler = findProgram(WEFT_HOST_CXX);
    if (linker.compiler.empty())
      linker.compiler = findProgram("c++");
    if (linker.compiler.empty()) {
      reportError("cannot link: there is no C++ compiler ('" WEFT_HOST_CXX "' or 'c++')",
                  "install g++, or name a C++ compiler in the environment variable WEFT_CXX");
      return std::nullopt;
    }
  }
  linker.lld = !findProgram("ld.lld").empty();

  // An address inside this program tells where it lies, whatever argv0 says.
  std::string self = sys::fs::getMainExecutable(argv0.str().c_str(), reinterpret_cast<void *>(&findProgram));
  SmallString<256> folder(sys::path::parent_path(sys::path::parent_path(self)));
  sys::path::append(folder, "lib");
  auto libraryOf = [&](StringRef name) {
    SmallString<256> library(folder);
    sys::path::append(library, name);
    return library.str().str();
  };
  // What several ranks need comes first: the target's archives have the rest of it.
  std::vector<std::string> archives = distributed ? libraries.rankArchives : std::vector<std::string>();
  archives.insert(archives.end(), libraries.archives.begin(), libraries.archives.end());
  for (const std::string &name : archives) {
    std::string library = libraryOf(name);
    if (!sys::fs::exists(library)) {
      reportError("cannot link: the runtime library '" + library + "' is missing",
                  "build or install Weft completely: the library belongs beside the folder of this program");
      return std::nullopt;
    }
    linker.archives.push_back(library);
  }
  if (distributed)
    linker.flags = libraries.rankFlags;
  linker.flags.insert(linker.flags.end(), libraries.flags.begin(), libraries.flags.end());
  return linker;
}

bool weft::Linker::link(StringRef object, StringRef executable, bool &internal) const {
  internal = false;
  SmallVector<StringRef> args = {compiler, "-o", executable, object};
  args.append(archives.begin(), archives.end());
  if (lld)
    args.push_back("-fuse-ld=lld");
  args.push_back("-Wl,--gc-sections");
  args.append(flags.begin(), flags.end());
  SplitString(WEFT_SANITIZER_LINK_FLAGS, args);
  ProgramResult result = runProgram(std::vector<std::string>(args.begin(), args.end()));
  if (!result.started) {
    reportError("cannot run the linker '" + compiler + "': " + result.output);
    return false;
  }
  if (result.status == 0)
    return true;
  StringRef output = StringRef(result.output).trim();
  if (output.contains("No space left") || output.contains("Disk quota")) {
    reportError("cannot write '" + executable + "': no space left on its disk");
    return false;
  }
  internal = !output.contains("cannot find -l") && !output.contains("unable to find library");
  if (internal)
    reportInternalFault("the linker '" + compiler + "' failed:\n" + output);
  else
    reportError("the linker '" + compiler + "' did not find a library that executables need:\n" + output,
                "install what tools/setup lists");
  return false;
}
