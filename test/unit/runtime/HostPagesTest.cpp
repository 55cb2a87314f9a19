//===- HostPagesTest.cpp - Large memory of this process -------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/HostPages.h"

#include "core/Error.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace weft::rt;

/// Of [at, at + bytes), pages that are in memory.
static int64_t residentPages(char *at, int64_t bytes) {
  std::vector<unsigned char> pages((bytes + getpagesize() - 1) / getpagesize());
  EXPECT_EQ(mincore(at, bytes, pages.data()), 0);
  return std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return page & 1; });
}

// More parts than threads, and a last part that is no whole page.
TEST(HostPages, PopulateBringsInAllPages) {
  int64_t bytes = (int64_t(200) << 20) + 4321, pages = (bytes + getpagesize() - 1) / getpagesize();
  for (int threads : {1, 3}) {
    HostPages memory(bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory.data()) % (2 << 20), 0u);
    EXPECT_LT(residentPages(memory.data(), bytes), pages);
    memory.populate(threads);
    EXPECT_EQ(residentPages(memory.data(), bytes), pages);
    EXPECT_TRUE(std::all_of(memory.data(), memory.data() + bytes, [](char byte) { return byte == 0; }));
  }
}

TEST(HostPages, WhatWasWrittenStays) {
  HostPages memory(3 << 20);
  memory.data()[5] = 7;
  memory.populate();
  EXPECT_EQ(memory.data()[5], 7);
  HostPages moved = std::move(memory);
  EXPECT_EQ(moved.data()[5], 7);
  EXPECT_EQ(moved.size(), 3 << 20);
}

TEST(HostPages, MoreThanTheMachineHas) {
  struct sysinfo machine;
  ASSERT_EQ(sysinfo(&machine), 0);
  auto most = static_cast<int64_t>((machine.totalram + machine.totalswap) * machine.mem_unit);
  EXPECT_THROW(HostPages(most + 1), InputError);
  EXPECT_NO_THROW(HostPages(most + 1, /*elastic=*/true));
}
