//===- MeshMain.cpp - A hand-written executable for a mesh ----------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The model of test/unit/runtime/sample, partitioned by hand: samples are cut on
// replica and shard, W [16, 16] on shard and tp, b [16] on tp. The environment
// chooses the sizes of the axes, and what goes wrong:
//   WEFT_SAMPLE_MESH=2,2,2        replica, shard, tp
//   WEFT_SAMPLE_FAULT=kill:2:3    kill, stop, hang or fail: in rank 2, step 3
//   WEFT_SAMPLE_MODEL=name        the model's name
//
//===----------------------------------------------------------------------===//

#include "host/Context.h"
#include "launch/Run.h"

#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <unistd.h>

using namespace weft;
using namespace weft::rt;
using nlohmann::json;

namespace {

constexpr int kVocabulary = 16, kLength = 8, kRows = 4, kMicrobatches = 2;

/// What the environment says. A program of its own may have globals; the runtime has none.
int replicas = 1, shards = 1, tensors = 1;
char faultKind[8] = "";
int faultRank = -1, faultStep = -1;

int64_t sizeOf(const std::string &axis) { return axis == "replica" ? replicas : axis == "shard" ? shards : tensors; }

/// Offsets in the arena, and the manifest that says them.
struct Layout {
  using Axes = std::vector<std::string>;

  json inputs = json::array(), params = json::array(), states = json::array(), collectives = json::array();
  int64_t end = 0, persistent = 0, scratchBytes = 0;
  int rows, vt, vs;
  int64_t ids, labels, w, b, hyper, step, lossSum, lossCount, evalLossSum, evalLossCount, gradNorm, lr, logits;
  int64_t coordinates, gradW, gradB;
  int64_t wholeW, wholeGradient, gradientPart, gradientB, maxima, sums, scalars, reducedW, reducedB, scratch;

  int64_t take(int64_t bytes) {
    int64_t at = end;
    end += (bytes + 63) / 64 * 64;
    return at;
  }

  int64_t tensor(json &list, const std::string &name, const std::string &kind, const std::string &dtype,
                 std::vector<int64_t> shape, std::vector<Axes> sharding = {}) {
    int64_t bytes = dtype == "f32" ? 4 : 8;
    std::vector<int64_t> local = shape;
    sharding.resize(shape.size());
    for (size_t i = 0; i < shape.size(); ++i) {
      for (const std::string &axis : sharding[i])
        local[i] /= sizeOf(axis);
      bytes *= local[i];
    }
    int64_t offset = take(bytes);
    json entry = {{"name", name},   {"dtype", dtype},       {"shape", shape},      {"offset", offset},
                  {"bytes", bytes}, {"sharding", sharding}, {"local_shape", local}};
    entry[&list == &inputs ? "role" : "kind"] = kind;
    list.push_back(entry);
    return offset;
  }

  void collective(CollectiveKind kind, const Axes &axes, const char *reduce, const char *dtype,
                  const std::vector<int64_t> &inner, const char *what) {
    static constexpr const char *names[] = {"all_reduce", "all_gather", "reduce_scatter", "all_to_all"};
    CollectiveDesc desc;
    desc.kind = kind;
    desc.elementBytes = dtype == std::string("f32") ? 4 : 8;
    int64_t ranks = 1;
    for (const std::string &axis : axes)
      ranks *= sizeOf(axis);
    json members = json::array();
    for (int64_t size : inner) {
      desc.members.push_back({1, 1, 1, size});
      members.push_back(
          {{"outer", 1}, {"split", kind == CollectiveKind::AllReduce ? 1 : ranks}, {"middle", 1}, {"inner", size}});
    }
    int64_t bytes = collectiveScratchBytes(desc, ranks);
    scratchBytes = std::max(scratchBytes, bytes);
    collectives.push_back({{"kind", names[static_cast<int>(kind)]},
                           {"axes", axes},
                           {"reduce", reduce},
                           {"dtype", dtype},
                           {"members", members},
                           {"scratch", bytes},
                           {"what", what}});
  }

  Layout() : rows(kRows / (replicas * shards)), vt(kVocabulary / tensors), vs(kVocabulary / shards) {
    Axes samples = {"replica", "shard"};
    ids = tensor(inputs, "ids", "tokens", "i64", {kRows, kLength}, {samples, {}});
    labels = tensor(inputs, "labels", "labels", "i64", {kRows, kLength}, {samples, {}});
    inputs[0]["limit"] = inputs[1]["limit"] = kVocabulary;
    w = tensor(params, "W", "", "f32", {kVocabulary, kVocabulary}, {{"shard"}, {"tp"}});
    b = tensor(params, "b", "", "f32", {kVocabulary}, {{"tp"}});
    params[0]["source"] = {{"init", "normal"}, {"std", 0.5}};
    params[1]["source"] = {{"init", "constant"}, {"value", 0.25}};
    hyper = tensor(states, "hyper", "hyper", "f64", {16});
    step = tensor(states, "step", "step", "i64", {});
    lossSum = tensor(states, "loss_sum", "metric", "f64", {});
    lossCount = tensor(states, "loss_count", "metric", "f64", {});
    evalLossSum = tensor(states, "eval_loss_sum", "metric", "f64", {});
    evalLossCount = tensor(states, "eval_loss_count", "metric", "f64", {});
    gradNorm = tensor(states, "grad_norm", "metric", "f64", {});
    lr = tensor(states, "lr", "metric", "f64", {});
    logits = tensor(states, "logits", "probe", "f32", {kRows, kLength, kVocabulary}, {samples, {}, {"tp"}});
    coordinates = tensor(states, "coordinates", "mesh", "i64", {3});
    gradW = tensor(states, "grad/W", "accumulator", "f32", {kVocabulary, kVocabulary}, {{"shard"}, {"tp"}});
    gradB = tensor(states, "grad/b", "accumulator", "f32", {kVocabulary}, {{"tp"}});
    for (json &state : states)
      if (state["kind"] == "accumulator")
        state["unreduced"] = {"replica"};
    persistent = end;
    int64_t positions = rows * kLength;
    collective(CollectiveKind::AllGather, {"shard"}, "sum", "f32", {vs * vt}, "W");
    collective(CollectiveKind::AllReduce, {"tp"}, "max", "f32", {positions}, "logits");
    collective(CollectiveKind::AllReduce, {"tp"}, "sum", "f32", {2 * positions}, "logits");
    collective(CollectiveKind::ReduceScatter, {"shard"}, "sum", "f32", {vs * vt}, "grad/W");
    collective(CollectiveKind::AllReduce, {"shard"}, "sum", "f32", {vt}, "grad/b");
    collective(CollectiveKind::AllReduce, {"replica", "shard"}, "sum", "f64", {2}, "loss");
    collective(CollectiveKind::AllReduce, {"replica"}, "sum", "f32", {vs * vt, vt}, "gradients");
    collective(CollectiveKind::AllReduce, {"tp", "shard"}, "sum", "f64", {1}, "gradient norm");
    wholeW = take(kVocabulary * vt * 4);
    wholeGradient = take(kVocabulary * vt * 4);
    gradientPart = take(vs * vt * 4);
    gradientB = take(vt * 4);
    maxima = take(positions * 4);
    sums = take(2 * positions * 4);
    scalars = take(64);
    reducedW = take(vs * vt * 4);
    reducedB = take(vt * 4);
    scratch = take(scratchBytes);
  }

  std::string manifest() const {
    const char *name = getenv("WEFT_SAMPLE_MODEL");
    json axes = json::array();
    for (const char *axis : {"replica", "shard", "tp"})
      axes.push_back({{"name", axis}, {"size", sizeOf(axis)}});
    json document = {
        {"version", 1},
        {"model", name ? name : "mesh-sample.onnx"},
        {"target", "host"},
        {"optimizer", "sgd"},
        {"arena_bytes", end},
        {"persistent_bytes", persistent},
        {"batch", kRows * kMicrobatches},
        {"microbatches", kMicrobatches},
        {"tokens_per_sample", kLength},
        {"mesh", {{"axes", axes}}},
        {"placement", "DPT"},
        {"inputs", inputs},
        {"params", params},
        {"states", states},
        {"collectives", collectives},
        {"tasks", {"first", "next", "update", "eval"}},
        // The first call of task first has a name of its own here.
        {"schedule", {{{"task", "first"}, {"op", "collective"}, {"what", "W"}, {"loc", "model.head"}, {"call", 0}}}},
        {"matmuls", json::array()},
        {"attentions", json::array()}};
    return document.dump();
  }
};

const Layout *layout;

template <typename T> T *at(char *arena, int64_t offset) { return reinterpret_cast<T *>(arena + offset); }

/// One collective of one tensor; false ends the task.
bool call(weft_context *context, char *arena, int index, int64_t in, int64_t out) {
  const void *inputs[] = {arena + in};
  void *outputs[] = {arena + out};
  return weft_collective(context, index, inputs, outputs, arena + layout->scratch) == 0;
}

/// Logits, loss and, if wanted, gradients of this rank's rows. The loss and the count are those of all ranks.
bool pass(weft_context *context, char *arena, bool gradient) {
  const Layout &l = *layout;
  int positions = l.rows * kLength;
  if (!call(context, arena, 0, l.w, l.wholeW))
    return false;
  const int64_t *ids = at<int64_t>(arena, l.ids), *labels = at<int64_t>(arena, l.labels);
  const float *w = at<float>(arena, l.wholeW), *b = at<float>(arena, l.b);
  float *logits = at<float>(arena, l.logits), *maxima = at<float>(arena, l.maxima), *sums = at<float>(arena, l.sums);
  int64_t firstToken = at<int64_t>(arena, l.coordinates)[2] * l.vt;
  for (int i = 0; i < positions; ++i) {
    maxima[i] = -INFINITY;
    for (int v = 0; v < l.vt; ++v) {
      logits[i * l.vt + v] = w[ids[i] * l.vt + v] + b[v];
      maxima[i] = std::max(maxima[i], logits[i * l.vt + v]);
    }
  }
  if (!call(context, arena, 1, l.maxima, l.maxima))
    return false;
  for (int i = 0; i < positions; ++i) {
    sums[i] = sums[positions + i] = 0;
    for (int v = 0; v < l.vt; ++v) {
      sums[i] += std::exp(logits[i * l.vt + v] - maxima[i]);
      if (firstToken + v == labels[i])
        sums[positions + i] = logits[i * l.vt + v];
    }
  }
  if (!call(context, arena, 2, l.sums, l.sums))
    return false;
  double *scalars = at<double>(arena, l.scalars);
  scalars[0] = 0;
  scalars[1] = positions;
  float *gradientW = at<float>(arena, l.wholeGradient), *gradientB = at<float>(arena, l.gradientB);
  memset(gradientW, 0, kVocabulary * l.vt * 4);
  memset(gradientB, 0, l.vt * 4);
  for (int i = 0; i < positions; ++i) {
    scalars[0] += std::log(double(sums[i])) + maxima[i] - sums[positions + i];
    for (int v = 0; v < l.vt; ++v) {
      float g = std::exp(logits[i * l.vt + v] - maxima[i]) / sums[i] - (firstToken + v == labels[i] ? 1.0f : 0.0f);
      gradientW[ids[i] * l.vt + v] += g;
      gradientB[v] += g;
    }
  }
  if (!call(context, arena, 5, l.scalars, l.scalars))
    return false;
  if (!gradient)
    return true;
  if (!call(context, arena, 3, l.wholeGradient, l.gradientPart) || !call(context, arena, 4, l.gradientB, l.gradientB))
    return false;
  for (int i = 0; i < l.vs * l.vt; ++i)
    at<float>(arena, l.gradW)[i] += at<float>(arena, l.gradientPart)[i];
  for (int i = 0; i < l.vt; ++i)
    at<float>(arena, l.gradB)[i] += gradientB[i];
  *at<double>(arena, l.lossSum) += scalars[0];
  *at<double>(arena, l.lossCount) += scalars[1];
  return true;
}

void next(weft_context *context, char *arena) { pass(context, arena, true); }

void first(weft_context *context, char *arena) {
  const Layout &l = *layout;
  const int64_t *place = at<int64_t>(arena, l.coordinates);
  int64_t rank = (place[0] * shards + place[1]) * tensors + place[2];
  if (rank == faultRank && *at<int64_t>(arena, l.step) + 1 == faultStep) {
    std::string kind = faultKind;
    if (kind == "kill")
      raise(SIGKILL);
    if (kind == "stop")
      raise(SIGSTOP);
    while (kind == "hang")
      sleep(1);
    if (kind == "fail")
      return context->fail("sample", 0, "made to fail");
  }
  memset(arena + l.gradW, 0, l.vs * l.vt * 4);
  memset(arena + l.gradB, 0, l.vt * 4);
  *at<double>(arena, l.lossSum) = *at<double>(arena, l.lossCount) = 0;
  next(context, arena);
}

void update(weft_context *context, char *arena) {
  const Layout &l = *layout;
  const void *inputs[] = {arena + l.gradW, arena + l.gradB};
  void *outputs[] = {arena + l.reducedW, arena + l.reducedB};
  if (weft_collective(context, 6, inputs, outputs, arena + l.scratch) != 0)
    return;
  double count = *at<double>(arena, l.lossCount), squares = 0;
  auto square = [&](float g) { return (g / count) * (g / count); };
  for (int i = 0; i < l.vs * l.vt; ++i)
    squares += square(at<float>(arena, l.reducedW)[i]);
  // Every rank of a shard group has the same part of b: one of them counts it.
  for (int i = 0; i < l.vt && at<int64_t>(arena, l.coordinates)[1] == 0; ++i)
    squares += square(at<float>(arena, l.reducedB)[i]);
  *at<double>(arena, l.scalars) = squares;
  if (!call(context, arena, 7, l.scalars, l.scalars))
    return;
  const double *hyper = at<double>(arena, l.hyper);
  double norm = std::sqrt(*at<double>(arena, l.scalars));
  double scale = hyper[0] / count * (hyper[9] > 0 && norm > hyper[9] ? hyper[9] / norm : 1);
  for (int i = 0; i < l.vs * l.vt; ++i)
    at<float>(arena, l.w)[i] -= static_cast<float>(scale * at<float>(arena, l.reducedW)[i]);
  for (int i = 0; i < l.vt; ++i)
    at<float>(arena, l.b)[i] -= static_cast<float>(scale * at<float>(arena, l.reducedB)[i]);
  *at<double>(arena, l.gradNorm) = norm;
  *at<double>(arena, l.lr) = hyper[0];
  ++*at<int64_t>(arena, l.step);
}

void eval(weft_context *context, char *arena) {
  if (!pass(context, arena, false))
    return;
  *at<double>(arena, layout->evalLossSum) = at<double>(arena, layout->scalars)[0];
  *at<double>(arena, layout->evalLossCount) = at<double>(arena, layout->scalars)[1];
}

} // namespace

int main(int argc, char **argv) {
  if (const char *mesh = getenv("WEFT_SAMPLE_MESH"))
    sscanf(mesh, "%d,%d,%d", &replicas, &shards, &tensors);
  if (const char *fault = getenv("WEFT_SAMPLE_FAULT"))
    sscanf(fault, "%7[a-z]:%d:%d", faultKind, &faultRank, &faultStep);
  Layout chosen;
  layout = &chosen;
  std::string manifest = chosen.manifest();
  const weft_task_fn tasks[] = {first, next, update, eval};
  return runProgram({manifest.data(), static_cast<int64_t>(manifest.size()), tasks, weft_gloo_transport}, argc, argv);
}
