//===- Constants.cpp - Constants that lie in the arena --------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/manifest/Constants.h"
#include "dialects/weft/Weft.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace weft;

/// Every constant starts at a multiple of this many bytes of the blob.
static constexpr int64_t dataAlignment = 64;

std::vector<ConstantPlace> weft::placeConstants(ModuleOp scheduled) {
  std::vector<ConstantPlace> places;
  int64_t data = 0;
  for (auto constant : scheduled.getOps<exec::ConstantOp>()) {
    auto offset = constant->getAttrOfType<IntegerAttr>(exec::offsetAttr);
    if (!offset)
      continue;
    int64_t bytes = tensorBytes(cast<RankedTensorType>(constant.getValue().getType()));
    places.push_back({constant, offset.getInt(), bytes, data});
    data += llvm::alignTo(bytes, dataAlignment);
  }
  return places;
}

std::string weft::constantBytes(const std::vector<ConstantPlace> &places) {
  std::string blob;
  for (const ConstantPlace &place : places) {
    blob.resize(place.data, 0);
    auto value = cast<DenseElementsAttr>(exec::ConstantOp(place.op).getValue());
    Type element = value.getElementType();
    auto append = [&](uint64_t bits) {
      // Little-endian, as every machine that has a GPU.
      for (int64_t i = 0; i < elementBytes(element); ++i)
        blob.push_back(static_cast<char>(bits >> (8 * i)));
    };
    if (isa<FloatType>(element))
      for (APFloat number : value.getValues<APFloat>())
        append(number.bitcastToAPInt().getZExtValue());
    else
      for (APInt number : value.getValues<APInt>())
        append(element.isInteger(1) ? number.getBoolValue() : number.getZExtValue());
  }
  return blob;
}
