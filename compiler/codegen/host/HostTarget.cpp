//===- HostTarget.cpp - What schedules ask of the host -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/codegen/host/HostTarget.h"
#include "weft/matmul.h"
#include <algorithm>

using namespace weft;

int64_t HostTarget::productWorkspace(const ProductShape &product) const {
  MatmulDesc desc;
  desc.batch.assign(product.batch.begin(), product.batch.end());
  desc.m = product.m;
  desc.n = product.n;
  desc.k = product.k;
  desc.dtype = product.elementType.isBF16() ? MatmulType::BF16 : MatmulType::F32;
  desc.aStrides.assign(product.aStrides.begin(), product.aStrides.end());
  desc.bStrides.assign(product.bStrides.begin(), product.bStrides.end());
  desc.cStrides.assign(product.cStrides.begin(), product.cStrides.end());
  desc.bias = product.bias;
  return std::max<int64_t>(0, matmulScratchBytes(desc));
}
