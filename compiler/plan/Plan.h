//===- Plan.h - What is decided about a training step -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A value without IR: docs/plan.md is its specification and that of its JSON.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_PLAN_PLAN_H
#define WEFT_COMPILER_PLAN_PLAN_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weft {

/// How a tensor lies on the mesh: for each dimension the axes that cut it, the first the major one, and the axes over
/// which it is the sum of what the ranks hold. No axis anywhere: whole on every rank.
struct Layout {
  std::vector<std::vector<std::string>> dims;
  std::vector<std::string> unreduced;

  bool operator==(const Layout &other) const { return dims == other.dims && unreduced == other.unreduced; }
  bool isWhole() const;
  bool cuts(llvm::StringRef axis) const;
  bool isUnreduced(llvm::StringRef axis) const;
  /// Whether it cuts all that the other one does and more, behind it: gathers alone make the other one of it.
  bool refines(const Layout &other) const;
};

/// Whether gradients of several micro-batches are added before they are reduced over data-parallel ranks, or after.
enum class Accumulate {
  ByZero,          ///< micro-batches first, except that with ZeRO-2 and 3 only shards are held
  MicrobatchFirst, ///< one communication a step; the whole gradient is held
  DataFirst,       ///< a communication for every micro-batch; what is held is as it is stored
};

/// A step's plan.
struct Plan {
  static constexpr int64_t kVersion = 1;

  struct Axis {
    std::string name;
    int64_t size = 1;
  };
  /// An input of the step: of one micro-batch, over all ranks.
  struct Input {
    std::string name, dtype;
    std::vector<int64_t> shape;
    Layout layout;
  };
  /// A constraint: a dimension of an operand of an op that is cut. The op is the ordinal-th of its kind in its layer.
  struct Cut {
    std::string layer, op;
    int64_t ordinal = 0, operand = 0, dim = 0, size = 0;
    std::string axis, why;
    int64_t priority = 0;
    int64_t line = 0; ///< of the file that the plan comes from; 0: none
  };
  struct Parameter {
    std::string name, dtype;
    std::vector<int64_t> shape;
    bool trained = true;
    Layout stored;
    Layout states;    ///< of moments and master weights; only if it is trained
    Layout gradients; ///< as they are accumulated, or as the update takes them
    int64_t line = 0;
    /// How it lies from one step to the next, if tasks gather it to be as it is stored.
    std::optional<Layout> betweenSteps;

    const Layout &held() const { return betweenSteps ? *betweenSteps : stored; }
  };
  /// What collectives of one kind move in a step.
  struct Collective {
    std::string of;                ///< parameters, gradients, activations, statistics or numbers
    std::string kind, region;      ///< all_gather, ...; forward, backward or update
    std::vector<std::string> axes; ///< over which it goes, in the order of the mesh
    int64_t count = 0;             ///< calls in a step, on one rank
    double bytes = 0;              ///< sent by one rank in a step
    std::optional<double> theory;  ///< the same, by the formulas of docs/partitioning.md
    /// The same, tensor by tensor: the cheapest collectives for each reshard. Nothing: no tensor needs this one.
    std::optional<double> leastBytes;
  };
  /// Ops at which tensors would have one axis cut different factors, for the same two constraints: what these ops and
  /// what is sent for them cost a rank in a step.
  struct Conflict {
    std::string axis;
    std::string kept, over; ///< the constraint that held, and the one that did not
    int64_t count = 0;      ///< ops in a step
    double bytes = 0;       ///< sent
    double instead = 0;     ///< the same, had the other one held
    double seconds = 0;     ///< sending and computing
    double insteadSeconds = 0;
  };
  /// A product of activations with a weight, or a lookup in one, at which an axis that cuts the weight does not cut
  /// what it makes of it: the weight is gathered there, or its gradient is a sum over the axis. Or, of an axis whose
  /// weights are gathered as a rule, at which it does: the weight is used, or its gradient computed, as it is stored.
  struct GatheredWeight {
    std::string parameter, layer, axis;
    std::string microbatches;                                           ///< all, first or later
    bool forward = false, dataGradient = false, weightGradient = false; ///< at which of the three products
    bool isWhereStored = false;
  };
  /// Bytes of one rank.
  struct Memory {
    int64_t parameters = 0, gradients = 0, states = 0, inputs = 0;
    int64_t activations = 0; ///< and all other temporaries
    int64_t buffers = 0;     ///< of library calls and collectives
    int64_t alignment = 0, arena = 0;
  };

  /// What a step is predicted to take, by kernels, calls and the collectives of tensor parallelism, in seconds.
  struct HalvesTimes {
    double whole = 0, halves = 0;
    bool isBound = false; ///< halves were not planned: they would take at least this
  };

  std::string model;
  std::string mesh;       ///< degrees as --mesh takes them; empty: one rank
  std::string placement;  ///< letters
  std::vector<Axis> axes; ///< as they are laid over ranks, the last varies fastest
  int64_t zero = 0, persistence = 1000000;
  std::string optimize = "speed"; ///< speed or memory
  bool sequenceParallel = false;
  bool prescaledBatch = true;
  bool halves = false; ///< each rank's samples in two halves, one of which computes while the other communicates
  int64_t microbatches = 1;
  Accumulate accumulate = Accumulate::ByZero;
  std::string precision; ///< fp32, bf16; empty: the model's types
  std::vector<Input> inputs;
  std::vector<Cut> cuts;
  std::vector<Parameter> parameters;
  std::vector<Collective> collectives;    ///< predicted; a plan that is read need not have them
  std::vector<Conflict> conflicts;        ///< likewise
  std::vector<GatheredWeight> gathered;   ///< likewise
  std::optional<HalvesTimes> halvesTimes; ///< what decided about `halves`, if that was decided by cost
  std::optional<Memory> memory;           ///< likewise

  std::string path; ///< of the file that the plan comes from

  /// The weights gathered at products, or those used where they are stored.
  std::vector<GatheredWeight> weights(bool whereStored) const;
  /// The order in which axes cut a dimension that several of them cut, the first the major one. What is gathered is
  /// cut last, so that a gather leaves one piece: `shard` of parameters; of a batch that is not prescaled, `tp`.
  static std::array<llvm::StringRef, 3> meshOrder(bool prescaledBatch);

  int64_t getNumRanks() const;
  int64_t sizeOf(llvm::StringRef axis) const;
  /// The parameter of that name, or null.
  const Parameter *find(llvm::StringRef name) const;
  /// "plan 'p.json', line 12" for messages.
  std::string at(int64_t line) const;

  /// How many elements of a tensor of this shape a rank holds, padding included: an axis of n ranks cuts m indices into
  /// n parts of m / n, rounded up. With `only`, of the axes that cut it this one alone counts.
  int64_t heldOf(const Layout &layout, const std::vector<int64_t> &shape, llvm::StringRef only = {}) const;
  /// What is wrong with a layout for a tensor of this shape, without a stop; empty: nothing. Only what is stored can be
  /// `padded`.
  std::string check(const Layout &layout, const std::vector<int64_t> &shape, bool padded) const;
};

/// Bytes of an element of a type by its name in manifests; 0 if there is no such type.
int64_t bytesOfType(llvm::StringRef dtype);

/// The words of `--accumulate`.
const char *accumulateName(Accumulate accumulate);
std::optional<Accumulate> parseAccumulate(llvm::StringRef name);

/// What each rank sends when `count` ranks do one collective and the larger side of what each rank has is `bytes`.
double bytesSent(llvm::StringRef kind, double bytes, int64_t ranks);

/// The plan as JSON: one line for each entry of a list, so that it can be edited and compared.
void printJson(const Plan &plan, llvm::raw_ostream &os);
/// The same as a value, for the manifest.
llvm::json::Value toJson(const Plan &plan);
/// Reads a plan. Empty on failure, and then `error` says which line is at fault and why.
std::optional<Plan> parsePlan(llvm::StringRef text, const std::string &path, std::string &error);

/// Says what was decided about halves of the samples and why; nothing if that was not decided by cost.
void printHalves(const Plan &plan, llvm::raw_ostream &os);

/// The table that people read: parameters and cuts of repeated blocks together, memory, collectives.
void printPlanTable(const Plan &plan, llvm::raw_ostream &os);

} // namespace weft

#endif // WEFT_COMPILER_PLAN_PLAN_H
