//===- StepGraph.h - What the backward pass reads of the forward pass -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_MEMORY_STEPGRAPH_H
#define WEFT_PASSES_MEMORY_STEPGRAPH_H

#include "dialects/exec/Exec.h"
#include "dialects/exec/StridedView.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/schedule/StepRates.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/DenseMap.h"

namespace weft {

using exec::storedValue;

/// The views that lead to `value`, on another stored value.
mlir::Value viewsOn(mlir::OpBuilder &builder, mlir::Value value, mlir::Value stored);

/// On a forward op, between weft-plan-memory and weft-offload: which of its results wait in host memory.
inline constexpr llvm::StringLiteral offloadedAttr = "weft.offloaded";
void markOffloaded(mlir::OpResult result);
bool isMarkedOffloaded(mlir::OpResult result);

/// A tensor that a forward kernel or library call writes.
struct ForwardValue {
  mlir::Value value;
  int64_t bytes = 0;
  int64_t unit = 0;      ///< of the op that computes it: its place among the forward ops
  bool isCall = false;   ///< computed by a library
  bool isRead = false;   ///< by the backward pass
  bool isGather = false; ///< a parameter, gathered from its shards
  /// It is always kept: it is stored in a symbol, or it is a statistic, small beside what it is a reduction of. Sums
  /// come out the same only in the same loop, so that a statistic computed again by another kernel would differ in
  /// its last bits.
  bool isPinned = false;
  /// Forward values that it is computed from; of the results of one kernel, those that it is computed from too.
  llvm::SmallVector<int64_t, 4> needs;
  double seconds = 0; ///< to compute it from those
};

/// The forward and the backward pass of a task whose kernels are formed. Nothing is changed.
class StepGraph {
public:
  StepGraph(mlir::func::FuncOp task, const StepRates &rates);

  /// Whether there is a backward pass.
  bool hasBackward() const { return boundary >= 0; }
  llvm::ArrayRef<ForwardValue> getValues() const { return values; }
  /// The forward ops in program order.
  llvm::ArrayRef<mlir::Operation *> getUnits() const { return units; }
  /// The index of a value; -1 if no forward op computes it.
  int64_t indexOf(mlir::Value value) const {
    auto it = indices.find(value);
    return it == indices.end() ? -1 : it->second;
  }
  /// Ops behind the forward pass, which read forward values or clones of them.
  llvm::ArrayRef<mlir::Operation *> getLater() const { return later; }

  /// What has to be computed again if exactly `kept` (and what is pinned) survives the forward pass.
  llvm::BitVector getRecomputed(const llvm::BitVector &kept) const;
  /// Seconds that computing `values` takes; a library call with several results counts once.
  double getSeconds(const llvm::BitVector &recomputed) const;
  /// The values that the backward pass reads, and those that are pinned: what is kept if nothing is computed again.
  llvm::BitVector getAllKept() const;
  /// Seconds that a library call takes, by the rates of the target.
  double secondsOf(mlir::Operation *op) const;

  /// What differs between ops that compute different things, apart from names, places and operands.
  static llvm::hash_code hashOf(mlir::Operation *op);

private:
  void findBoundary(mlir::Block &block);
  void addValue(mlir::OpResult result, int64_t unit);
  void sliceKernel(exec::FusedOp fused, int64_t index, ForwardValue &value) const;

  StepRates rates;
  int64_t boundary = -1; ///< position of the last op that the forward pass needs
  llvm::SmallVector<mlir::Operation *> units, later;
  std::vector<ForwardValue> values;
  llvm::DenseMap<mlir::Value, int64_t> indices;
};

/// A run of forward ops that repeats: [begin, end) in units. The first and the last may differ from the others.
struct StepBlock {
  int64_t begin = 0, end = 0;
};

/// Has the backward pass read what the forward pass gathered, so that it is one more value to decide about. Returns
/// how many gathers of the backward pass that replaces. To be called before a StepGraph is made.
int64_t shareGathers(mlir::func::FuncOp task);

class PatternCache;

/// What may wait in host memory: nothing, unless the user allows it.
struct OffloadLimits {
  double bytesPerSecond = 0; ///< between the arena and host memory, one way; 0: not allowed
  double memoryBytesPerSecond = 1;
  int64_t horizon = 0; ///< blocks that copies may be behind or ahead
};

/// What is kept, and what waits in host memory, for the least time if no more than `limit` bytes may be alive at once.
struct AutoPlan {
  llvm::BitVector kept, offloaded; ///< what is offloaded is kept, elsewhere
  double seconds = 0;              ///< of computing again, and of copies that show
  double bound = 0;                ///< no choice that fits takes less
  int64_t patterns = 0;            ///< of the block with most of them
  bool fits = false;               ///< else as little as possible is kept
};
AutoPlan planWithin(const StepGraph &graph, llvm::ArrayRef<StepBlock> blocks, int64_t limit,
                    const OffloadLimits &offload, PatternCache &cache);

/// Repeated blocks, by what ops compute; empty if nothing repeats.
std::vector<StepBlock> findBlocks(const StepGraph &graph);

/// The whole forward pass in short parts, cut where the fewest bytes cross: for models that repeat nothing.
std::vector<StepBlock> cutIntoParts(const StepGraph &graph);

/// What is kept if of every block only what later blocks read is, and all that lies outside of blocks.
llvm::BitVector keepBetween(const StepGraph &graph, llvm::ArrayRef<StepBlock> blocks);

/// What is kept if values that kernels alone compute again, at no more than `secondsPerByte`, are dropped.
llvm::BitVector keepExpensive(const StepGraph &graph, double secondsPerByte);

} // namespace weft

#endif // WEFT_PASSES_MEMORY_STEPGRAPH_H
