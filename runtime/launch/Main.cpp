//===- Main.cpp - The entry point of every executable ---------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "launch/Run.h"

#include <climits>
#include <cstdlib>
#include <unistd.h>

/// Starts the program again with a short spin time for waiting threads, unless the user chose one.
///
/// libgomp lets a thread spin for milliseconds before it sleeps. Where other programs want the same processors, that
/// takes the time from the thread it waits for: steps were measured eight times slower. libgomp reads its environment
/// while it is loaded, so a value set here only counts for a new start. Where that fails, threads wait as libgomp
/// likes.
static void limitSpinning(char **argv) {
  if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT"))
    return;
  char path[PATH_MAX];
  ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
  if (length <= 0 || setenv("GOMP_SPINCOUNT", "2000", 1) != 0)
    return;
  path[length] = '\0';
  execv(path, argv);
}

// Only in what was linked with libweft_comm.a.
extern "C" __attribute__((weak)) weft::rt::Transport *weft_gloo_transport(weft::rt::KeyValueStore &, const char *,
                                                                          int64_t);

int main(int argc, char **argv) {
  limitSpinning(argv);
  return weft::rt::runProgram({weft_manifest, weft_manifest_size, weft_tasks, weft_gloo_transport}, argc, argv);
}
