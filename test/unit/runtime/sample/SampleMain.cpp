//===- SampleMain.cpp - The symbols that generated code defines -----------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// With the library's own main this is a whole executable.
//
//===----------------------------------------------------------------------===//

#include "Sample.h"

extern "C" {
__attribute__((section(".weft.manifest"))) const char weft_manifest[] =
#include "Manifest.inc"
    ;
const int64_t weft_manifest_size = sizeof(weft_manifest) - 1;
const weft_task_fn weft_tasks[] = {sample::first<2>, sample::next<2>, sample::update, sample::eval<2>};
}
