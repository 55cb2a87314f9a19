//===- PlayThrough.h - How the ops of a task would run ----------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SCHEDULE_PLAYTHROUGH_H
#define WEFT_PASSES_SCHEDULE_PLAYTHROUGH_H

#include "mlir/IR/Block.h"
#include <limits>
#include <set>

namespace weft {

/// What an op of a task takes.
struct OpTime {
  double seconds = 0;
  bool works = false;        ///< takes time
  bool communicates = false; ///< on the link, beside what is computed
};

/// Whether an op of a task whose kernels are formed becomes a launch, a call or a copy.
bool takesTime(mlir::Operation *op);

/// Plays through how the ops of a task would run: what communicates one after another on the link, all else one after
/// another beside it. An op starts when its operands are known, and communication no earlier than where it stands.
class PlayThrough {
public:
  PlayThrough(mlir::Block &block, llvm::function_ref<OpTime(mlir::Operation *)> measure);

  /// In the program's order: seconds from the first op's start to the last one's end. It can be played once.
  double inOrder();

  /// In an order in which one half of the samples computes while the other one communicates: of what is ready comes
  /// next what leads soonest to communication, of what is not, what is ready first. The ops in that order.
  llvm::SmallVector<mlir::Operation *> interleaved();

  /// The same for what was played.
  double getSeconds() const { return std::max(now, linkFree); }

private:
  /// An op, and what an order has to know of it.
  struct Node {
    mlir::Operation *op = nullptr;
    OpTime time;
    /// Seconds of computing until the next communication that needs this; infinite if none does.
    double distance = std::numeric_limits<double>::infinity();
    double ready = 0; ///< when its operands are known
    double end = 0;
    int64_t missing = 0; ///< ops that come first and have no place yet
    llvm::SmallVector<int64_t, 4> users;

    bool computes() const { return time.works && !time.communicates; }
  };

  void addEdge(int64_t from, int64_t to) {
    nodes[from].users.push_back(to);
    ++nodes[to].missing;
  }
  void connect();
  void measureDistances();
  void place(int64_t index);
  /// The op to compute next.
  int64_t choose();

  std::vector<Node> nodes;
  std::vector<double> before; ///< seconds of computing in front of each op, as they stood
  double window = 0;          ///< how far, in seconds of computing, an op may overtake others
  llvm::DenseMap<mlir::Operation *, int64_t> indices;
  std::set<int64_t> computable; ///< whose operands are known or on their way
  std::set<int64_t> startable;  ///< the same, of what takes no time or communicates
  llvm::SmallVector<mlir::Operation *> placed;
  double now = 0, linkFree = 0;
};

} // namespace weft

#endif // WEFT_PASSES_SCHEDULE_PLAYTHROUGH_H
