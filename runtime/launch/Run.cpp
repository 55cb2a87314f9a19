//===- Run.cpp - Runs an executable in a process or a test ----------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "launch/Run.h"

#include "core/CpuFeatures.h"
#include "core/Error.h"

#include <cstdio>
#include <new>
#include <omp.h>

using namespace weft::rt;

static int report(const std::string &message, ExitCode code) {
  fprintf(stderr, "error: %s\n", message.c_str());
  if (code == kInternalFault)
    fprintf(stderr, "note: this is a fault of Weft, not of your input; please report it with the output of --plan\n");
  return code;
}

int weft::rt::runProgram(const Program &program, int argc, const char *const *argv) noexcept {
  try {
    Manifest manifest = Manifest::parse(program.manifest, program.manifestBytes);
    std::string help;
    std::optional<Options> options = parseOptions(argc, argv, manifest, help);
    if (!options) {
      fputs(help.c_str(), stdout);
      return kDone;
    }
    std::string remark = checkCpuFeatures(manifest.cpuFeatures, manifest.cpu);
    if (!remark.empty())
      fprintf(stderr, "note: %s\n", remark.c_str());
    if (options->plan) {
      weft_context context(manifest, options->threads > 0 ? options->threads : omp_get_max_threads(),
                           options->threads == 0);
      fputs(printPlan(manifest, context).c_str(), stdout);
      return kDone;
    }
    train(program, manifest, *options);
    return kDone;
  } catch (const UsageError &error) {
    return report(error.what(), kUsage);
  } catch (const InputError &error) {
    return report(error.what(), kInputFault);
  } catch (const std::bad_alloc &) {
    return report("this machine has too little memory", kInputFault);
  } catch (const std::exception &error) {
    return report(error.what(), kInternalFault);
  }
}
