//===- Support.h - Ranks in threads -----------------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_TEST_UNIT_COMM_SUPPORT_H
#define WEFT_TEST_UNIT_COMM_SUPPORT_H

#include "comm/Ranks.h"
#include "core/Error.h"

#include <exception>
#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <vector>

namespace weft::test {

/// Runs `body` as every rank of the mesh, each in a thread with connections of its own. Returns what each threw, "" for
/// nothing. `libraries` are each rank's.
inline std::vector<std::string> runRanks(
    const rt::Manifest &manifest, double timeout, const std::function<void(rt::Ranks &)> &body,
    const std::function<std::string(int64_t)> &libraries = [](int64_t) { return std::string(); }) {
  int64_t world = manifest.mesh.size();
  rt::Socket listening = rt::listenOn(0);
  int port = rt::portOf(listening), descriptor = listening.release();
  std::vector<std::string> errors(world);
  std::vector<std::thread> threads;
  for (int64_t rank = 0; rank < world; ++rank)
    threads.emplace_back([&, rank] {
      rt::LaunchInfo launch;
      launch.rank = rank;
      launch.world = world;
      launch.masterPort = port;
      launch.listening = rank == 0 ? descriptor : -1;
      try {
        rt::Ranks ranks(manifest, 7, 7, launch, timeout, weft_gloo_transport, libraries(rank));
        try {
          body(ranks);
        } catch (const rt::FaultError &error) {
          errors[rank] = error.what();
        } catch (const std::exception &error) {
          errors[rank] = ranks.fail(1, error.what()).text;
        }
      } catch (const std::exception &error) {
        errors[rank] = error.what();
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  return errors;
}

} // namespace weft::test

#endif // WEFT_TEST_UNIT_COMM_SUPPORT_H
