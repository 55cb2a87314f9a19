//===- StreamQueueTest.cpp - Streams in random orders ---------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "host/StreamQueue.h"

#include <gtest/gtest.h>
#include <set>
#include <string>

using namespace weft::rt;

namespace {

/// A call on stream 0, one on stream 1 and another on stream 0, with an event between the first two if `ordered`.
std::string orderOf(StreamQueue &queue, bool ordered) {
  std::string order;
  auto call = [&](char name) { queue.give([&order, name] { order += name; }); };
  queue.setStream(0);
  call('a');
  if (ordered)
    queue.record(0);
  queue.setStream(1);
  if (ordered)
    queue.wait(0);
  call('x');
  queue.setStream(0);
  call('b');
  EXPECT_EQ(order, "");
  EXPECT_EQ(queue.run(), nullptr);
  return order;
}

} // namespace

// Every order that an event allows comes up, and no other.
TEST(StreamQueue, AllOrdersThatEventsAllow) {
  StreamQueue queue(1, 2, 1);
  std::set<std::string> free, ordered;
  for (int i = 0; i < 100; ++i) {
    free.insert(orderOf(queue, false));
    ordered.insert(orderOf(queue, true));
  }
  EXPECT_EQ(free, (std::set<std::string>{"axb", "abx", "xab"}));
  EXPECT_EQ(ordered, (std::set<std::string>{"axb", "abx"}));
}

// The same seed is the same order.
TEST(StreamQueue, Repeats) {
  StreamQueue a(7, 2, 1), b(7, 2, 1);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(orderOf(a, true), orderOf(b, true));
}

// A wait without its event is a fault, and so is a stream or an event that is not there; the queue can be used again.
TEST(StreamQueue, Faults) {
  StreamQueue queue(1, 2, 1);
  bool ran = false;
  queue.wait(0);
  queue.give([&] { ran = true; });
  EXPECT_STREQ(queue.run(), "a stream waits for an event that never happens");
  EXPECT_FALSE(ran);
  queue.setStream(2);
  queue.give([&] { ran = true; });
  EXPECT_STREQ(queue.run(), "a stream or an event is none of the manifest's");
  EXPECT_FALSE(ran);
  queue.record(1);
  EXPECT_STREQ(queue.run(), "a stream or an event is none of the manifest's");
  EXPECT_EQ(orderOf(queue, true)[0], 'a');
}
