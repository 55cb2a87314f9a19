//===- Device.cpp - What runs the tasks and holds the arena ---------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/Device.h"

#include "core/NormalPart.h"

using namespace weft::rt;

// Their tables of virtual functions are here.
ArenaMemory::~ArenaMemory() = default;
DeviceLibrary::~DeviceLibrary() = default;

void ArenaMemory::writeNormal(int64_t offset, const NormalPart &part) {
  write(offset, part.bytes(), [&](char *to) { part.fill(to); });
}
