//===- Interleave.cpp - One half computes while the other communicates ----===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/dist/Dist.h"
#include "dialects/exec/LibraryCalls.h"
#include "dialects/exec/StridedView.h"
#include "passes/schedule/OpSeconds.h"
#include "passes/schedule/Passes.h"
#include "passes/shard/Region.h"
#include <deque>
#include <set>

namespace weft {
#define GEN_PASS_DEF_INTERLEAVE
#include "passes/schedule/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

namespace {

/// An op, and what an order has to know of it.
struct Node {
  Operation *op = nullptr;
  double seconds = 0;
  bool communicates = false; ///< for one half, beside what is computed
  bool works = false;        ///< takes time
  /// Seconds of computing until the next such communication that needs this; infinite if none does.
  double distance = std::numeric_limits<double>::infinity();
  double ready = 0; ///< when its operands are known
  double end = 0;
  int64_t missing = 0; ///< ops that come first and have no place yet
  SmallVector<int64_t, 4> users;
};

/// Orders the ops of a task, playing through how they would run.
class Ordering {
public:
  Ordering(Block &block, const StepRates &rates);
  /// The ops in their new order.
  SmallVector<Operation *> run();

private:
  void addEdge(int64_t from, int64_t to) {
    nodes[from].users.push_back(to);
    ++nodes[to].missing;
  }
  void connect(Block &block);
  void measure();
  void place(int64_t index);
  /// The op to compute next.
  int64_t choose();

  std::vector<Node> nodes;
  std::vector<double> before; ///< seconds of computing in front of each op, as they stood
  double window = 0;          ///< how far, in seconds of computing, an op may overtake others
  DenseMap<Operation *, int64_t> indices;
  std::set<int64_t> computable; ///< whose operands are known or on their way
  std::set<int64_t> startable;  ///< the same, of what takes no time or communicates
  SmallVector<Operation *> placed;
  double now = 0, linkFree = 0;
};

struct Interleave : weft::impl::InterleaveBase<Interleave> {
  Interleave() = default;
  explicit Interleave(const StepRates &rates) : rates(rates) {}

  void runOnOperation() override {
    Block &body = getOperation().getBody().front();
    if (llvm::none_of(body, [](Operation &op) { return op.hasAttr(dist::halfAttr); }))
      return;
    Operation *end = body.getTerminator();
    for (Operation *op : Ordering(body, rates).run())
      op->moveBefore(end);
  }

private:
  StepRates rates;
};

} // namespace

static bool takesTime(Operation *op) { return isa<exec::FusedOp, exec::TransferOp, exec::LibraryOpInterface>(op); }

Ordering::Ordering(Block &block, const StepRates &rates) {
  for (Operation &op : block.without_terminator()) {
    Node node;
    node.op = &op;
    node.works = takesTime(&op);
    node.communicates = op.hasAttr(dist::halfAttr);
    node.seconds = node.works ? secondsOf(&op, rates) : 0;
    indices[&op] = nodes.size();
    nodes.push_back(std::move(node));
  }
  connect(block);
  measure();
}

/// Which op comes before which: all edges lead onwards in the program.
void Ordering::connect(Block &block) {
  llvm::StringMap<SmallVector<int64_t>> readersOf; // of what a symbol holds before it is written
  int64_t lastWork = -1, lastUpdate = -1;
  for (auto [i, node] : llvm::enumerate(nodes)) {
    auto index = static_cast<int64_t>(i);
    for (Value operand : node.op->getOperands()) {
      if (Operation *def = operand.getDefiningOp())
        addEdge(indices.lookup(def), index);
      if (auto read = exec::storedValue(operand).getDefiningOp<ReadOp>())
        readersOf[read.getSymbol()].push_back(index);
    }
    if (auto read = dyn_cast<ReadOp>(node.op))
      readersOf[read.getSymbol()].push_back(index);
    // What is stored is written in place where nobody needs the old contents: they are read first.
    if (auto write = dyn_cast<WriteOp>(node.op)) {
      Operation *writer = exec::storedValue(write.getValue()).getDefiningOp();
      int64_t at = writer && indices.contains(writer) ? indices.lookup(writer) : index;
      for (int64_t reader : readersOf[write.getSymbol()])
        if (reader < at)
          addEdge(reader, at);
    }
    if (!node.works)
      continue;
    // Communication that is not of halves begins where it stands, and updates keep their order.
    if (isa<dist::CollectiveOpInterface>(node.op) && !node.communicates && lastWork >= 0)
      addEdge(lastWork, index);
    if (regionOf(node.op->getLoc()) == "update") {
      if (lastUpdate >= 0)
        addEdge(lastUpdate, index);
      lastUpdate = index;
      node.distance = 0;
    }
    lastWork = index;
  }
}

void Ordering::measure() {
  double total = 0;
  int64_t communications = 0;
  for (const Node &node : nodes) {
    before.push_back(total);
    if (node.communicates)
      ++communications;
    else
      total += node.seconds;
  }
  // Far enough to go round what waits, and not so far that what nothing waits for, such as gradients of weights, keeps
  // its operands alive for long.
  window = 8 * total / static_cast<double>(std::max<int64_t>(communications, 1));
  for (Node &node : llvm::reverse(nodes)) {
    for (int64_t user : node.users)
      node.distance = std::min(node.distance, nodes[user].communicates ? 0 : nodes[user].distance);
    node.distance += node.communicates ? 0 : node.seconds;
  }
}

void Ordering::place(int64_t index) {
  Node &node = nodes[index];
  placed.push_back(node.op);
  double start = std::max(now, node.ready);
  if (node.communicates) {
    start = std::max(start, linkFree);
    linkFree = start + node.seconds;
  } else if (node.works) {
    now = start + node.seconds;
  } else {
    start = node.ready;
  }
  node.end = start + node.seconds;
  for (int64_t user : node.users) {
    nodes[user].ready = std::max(nodes[user].ready, node.end);
    if (--nodes[user].missing == 0)
      (nodes[user].works && !nodes[user].communicates ? computable : startable).insert(user);
  }
}

int64_t Ordering::choose() {
  // Of what is ready the op that leads soonest to communication; of what is not, the one that is ready first.
  auto better = [&](int64_t a, int64_t b) {
    double startA = std::max(nodes[a].ready, now), startB = std::max(nodes[b].ready, now);
    return std::tie(startA, nodes[a].distance, a) < std::tie(startB, nodes[b].distance, b);
  };
  int64_t best = *computable.begin();
  double limit = before[best] + window;
  for (int64_t index : computable) {
    if (before[index] > limit)
      break;
    if (better(index, best))
      best = index;
  }
  return best;
}

SmallVector<Operation *> Ordering::run() {
  for (auto [i, node] : llvm::enumerate(nodes))
    if (node.missing == 0)
      (node.works && !node.communicates ? computable : startable).insert(static_cast<int64_t>(i));
  while (!computable.empty() || !startable.empty()) {
    std::set<int64_t> &from = startable.empty() ? computable : startable;
    int64_t next = startable.empty() ? choose() : *startable.begin();
    from.erase(next);
    place(next);
  }
  return std::move(placed);
}

std::unique_ptr<Pass> weft::createInterleavePass(const StepRates &rates) { return std::make_unique<Interleave>(rates); }
