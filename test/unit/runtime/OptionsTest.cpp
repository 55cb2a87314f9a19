//===- OptionsTest.cpp - The command line ---------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "launch/Options.h"
#include "core/Error.h"
#include "sample/Sample.h"

#include <cstring>
#include <gtest/gtest.h>

using namespace weft::rt;

namespace {

std::string lastHelp;

Options parse(std::vector<const char *> arguments) {
  Manifest manifest = Manifest::parse(sample::kManifest, static_cast<int64_t>(strlen(sample::kManifest)));
  arguments.insert(arguments.begin(), "exe");
  lastHelp.clear();
  return parseOptions(static_cast<int>(arguments.size()), arguments.data(), manifest, lastHelp).value_or(Options());
}

std::string usageError(std::vector<const char *> arguments) {
  try {
    parse(std::move(arguments));
  } catch (const UsageError &error) {
    return error.what();
  }
  return "none";
}

std::array<double, 16> hyperOf(const Options &options, const char *optimizer, bool scaled = false) {
  Manifest manifest;
  manifest.optimizer = optimizer;
  if (scaled) {
    manifest.states.emplace_back();
    manifest.states.back().name = "loss_scale";
  }
  return options.hyper(manifest);
}

} // namespace

TEST(Options, LossScaling) {
  auto hyper = hyperOf(parse({"--data", "a"}), "adamw", /*scaled=*/true);
  EXPECT_EQ(std::vector<double>(hyper.begin() + 11, hyper.end()), (std::vector<double>{2, 1000, 1, 1, 1}));
  hyper = hyperOf(parse({"--data", "a", "--loss-scale-factor", "4", "--loss-scale-window", "5", "--min-loss-scale", "8",
                         "--loss-scale-hysteresis", "3", "--consecutive-hysteresis"}),
                  "adamw", /*scaled=*/true);
  EXPECT_EQ(std::vector<double>(hyper.begin() + 11, hyper.end()), (std::vector<double>{4, 5, 8, 3, 2}));
  hyper = hyperOf(parse({"--data", "a", "--static-loss-scale", "128"}), "adamw", /*scaled=*/true);
  EXPECT_EQ(hyper[15], 0);
  // They would do nothing in an executable whose loss is not scaled.
  EXPECT_THROW(hyperOf(parse({"--data", "a", "--loss-scale", "128"}), "adamw"), UsageError);
  EXPECT_NE(usageError({"--data", "a", "--loss-scale", "8", "--static-loss-scale", "8"}).find("exclude each other"),
            std::string::npos);
  EXPECT_NE(usageError({"--data", "a", "--loss-scale-factor", "1"}), "none");
}

TEST(Options, Defaults) {
  Options options = parse({"--data", "a", "b", "--steps", "7"});
  EXPECT_EQ(options.data, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(options.steps, 7);
  auto hyper = hyperOf(options, "adamw");
  EXPECT_EQ(hyper, (std::array<double, 16>{3e-4, 0, 0, 7, 0, 0.9, 0.95, 1e-8, 0.1, 1.0, 1.0}));
}

TEST(Options, EveryHyperParameter) {
  Options options = parse({"--data",   "a",    "--lr",           "0.5", "--min-lr", "0.25", "--schedule", "cosine",
                           "--warmup", "3",    "--total-steps",  "50",  "--beta1",  "0.8",  "--beta2",    "0.7",
                           "--eps",    "1e-3", "--weight-decay", "0",   "--clip",   "0"});
  EXPECT_EQ(hyperOf(options, "adamw"), (std::array<double, 16>{0.5, 0.25, 3, 50, 2, 0.8, 0.7, 1e-3, 0, 0, 1.0}));
  EXPECT_THROW(hyperOf(options, "sgd"), UsageError);
  options = parse({"--data", "a", "--momentum", "0.5"});
  EXPECT_EQ(hyperOf(options, "sgd")[5], 0.5);
  EXPECT_EQ(hyperOf(options, "")[5], 0.5);
  EXPECT_THROW(hyperOf(options, "adamw"), UsageError);
  EXPECT_EQ(hyperOf(parse({"--data", "a"}), "sgd")[5], 0.9);
}

// The seed that the model was compiled with is the default.
TEST(Options, SeedOfTheManifest) {
  Manifest manifest = Manifest::parse(sample::kManifest, static_cast<int64_t>(strlen(sample::kManifest)));
  manifest.seed = 7;
  const char *arguments[] = {"exe", "--data", "a", "--seed", "9"};
  std::string help;
  EXPECT_EQ(parseOptions(3, arguments, manifest, help)->seed, 7u);
  EXPECT_EQ(parseOptions(5, arguments, manifest, help)->seed, 9u);
}

TEST(Options, Faults) {
  EXPECT_EQ(usageError({"--data", "a", "--stpes", "3"}), "unknown option '--stpes'; did you mean '--steps'?");
  EXPECT_EQ(usageError({"--data", "a", "--warm=3"}), "unknown option '--warm'; did you mean '--warmup'?");
  EXPECT_EQ(usageError({"--data", "a", "--qqqqqqqqqq"}), "unknown option '--qqqqqqqqqq'; see --help");
  EXPECT_EQ(usageError({"tokens"}), "'tokens' belongs to no option; did you mean '--data tokens'?");
  EXPECT_EQ(usageError({}), "--data is missing: give token files (weft data pack FILE -o TOKENS)");
  EXPECT_EQ(usageError({"--data", "a", "--replay", "b"}), "--data and --replay exclude each other");
  EXPECT_EQ(usageError({"--data", "a", "--lr", "-1"}), "--lr: '-1' is not a number of at least 0");
  EXPECT_EQ(usageError({"--data", "a", "--beta1", "1"}), "--beta1: '1' is not a number of at least 0 and below 1");
  EXPECT_EQ(usageError({"--data", "a", "--schedule", "cosin"}),
            "--schedule: 'cosin' is none of constant, linear, cosine; did you mean 'cosine'?");
  EXPECT_NE(usageError({"--data", "a", "--steps", "x"}), "none");
  EXPECT_NE(usageError({"--data", "a", "--steps", "1.5"}), "none");
  EXPECT_NE(usageError({"--data", "a", "--lr"}), "none");
  EXPECT_EQ(usageError({"--data", "a", "--min-lr", "1"}), "--min-lr is larger than --lr");
}

// Every option says its default.
TEST(Options, Help) {
  parse({"--help"});
  for (const char *group : {"Training:", "Learning rate:", "Optimizer:", "Evaluation:", "Output:", "Machine:"})
    EXPECT_NE(lastHelp.find(group), std::string::npos) << lastHelp;
  EXPECT_NE(lastHelp.find("=0.0003"), std::string::npos) << lastHelp;
  EXPECT_NE(lastHelp.find("[steps]"), std::string::npos);
}

TEST(Options, NearestName) {
  EXPECT_EQ(nearestName("--thread", {"--steps", "--threads"}), "--threads");
  EXPECT_EQ(nearestName("--xyz", {"--steps", "--threads"}), "");
}
