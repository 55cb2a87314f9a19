//===- PlanJsonTest.cpp - Plans as JSON and as a table -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/plan/JsonLines.h"
#include "compiler/plan/Plan.h"
#include "compiler/plan/Theory.h"
#include <algorithm>
#include <gtest/gtest.h>
#include <map>

using namespace weft;

static Plan example() {
  Plan plan;
  plan.model = "m.onnx";
  plan.mesh = "dp=2,tp=2";
  plan.placement = "DPT";
  plan.axes = {{"shard", 2}, {"tp", 2}};
  plan.zero = 3;
  plan.microbatches = 4;
  plan.inputs = {{"x", "i64", {4, 8}, {{{"shard"}, {}}, {}}}};
  Plan::Cut cut;
  cut.layer = "h.0.attn/\"quoted\"";
  cut.op = "attention";
  cut.dim = 2;
  cut.size = 8;
  cut.axis = "tp";
  cut.why = "attention heads";
  plan.cuts = {cut};
  Layout stored{{{"tp"}, {"shard"}}, {}};
  plan.parameters = {{"h.0.w", "f32", {8, 4}, true, stored, stored, {{{"tp"}, {}}, {"shard"}}, 0},
                     {"table", "i32", {3}, false, {{{}}, {}}, {}, {}, 0}};
  plan.collectives = {{"parameters", "all_gather", "forward", {"shard"}, 4, 256.0, 256.0}};
  plan.memory = Plan::Memory{1, 2, 3, 4, 5, 6, 7, 28};
  return plan;
}

static std::string print(const Plan &plan) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printJson(plan, os);
  return text;
}

/// What is said of a plan in which `from` became `to`.
static std::string complaint(const std::string &from, const std::string &to) {
  std::string text = print(example()), error;
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from << " in\n" << text;
  text.replace(at, from.size(), to);
  EXPECT_FALSE(parsePlan(text, "p.json", error)) << text;
  return error;
}

TEST(PlanJson, IsReadAsItWasWritten) {
  std::string text = print(example()), error;
  std::optional<Plan> plan = parsePlan(text, "p.json", error);
  ASSERT_TRUE(plan) << error;
  EXPECT_EQ(print(*plan), text);
  EXPECT_EQ(plan->parameters[0].gradients.unreduced, std::vector<std::string>{"shard"});
  EXPECT_EQ(plan->cuts[0].layer, example().cuts[0].layer);
  EXPECT_EQ(plan->getNumRanks(), 4);
}

TEST(PlanJson, NamesTheLineAtFault) {
  std::string text = print(example());
  int64_t line = 1 + std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(text.find("\"h.0.w\"")), '\n');
  std::string where = "plan 'p.json', line " + std::to_string(line) + ": parameters[0]";
  // What is stored can be padded, what is read cannot.
  std::string error, odd = text;
  odd.replace(odd.find(R"("shape":[8,4])"), 13, R"("shape":[7,4])");
  EXPECT_TRUE(parsePlan(odd, "p.json", error)) << error;
  EXPECT_NE(complaint(R"("shape":[4,8])", R"("shape":[5,8])")
                .find("inputs[0].sharding cuts dimension 0 of 5 into 2 parts, which do not divide it"),
            std::string::npos);
  EXPECT_EQ(complaint(R"("stored":[["tp"],["shard"]])", R"("stored":[["tp"],["pp"]])"),
            where + ".stored names the axis 'pp', which the mesh does not have");
  EXPECT_EQ(complaint(R"("stored":[["tp"],["shard"]])", R"("stored":[["tp"],["tp"]])"),
            where + ".stored uses the axis 'tp' twice");
  EXPECT_EQ(complaint(R"("stored":[["tp"],["shard"]])", R"("stored":[["shard","tp"],[]])"),
            where + ".stored has 'tp' behind an axis that is minor to it: the order is tp, shard, replica");
  EXPECT_EQ(complaint(R"("trained":true)", R"("trained":1)"), where + ".trained is not true or false");
  EXPECT_EQ(complaint(R"("trained":true)", R"("trayned":true)"),
            where + " has 'trayned', which the schema does not know");
  EXPECT_EQ(complaint(R"("size":8)", R"("size":0)").find("plan 'p.json', line "), 0u);
}

TEST(PlanJson, RefusesWhatIsNoPlan) {
  std::string error;
  EXPECT_FALSE(parsePlan("{", "p.json", error));
  EXPECT_EQ(error.find("plan 'p.json' is not JSON: "), 0u) << error;
  EXPECT_FALSE(parsePlan("[]", "p.json", error));
  EXPECT_EQ(error, "plan 'p.json', line 1: the document is not an object");
  EXPECT_FALSE(parsePlan("{}", "p.json", error));
  EXPECT_EQ(error, "plan 'p.json', line 1: the document lacks 'version'");
  EXPECT_NE(complaint("\"version\": 1", "\"version\": 2").find("is not 1, the version"), std::string::npos);
  EXPECT_NE(complaint("\"zero\": 3", "\"zero\": 4").find("is not 0, 1, 2 or 3"), std::string::npos);
}

TEST(PlanJson, FindsLines) {
  JsonLines lines("{\n \"a\": [1,\n  {\"b\\\"]\": [\n2]}],\n\"c\": \"}\\\"\"\n}", "f");
  EXPECT_EQ(lines.find({}), 1);
  EXPECT_EQ(lines.find({{"a", 0}}), 2);
  EXPECT_EQ(lines.find({{"a", 0}, {"", 1}}), 3);
  EXPECT_EQ(lines.find({{"a", 0}, {"", 1}, {"b\"]", 0}, {"", 0}}), 4);
  EXPECT_EQ(lines.find({{"c", 0}}), 5);
  EXPECT_EQ(lines.find({{"d", 0}}), 0);
}

TEST(Theory, FollowsTheFormulas) {
  // Eight bytes a rank: 4 x 4 floats over tp = 2, gathered over shard = 2 forward and backward in 4 micro-batches.
  Plan plan = example();
  plan.collectives.clear();
  StepFacts facts;
  facts.uses["h.0.w"] = {true, true, 0};
  addTheory(plan, facts);
  std::map<std::string, double> bytes;
  for (const Plan::Collective &c : plan.collectives)
    bytes[c.of + " " + c.kind + " " + c.region] = *c.theory;
  EXPECT_EQ(bytes["parameters all_gather forward"], 4 * 64 / 2.0);
  EXPECT_EQ(bytes["parameters all_gather backward"], 4 * 64 / 2.0);
  // Summed over micro-batches before they are scattered: once.
  EXPECT_EQ(bytes["gradients reduce_scatter update"], 64 / 2.0);
  EXPECT_EQ(bytes.count("gradients reduce_scatter backward"), 0u);
  plan.collectives.clear();
  plan.parameters[0].gradients = plan.parameters[0].states;
  addTheory(plan, facts);
  for (const Plan::Collective &c : plan.collectives)
    if (c.kind == "reduce_scatter") {
      EXPECT_EQ(c.region, "backward");
      EXPECT_EQ(*c.theory, 4 * 64 / 2.0);
    }
}
