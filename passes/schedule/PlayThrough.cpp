//===- PlayThrough.cpp - How the ops of a task would run -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/schedule/PlayThrough.h"
#include "dialects/dist/Dist.h"
#include "dialects/exec/LibraryCalls.h"
#include "dialects/exec/StridedView.h"
#include "passes/shard/Region.h"

using namespace mlir;
using namespace weft;

bool weft::takesTime(Operation *op) { return isa<exec::FusedOp, exec::TransferOp, exec::LibraryOpInterface>(op); }

PlayThrough::PlayThrough(Block &block, llvm::function_ref<OpTime(Operation *)> measure) {
  for (Operation &op : block.without_terminator()) {
    Node node;
    node.op = &op;
    node.time = measure(&op);
    indices[&op] = static_cast<int64_t>(nodes.size());
    nodes.push_back(std::move(node));
  }
  connect();
}

/// Which op comes before which: all edges lead onwards in the program.
void PlayThrough::connect() {
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
    if (!node.time.works)
      continue;
    // Communication that is not of halves begins where it stands, and updates keep their order.
    if (isa<dist::CollectiveOpInterface>(node.op) && !node.time.communicates && lastWork >= 0)
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

void PlayThrough::measureDistances() {
  double total = 0;
  int64_t communications = 0;
  for (const Node &node : nodes) {
    before.push_back(total);
    if (node.time.communicates)
      ++communications;
    else
      total += node.time.seconds;
  }
  // Far enough to go round what waits, and not so far that what nothing waits for, such as gradients of weights, keeps
  // its operands alive for long.
  window = 8 * total / static_cast<double>(std::max<int64_t>(communications, 1));
  for (Node &node : llvm::reverse(nodes)) {
    for (int64_t user : node.users)
      node.distance = std::min(node.distance, nodes[user].time.communicates ? 0 : nodes[user].distance);
    node.distance += node.time.communicates ? 0 : node.time.seconds;
  }
}

void PlayThrough::place(int64_t index) {
  Node &node = nodes[index];
  placed.push_back(node.op);
  double start = std::max(now, node.ready);
  if (node.time.communicates) {
    start = std::max(start, linkFree);
    linkFree = start + node.time.seconds;
  } else if (node.time.works) {
    now = start + node.time.seconds;
  } else {
    start = node.ready;
  }
  node.end = start + node.time.seconds;
  for (int64_t user : node.users) {
    nodes[user].ready = std::max(nodes[user].ready, node.end);
    if (--nodes[user].missing == 0)
      (nodes[user].computes() ? computable : startable).insert(user);
  }
}

int64_t PlayThrough::choose() {
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

SmallVector<Operation *> PlayThrough::interleaved() {
  measureDistances();
  for (auto [i, node] : llvm::enumerate(nodes))
    if (node.missing == 0)
      (node.computes() ? computable : startable).insert(static_cast<int64_t>(i));
  while (!computable.empty() || !startable.empty()) {
    std::set<int64_t> &from = startable.empty() ? computable : startable;
    int64_t next = startable.empty() ? choose() : *startable.begin();
    from.erase(next);
    place(next);
  }
  return std::move(placed);
}

double PlayThrough::inOrder() {
  for (size_t index = 0; index < nodes.size(); ++index)
    place(static_cast<int64_t>(index));
  return getSeconds();
}
