//===- Buckets.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/dist/Dist.h"
#include "dialects/exec/LibraryCalls.h"
#include "dialects/exec/StridedView.h"
#include "dialects/weft/Weft.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/schedule/Passes.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"

namespace weft {
#define GEN_PASS_DEF_BUCKETCOLLECTIVES
#include "passes/schedule/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

/// The block of the model that an op belongs to: its name up to the first number in it, `h.3` of `h.3.attn.c_attn`.
/// Empty for what is in none.
static StringRef blockOf(Location loc) {
  StringRef block;
  loc->walk([&](Location part) {
    auto named = dyn_cast<NameLoc>(part);
    if (!named)
      return WalkResult::advance();
    StringRef name = named.getName().getValue();
    for (size_t at = 0; at < name.size();) {
      size_t end = std::min(name.find_first_of("./", at), name.size());
      if (end > at && llvm::all_of(name.slice(at, end), llvm::isDigit)) {
        block = name.take_front(end);
        return WalkResult::interrupt();
      }
      at = end + 1;
    }
    return WalkResult::advance();
  });
  return block;
}

static int64_t elementsOf(TypeRange types) {
  int64_t count = 0;
  for (Type type : types)
    count += cast<RankedTensorType>(type).getNumElements();
  return count;
}

/// A collective of a vector of so many elements, a bias or a norm's weight, is all waiting, among any number of ranks.
static constexpr int64_t vectorElements = int64_t(1) << 16;
/// So many of them are one bucket: nobody waits long for it, not even for the last one of a step.
static constexpr size_t vectorMembers = 64;

namespace {

/// Collectives that become one.
struct Bucket {
  int64_t serial = 0; ///< no two buckets have the same
  bool early = false; ///< of what is stored: it can stand where its first member did
  SmallVector<Operation *> members;
  /// What depends on a member, in order: it has to come behind the bucket.
  SmallVector<Operation *> dependents;
  int64_t elements = 0;
  StringRef block;
};

/// Forms the buckets of one function.
class Bucketing {
public:
  Bucketing(func::FuncOp function, int64_t size, int64_t maxLive, bool byBlock)
      : body(function.getBody().front()), size(size), maxLive(maxLive), byBlock(byBlock) {}

  void run();
  int64_t numBuckets = 0, numMembers = 0;

private:
  /// What collectives of one bucket have in common; the last of it is whether they are of what is stored, and whether
  /// they can wait for others of any block.
  using Key = std::tuple<OperationName, Attribute, Attribute, Type, Attribute, Attribute, unsigned, unsigned>;

  /// Whether a collective brings together what is stored: it can run any time before.
  static bool isOfStored(Operation *op) {
    return isa<dist::AllGatherOp>(op) && op->getOperand(0).getDefiningOp<ReadOp>();
  }
  /// Whether a collective is of a vector that can wait for others: stored, so that it can be gathered any time before
  /// it is read, or one that no product waits for, a gradient.
  bool canWait(Operation *op, int64_t elements) const {
    return elements <= vectorElements && cast<RankedTensorType>(op->getOperand(0).getType()).getRank() <= 1 &&
           (isOfStored(op) || !feedsProduct.contains(op));
  }
  /// Whether an op stands before another. The block would number its ops anew after each bucket to say so.
  bool isBefore(Operation *a, Operation *b) const { return positions.lookup(a) < positions.lookup(b); }
  /// The open buckets that an op depends on.
  SmallVector<int64_t> bucketsBefore(Operation *op);
  void add(Operation *op);
  void close(Bucket &bucket);
  Operation *merge(OpBuilder &builder, ArrayRef<Operation *> members);

  Block &body;
  int64_t size, maxLive;
  bool byBlock;
  llvm::MapVector<Key, Bucket> open;
  /// The buckets that ops are in or depend on; those that are closed no longer count.
  DenseMap<Operation *, SmallVector<int64_t>> waitsFor;
  int64_t serials = 0;
  /// Ops whose results products, or other calls of libraries that compute, need.
  DenseSet<Operation *> feedsProduct;
  /// Where ops stood; what was made or moved has the place of the op that it was put at.
  DenseMap<Operation *, int64_t> positions;
};

} // namespace

void Bucketing::add(Operation *op) {
  auto collective = cast<dist::CollectiveOpInterface>(op);
  bool stored = isOfStored(op);
  int64_t elements = std::max(elementsOf(op->getOperandTypes()), elementsOf(op->getResultTypes()));
  bool waits = canWait(op, elements);
  Key key(op->getName(), op->getAttr("kind"), collective.getAxes(),
          cast<RankedTensorType>(op->getOperand(0).getType()).getElementType(), op->getAttr(dist::regionAttr),
          op->getAttr(dist::halfAttr), stored, waits);
  // What waits is live for longer.
  int64_t limit = !stored ? size : std::min(size, waits ? maxLive / 16 : maxLive);
  Bucket &bucket = open[key];
  // Parameters that are gathered, and gradients until they are cut, take less memory block by block.
  bool perBlock = !waits && (byBlock || stored || isa<dist::ReduceScatterOp>(op));
  StringRef block = blockOf(op->getLoc());
  bool full = bucket.elements + elements > limit || (waits && bucket.members.size() >= vectorMembers);
  if (!bucket.members.empty() && (full || (perBlock && block != bucket.block)))
    close(bucket);
  if (bucket.members.empty())
    bucket.serial = ++serials;
  bucket.early = stored;
  bucket.block = block;
  bucket.elements += elements;
  bucket.members.push_back(op);
  if (!stored)
    waitsFor[op] = {bucket.serial};
}

SmallVector<int64_t> Bucketing::bucketsBefore(Operation *op) {
  SmallVector<int64_t> found;
  for (Value operand : op->getOperands()) {
    auto known = waitsFor.find(operand.getDefiningOp());
    if (known == waitsFor.end())
      continue;
    for (int64_t serial : known->second)
      if (!llvm::is_contained(found, serial) &&
          llvm::any_of(open, [&](auto &entry) { return entry.second.serial == serial; }))
        found.push_back(serial);
  }
  return found;
}

Operation *Bucketing::merge(OpBuilder &builder, ArrayRef<Operation *> members) {
  SmallVector<Value> operands;
  SmallVector<Type> types;
  SmallVector<int64_t> dims;
  SmallVector<Location> places;
  for (Operation *member : members) {
    llvm::append_range(operands, member->getOperands());
    llvm::append_range(types, member->getResultTypes());
    if (auto list = member->getAttrOfType<DenseI64ArrayAttr>("dims"))
      llvm::append_range(dims, list.asArrayRef());
    places.push_back(member->getLoc());
  }
  Operation *first = members.front();
  // The region is a tag on the first location, which the others share.
  auto tagged = dyn_cast<FusedLoc>(first->getLoc());
  Location loc = FusedLoc::get(builder.getContext(), places, tagged ? tagged.getMetadata() : Attribute());
  OperationState state(loc, first->getName(), operands, types, first->getAttrs());
  if (first->hasAttr("dims"))
    state.attributes.set("dims", builder.getDenseI64ArrayAttr(dims));
  return builder.create(state);
}

/// One collective of all members: where the first of them is if their operands are stored anyway, else the last, and
/// then what depends on one of them behind it.
void Bucketing::close(Bucket &bucket) {
  Bucket closed = std::move(bucket);
  bucket = Bucket();
  if (closed.members.size() < 2)
    return;
  ++numBuckets;
  numMembers += closed.members.size();
  Operation *at = closed.early ? closed.members.front() : closed.members.back();
  if (closed.early)
    for (Operation *member : closed.members)
      for (Value operand : member->getOperands())
        if (Operation *read = operand.getDefiningOp(); isBefore(at, read)) {
          read->moveBefore(at);
          positions[read] = positions.lookup(at);
        }
  OpBuilder builder(at);
  Operation *merged = merge(builder, closed.members);
  positions[merged] = positions.lookup(at);
  int64_t next = 0;
  for (Operation *member : closed.members) {
    for (Value result : member->getResults())
      result.replaceAllUsesWith(merged->getResult(next++));
    waitsFor.erase(member);
    positions.erase(member);
    member->erase();
  }
  // Nothing reads a symbol behind its write, so a write may come later too.
  Operation *last = merged;
  for (Operation *dependent : closed.dependents)
    if (isBefore(dependent, merged)) {
      dependent->moveAfter(last);
      positions[dependent] = positions.lookup(merged);
      last = dependent;
    }
}

void Bucketing::run() {
  SmallVector<Operation *> ops;
  for (Operation &op : body) {
    positions[&op] = static_cast<int64_t>(ops.size());
    ops.push_back(&op);
  }
  for (Operation *op : llvm::reverse(ops))
    if (llvm::any_of(op->getUsers(), [&](Operation *user) {
          return feedsProduct.contains(user) ||
                 (isa<DotGeneralOp, exec::LibraryOpInterface>(user) && !isa<dist::CollectiveOpInterface>(user));
        }))
      feedsProduct.insert(op);
  for (Operation *op : ops) {
    SmallVector<int64_t> before = bucketsBefore(op);
    if (isa<dist::AllReduceOp, dist::AllGatherOp, dist::ReduceScatterOp>(op)) {
      // A collective of what depends on a bucket comes after it.
      for (auto &[key, bucket] : open)
        if (llvm::is_contained(before, bucket.serial))
          close(bucket);
      add(op);
      continue;
    }
    if (before.empty())
      continue;
    for (auto &[key, bucket] : open)
      if (llvm::is_contained(before, bucket.serial))
        bucket.dependents.push_back(op);
    waitsFor[op] = std::move(before);
  }
  for (auto &[key, bucket] : open)
    close(bucket);
}

namespace {

struct BucketCollectives : weft::impl::BucketCollectivesBase<BucketCollectives> {
  using Base::Base;
  void runOnOperation() override {
    if (size < 1 || maxLive < 1) {
      getOperation().emitError("a bucket, and the parameters that are gathered at one time, have at least one element");
      return signalPassFailure();
    }
    Bucketing bucketing(getOperation(), size, maxLive, byBlock);
    bucketing.run();
    numBuckets += bucketing.numBuckets;
    numMembers += bucketing.numMembers;
  }
};

} // namespace
