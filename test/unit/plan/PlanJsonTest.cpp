//===- PlanJsonTest.cpp - Plans as JSON and as a table -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/plan/JsonLines.h"
#include "compiler/plan/Plan.h"
#include "compiler/plan/Theory.h"
#include "llvm/ADT/STLExtras.h"
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
  plan.gathered = {{"h.0.w", "h.0.attn/\"quoted\"", "tp", "later", true, false, true}};
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

// What decided about halves is read again, and printed as it was decided; without it nothing is said.
TEST(PlanJson, KeepsWhatDecidedAboutHalves) {
  Plan plan = example();
  plan.halves = true;
  plan.halvesTimes = {0.1858, 0.1752, false};
  std::string text = print(plan), error, said, bound;
  std::optional<Plan> read = parsePlan(text, "p.json", error);
  ASSERT_TRUE(read) << error;
  EXPECT_EQ(print(*read), text);
  llvm::raw_string_ostream os(said), other(bound);
  printHalves(*read, os);
  EXPECT_EQ(said, "halves      on: computing and the collectives of tp are predicted at 185.80 ms a step, in halves at "
                  "175.20 ms\n");
  read->halves = false;
  read->halvesTimes->isBound = true;
  printHalves(*read, other);
  EXPECT_EQ(bound,
            "halves      off: computing and the collectives of tp are predicted at 185.80 ms a step, in halves at "
            "no less than 175.20 ms\n");
  size_t length = said.size();
  printHalves(example(), os);
  EXPECT_EQ(said.size(), length);
}

TEST(PlanJson, PartsBetweenSteps) {
  Layout inParts{{{"tp"}, {"shard"}}, {}}, stored{{{"tp"}, {}}, {}}, other{{{}, {"shard"}}, {}};
  EXPECT_TRUE(inParts.refines(stored) && inParts.refines(other) && inParts.refines({{{}, {}}, {}}));
  EXPECT_FALSE(stored.refines(stored) || stored.refines(inParts) || inParts.refines({{{}, {"tp"}}, {}}));
  // What is whole would be cut out of the midst, and sums are no parts.
  Layout both{{{"tp", "shard"}, {}}, {}};
  EXPECT_TRUE(both.refines(stored));
  EXPECT_FALSE(both.refines({{{"shard"}, {}}, {}}) || inParts.refines({{{"tp"}, {}}, {"shard"}}));

  Plan plan = example();
  plan.microbatches = 1;
  plan.parameters[0].stored = stored;
  EXPECT_EQ(plan.parameters[0].held(), stored);
  plan.parameters[0].betweenSteps = inParts;
  EXPECT_EQ(plan.parameters[0].held(), inParts);
  std::string error, text = print(plan);
  std::optional<Plan> read = parsePlan(text, "p.json", error);
  ASSERT_TRUE(read) << error;
  EXPECT_EQ(read->parameters[0].betweenSteps, inParts);
  EXPECT_EQ(print(*read), text);
  plan.parameters[0].betweenSteps = other;
  EXPECT_FALSE(parsePlan(print(plan), "p.json", error));
  EXPECT_NE(error.find("between_steps does not cut further what 'stored' has cut"), std::string::npos) << error;
  plan.parameters[0].betweenSteps = inParts;
  plan.microbatches = 4;
  EXPECT_FALSE(parsePlan(print(plan), "p.json", error));
  EXPECT_NE(error.find("would be gathered by each of 4 micro-batches"), std::string::npos) << error;
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
  facts.uses["h.0.w"] = {true, true};
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

namespace {

/// Bytes by what is moved, the kind and the region, over one axis or a product of them.
std::map<std::string, double> theoryOf(Plan plan, const StepFacts &facts) {
  addTheory(plan, facts);
  std::map<std::string, double> bytes;
  for (const Plan::Collective &c : plan.collectives) {
    std::string axes;
    for (const std::string &axis : c.axes)
      axes += " " + axis;
    bytes[c.of + " " + c.kind + " " + c.region + axes] = *c.theory;
  }
  return bytes;
}

/// An MLP of 8 and 16 elements on 4 sequences of 4 positions, which two ranks of `tp` cut between blocks.
struct Mlp {
  Plan plan;
  StepFacts facts;

  Mlp() {
    plan.axes = {{"tp", 2}};
    plan.sequenceParallel = true;
    Layout columns{{{}, {"tp"}}, {}}, rows{{{"tp"}, {}}, {}};
    plan.parameters = {{"up", "f32", {8, 16}, true, columns, columns, columns, 0},
                       {"down", "f32", {16, 8}, true, rows, rows, rows, 0}};
    facts.uses["up"] = facts.uses["down"] = {true, true};
    facts.positions = 4;
    StepFacts::Product up{"up", "mlp/up", {0}, 10, 0, 512, 1024, 4, true, true};
    StepFacts::Product down{"down", "mlp/down", {0}, 11, 1, 1024, 512, 4, true, true};
    facts.products = {up, down};
  }
  void gather(bool forward, bool dataGradient, bool weightGradient) {
    for (const StepFacts::Product &product : facts.products)
      plan.gathered.push_back({product.parameter, product.layer, "tp", "all", forward, dataGradient, weightGradient});
  }
};

} // namespace

TEST(Theory, KeepsWeights) {
  Mlp mlp;
  std::map<std::string, double> bytes = theoryOf(mlp.plan, mlp.facts);
  EXPECT_EQ(bytes["activations all_gather forward tp"], 512 / 2);
  EXPECT_EQ(bytes["activations reduce_scatter forward tp"], 512 / 2);
  // The gradient of what was scattered, and what was gathered once more for the weight's gradient.
  EXPECT_EQ(bytes["activations all_gather backward tp"], 2 * 512 / 2);
  EXPECT_EQ(bytes["activations reduce_scatter backward tp"], 512 / 2);
  EXPECT_EQ(bytes.size(), 5u) << "and the norm";
}

TEST(Theory, GathersWeights) {
  Mlp mlp;
  mlp.gather(true, true, true);
  std::map<std::string, double> bytes = theoryOf(mlp.plan, mlp.facts);
  EXPECT_EQ(bytes["parameters all_gather forward tp"], 2 * 512 / 2);
  EXPECT_EQ(bytes["parameters all_gather backward tp"], 2 * 512 / 2);
  EXPECT_EQ(bytes["gradients reduce_scatter backward tp"], 2 * 512 / 2);
  // From one cut to the other what is hidden is moved: forward twice; backward what `down` reads again, and the
  // gradients on both sides.
  EXPECT_EQ(bytes["activations all_to_all forward tp"], 2 * 1024 / 2 / 2);
  EXPECT_EQ(bytes["activations all_to_all backward tp"], 3 * 1024 / 2 / 2);
  EXPECT_EQ(bytes.size(), 6u) << "and the norm";
}

TEST(Theory, EachProductDecides) {
  Mlp mlp;
  mlp.gather(false, true, false);
  std::map<std::string, double> bytes = theoryOf(mlp.plan, mlp.facts);
  EXPECT_EQ(bytes.count("parameters all_gather forward tp"), 0u);
  EXPECT_EQ(bytes["parameters all_gather backward tp"], 2 * 512 / 2);
  EXPECT_EQ(bytes.count("gradients reduce_scatter backward tp"), 0u);
  // The weights' gradients still take whole activations.
  EXPECT_EQ(bytes["activations all_gather backward tp"], 2 * 512 / 2);
  EXPECT_EQ(bytes.count("activations reduce_scatter backward tp"), 0u);
  EXPECT_EQ(bytes["activations all_to_all backward tp"], 2 * 1024 / 2 / 2);
}

TEST(Theory, UsesWeightsWhereTheyAreStored) {
  // Two ranks of `shard` have half of the samples each: 512 bytes of what is between, 1024 of what is hidden.
  Mlp mlp;
  mlp.plan.axes = {{"shard", 2}};
  mlp.plan.zero = 3;
  mlp.plan.sequenceParallel = false;
  Layout columns{{{}, {"shard"}}, {}}, rows{{{"shard"}, {}}, {}};
  for (Plan::Parameter &p : mlp.plan.parameters)
    p.stored = p.states = p.gradients = p.name == "up" ? columns : rows;
  auto keep = [&](bool forward, bool dataGradient, bool weightGradient) {
    mlp.plan.gathered.clear();
    for (const StepFacts::Product &product : mlp.facts.products)
      mlp.plan.gathered.push_back(
          {product.parameter, product.layer, "shard", "all", forward, dataGradient, weightGradient, true});
    return theoryOf(mlp.plan, mlp.facts);
  };
  // `up` gathers what it reads, `down` what its gradient comes from; what is hidden is moved for both. Of the weights
  // nothing is added up.
  std::map<std::string, double> bytes = keep(false, false, true);
  EXPECT_EQ(bytes["activations all_gather backward shard"], 2 * 512 / 2);
  EXPECT_EQ(bytes["activations all_to_all backward shard"], 2 * 1024 / 2 / 2);
  EXPECT_EQ(bytes.count("gradients reduce_scatter backward shard"), 0u);
  EXPECT_EQ(bytes["parameters all_gather forward shard"], 2 * 512 / 2);
  EXPECT_EQ(bytes["parameters all_gather backward shard"], 2 * 512 / 2);
  // All three: no weight is gathered. The data's gradients read what is there for the weights'.
  bytes = keep(true, true, true);
  EXPECT_EQ(bytes["activations all_gather forward shard"], 512 / 2);
  EXPECT_EQ(bytes["activations all_to_all forward shard"], 2 * 1024 / 2 / 2);
  EXPECT_EQ(bytes["activations reduce_scatter forward shard"], 512 / 2);
  EXPECT_EQ(bytes["activations all_gather backward shard"], 2 * 512 / 2);
  EXPECT_EQ(bytes["activations all_to_all backward shard"], 3 * 1024 / 2 / 2);
  EXPECT_EQ(bytes["activations reduce_scatter backward shard"], 512 / 2);
  EXPECT_EQ(bytes.count("parameters all_gather forward shard"), 0u);
  EXPECT_EQ(bytes.count("parameters all_gather backward shard"), 0u);
  // Beside `replica`, which cuts samples behind it: what is gathered comes together over both, and what is moved over
  // `replica` before.
  mlp.plan.axes = {{"replica", 2}, {"shard", 2}};
  bytes = keep(false, false, true);
  EXPECT_EQ(bytes["activations all_gather backward shard replica"], 3.0 / 4 * 2 * 512);
  EXPECT_EQ(bytes["activations all_gather backward replica"], 2 * 1024 / 2 / 2);
  EXPECT_EQ(bytes["activations all_to_all backward shard"], 2 * 1024 / 2 / 2);
}

TEST(Theory, PartialSumsAreOne) {
  // Three products read the same, as queries, keys and values do; the gradient of one of them is no sum.
  Mlp mlp;
  StepFacts::Product up = mlp.facts.products.front();
  mlp.facts.products = {up, up, up};
  auto reduced = [&](size_t which) {
    mlp.plan.gathered.clear();
    for (auto [i, product] : llvm::enumerate(mlp.facts.products)) {
      product.layer = "layer " + std::to_string(i);
      product.turn = static_cast<int64_t>(i);
      if (i == which)
        mlp.plan.gathered = {{"up", product.layer, "tp", "all", false, true, false}};
    }
    return theoryOf(mlp.plan, mlp.facts)["activations reduce_scatter backward tp"];
  };
  EXPECT_EQ(reduced(3), 256);
  EXPECT_EQ(reduced(2), 256);
  EXPECT_EQ(reduced(1), 256);
  EXPECT_EQ(reduced(0), 256);
}

TEST(Theory, WhatIsFarIsSmall) {
  // 256 bytes, cut over both axes: gathered over far ranks first, the gradient scattered over near ones first.
  Mlp mlp;
  mlp.plan.parameters.resize(1);
  mlp.plan.zero = 3;
  auto with = [&](std::vector<Plan::Axis> axes, const Layout &layout) {
    mlp.plan.axes = std::move(axes);
    mlp.plan.parameters.front() = {"up", "f32", {8, 8}, true, layout, layout, layout, 0};
    mlp.plan.gathered = {{"up", "mlp/up", "tp", "all", true, true, true}};
    return theoryOf(mlp.plan, mlp.facts);
  };
  Layout apart{{{"shard"}, {"tp"}}, {}}, together{{{}, {"tp", "shard"}}, {}};
  std::map<std::string, double> near = with({{"shard", 2}, {"tp", 2}}, apart);
  EXPECT_EQ(near["parameters all_gather forward shard"], 128 / 2);
  EXPECT_EQ(near["parameters all_gather forward tp"], 256 / 2);
  EXPECT_EQ(near["gradients reduce_scatter backward tp"], 256 / 2);
  EXPECT_EQ(near["gradients reduce_scatter backward shard"], 128 / 2);
  std::map<std::string, double> far = with({{"tp", 2}, {"shard", 2}}, apart);
  EXPECT_EQ(far["parameters all_gather forward tp"], 128 / 2);
  EXPECT_EQ(far["parameters all_gather forward shard"], 256 / 2);
  EXPECT_EQ(far["gradients reduce_scatter backward shard"], 256 / 2);
  EXPECT_EQ(far["gradients reduce_scatter backward tp"], 128 / 2);
  std::map<std::string, double> one = with({{"shard", 2}, {"tp", 2}}, together);
  EXPECT_EQ(one["parameters all_gather forward tp shard"], 256 * 3 / 4);
  EXPECT_EQ(one["gradients reduce_scatter backward tp shard"], 256 * 3 / 4);
}
