//===- ProfileTest.cpp - Recording, table and trace of a profile ----------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/ProfileReport.h"

#include "TestSupport.h"
#include "core/Error.h"
#include "host/MachinePeak.h"

#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <thread>

using namespace weft;
using namespace weft::rt;

namespace {

/// Two layers of one product and one kernel, in two tasks.
Manifest layers() {
  Manifest manifest;
  manifest.model = "m.onnx";
  manifest.microbatches = 1;
  manifest.tasks = {"step", "eval"};
  MatmulDesc desc;
  desc.m = 4, desc.n = 5, desc.k = 6;
  manifest.matmuls.push_back(desc);
  for (const char *task : {"step", "eval"})
    for (int layer = 0; layer < 2; ++layer) {
      std::string scope = "h." + std::to_string(layer) + ".mlp";
      ScheduleEntry product{task, "matmul", scope, 240, 300, scope + "/MatMul:matmul_7", "forward", 0};
      ScheduleEntry kernel{task, "kernel", "k3", 10, 80, scope + "/Gelu:gelu_9", "backward", -1};
      manifest.schedule.push_back(product);
      manifest.schedule.push_back(kernel);
    }
  return manifest;
}

void runStep(Profile &profile, int calls) {
  profile.beginStep();
  profile.beginTask(0);
  for (int i = 0; i < calls; ++i) {
    int64_t start = profile.now();
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    profile.called(start);
  }
  profile.endTask();
  profile.endStep();
}

} // namespace

// The n-th call of a task is its n-th entry; steps and tasks are events that enclose them.
TEST(Profile, CountsCalls) {
  Manifest manifest = layers();
  Profile profile(manifest, 2);
  runStep(profile, 4);
  runStep(profile, 4);
  EXPECT_EQ(profile.steps(), 2);
  const auto &events = profile.events();
  ASSERT_EQ(events.size(), 12u);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(events[i].entry, i);
    EXPECT_EQ(events[6 + i].entry, i);
    EXPECT_EQ(events[6 + i].step, 1);
    EXPECT_GE(events[i].duration, 200'000);
  }
  EXPECT_EQ(events[4].entry, -1);
  EXPECT_EQ(events[5].entry, Profile::kStep);
  EXPECT_LE(events[5].start, events[4].start);
  EXPECT_GE(events[5].duration, events[4].duration);
}

// A task that does not call what its schedule lists is a fault of the compiler.
TEST(Profile, FindsMissingCalls) {
  Manifest manifest = layers();
  Profile few(manifest, 1), many(manifest, 1);
  EXPECT_THROW(runStep(few, 3), InternalError);
  EXPECT_THROW(runStep(many, 5), InternalError);
}

// Names lose the numbers of layers and the node's own name.
TEST(Profile, NamesLayersWithoutNumbers) {
  EXPECT_EQ(layerPattern("transformer.h.11.attn.c_attn/MatMul:matmul_8"), "transformer.h.*.attn.c_attn");
  EXPECT_EQ(layerPattern("3.weight, 4.bias"), "*.weight");
  EXPECT_EQ(layerPattern("ln_1"), "ln_1");
  EXPECT_EQ(layerPattern(""), "");
}

// Equal work of different layers is one line, with the rates of all of it.
TEST(Profile, TableGroupsLayers) {
  Manifest manifest = layers();
  Profile profile(manifest, 1);
  runStep(profile, 4);
  ProfileMachine machine;
  machine.peak = 100;
  machine.copy = 10;
  std::string table = profileTable(manifest, profile, machine);
  EXPECT_NE(table.find("product 4x5x6 forward: h.*.mlp\n"), std::string::npos) << table;
  EXPECT_NE(table.find("kernel k3 backward: h.*.mlp\n"), std::string::npos) << table;
  EXPECT_NE(table.find("profile of 1 step, 1 thread:"), std::string::npos) << table;
}

// A collective beside a product is hidden; what of it is left when the product has ended is exposed.
TEST(Profile, ExposedCommunication) {
  Manifest manifest = layers();
  manifest.collectives.emplace_back();
  manifest.schedule[1].op = "collective";
  manifest.schedule[1].stream = 1;
  manifest.streamNames = {"compute", "comm.dp"};
  Profile profile(manifest, 1);
  profile.beginStep();
  profile.beginTask(0);
  // Milliseconds: computing from 0 to 4 and from 9 to 10, the collective from 2 to 8.
  int64_t ms = 1'000'000;
  profile.called(0, 4 * ms);
  profile.called(2 * ms, 6 * ms);
  profile.called(9 * ms, ms / 2);
  profile.called(9 * ms + ms / 2, ms / 2);
  profile.endTask();
  profile.endStep();
  std::string table = profileTable(manifest, profile, ProfileMachine());
  size_t line = table.find("exposed: collectives with nothing computed beside them");
  ASSERT_NE(line, std::string::npos) << table;
  EXPECT_EQ(table.substr(table.rfind('\n', line) + 1, 8), "    4.00") << table;
  EXPECT_EQ(profileTable(layers(), profile, ProfileMachine()).find("exposed"), std::string::npos);
}

// The trace is JSON in Chrome's form: complete events in microseconds with the layer and the rates.
TEST(Profile, TraceIsChromes) {
  Manifest manifest = layers();
  Profile profile(manifest, 1);
  runStep(profile, 4);
  std::string path = testing::TempDir() + "profile-trace.json";
  ProfileMachine machine;
  machine.rank = 3;
  ASSERT_EQ(writeTrace(manifest, profile, machine, path), "");
  std::ifstream file(path);
  nlohmann::json trace = nlohmann::json::parse(file);
  int complete = 0;
  for (const auto &event : trace["traceEvents"]) {
    EXPECT_EQ(event["pid"], 3);
    if (event["ph"] != "X")
      continue;
    ++complete;
    if (event["cat"] == "matmul") {
      EXPECT_EQ(event["args"]["shape"], "4x5x6");
      EXPECT_EQ(event["args"]["region"], "forward");
      EXPECT_GE(event["dur"].get<double>(), 200);
    }
  }
  EXPECT_EQ(complete, 6);
  EXPECT_EQ(trace["metadata"]["model"], "m.onnx");
  EXPECT_NE(writeTrace(manifest, profile, machine, "/nowhere/at/all/trace.json"), "");
}

// The machine's limits are positive numbers of a plausible size.
TEST(MachinePeak, IsMeasured) {
  EXPECT_GT(measureCopy(1), 0.1);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    EXPECT_GT(measureMultiplyAdds(1), 1.0);
  }
}
