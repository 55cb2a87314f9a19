//===- FusionGraph.h - Which ops share a kernel -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_LOWER_FUSIONGRAPH_H
#define WEFT_PASSES_LOWER_FUSIONGRAPH_H

#include "dialects/exec/Exec.h"
#include "dialects/weft/Weft.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallVector.h"
#include <vector>

namespace weft {

/// The iteration space of a kernel.
struct Space {
  int64_t rows = 1, cols = 1;
  bool operator==(const Space &other) const { return rows == other.rows && cols == other.cols; }
};

/// Where an element of an operand lies, seen from an element (r, c) of a kernel.
enum class Access {
  Full,   ///< at r * cols + c
  Row,    ///< at r
  Mapped, ///< anywhere else
};

/// The fusion graph of one block. docs/kernels.md is its description.
///
/// *Nodes* are the ops whose results are stored or kept: reductions, scatters,
/// and elementwise ops with several uses and several full-sized inputs. Every
/// other elementwise op is *virtual*: part of each kernel that uses it. A node
/// has a *level*, the number of kernel boundaries on the longest path to it. An
/// edge out of a row kernel goes to a higher level, and none goes to a lower one,
/// so merging row kernels of one level never makes a cycle.
class FusionGraph {
public:
  explicit FusionGraph(mlir::Block &block);

  /// Nodes that become one kernel.
  struct Group {
    exec::KernelKind kind;
    Space space;
    int64_t level;
    llvm::SmallVector<mlir::Operation *> nodes; ///< program order
  };

  /// An operand that a kernel finds outside its virtual ops.
  struct Leaf {
    mlir::Value value;
    Access access;
  };

  const std::vector<Group> &getGroups() const { return groups; }
  /// The group of a node's op; -1 for ops that are not nodes.
  int64_t getGroup(mlir::Operation *op) const;
  /// Whether the op is cloned into its users' kernels.
  bool isVirtual(mlir::Operation *op) const { return virtualOps.contains(op); }
  /// All values that a node reads through views and virtual ops.
  llvm::SmallVector<Leaf> getLeaves(mlir::Operation *node) const;

private:
  void findVirtualOps(mlir::Block &block);
  void assignGroups(mlir::Block &block);
  void walkLeaves(mlir::Value value, Access access, Space space, llvm::SmallVectorImpl<Leaf> &leaves) const;
  llvm::SmallVector<Leaf> leavesIn(mlir::Operation *node, Space space, bool asRow) const;
  bool canJoin(mlir::Operation *node, const Group &group, llvm::ArrayRef<Leaf> leaves) const;
  int64_t find(int64_t group) const;
  void finish();

  llvm::DenseSet<mlir::Operation *> virtualOps;
  /// Pointwise ops: how many ops are computed for them, with the virtual ones that they read.
  llvm::DenseMap<mlir::Operation *, int64_t> opsOf;
  llvm::DenseMap<mlir::Operation *, int64_t> groupOf, levelOf;
  std::vector<Group> groups;
  mutable std::vector<int64_t> parent;
};

/// Whether a kernel computes `op`: elementwise, or reading operands by index maps.
bool isPointwise(mlir::Operation *op);
/// Whether `op` is pointwise and reads its operands at its own element.
bool isElementwise(mlir::Operation *op);
/// The iteration space of a node.
Space nodeSpace(mlir::Operation *node);

} // namespace weft

#endif // WEFT_PASSES_LOWER_FUSIONGRAPH_H
