//===- Check.cpp - An imported program against reference values -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Check.h"
#include "dialects/weft/EvaluateFunction.h"
#include "weft/safetensors.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace weft;

/// Elements of `stored` type at `data`, as a literal of `type`; nothing if the one does not fit the other.
static Literal literalOf(RankedTensorType type, Type stored, const char *data) {
  Literal literal(type);
  unsigned size = elementBytes(stored);
  for (int64_t i = 0, count = type.getNumElements(); i < count; ++i) {
    uint64_t bits = 0;
    std::memcpy(&bits, data + i * size, size);
    llvm::APInt word(size * 8, bits);
    if (auto floatType = dyn_cast<FloatType>(stored)) {
      llvm::APFloat value(floatType.getFloatSemantics(), word);
      bool lost;
      value.convert(llvm::APFloat::IEEEdouble(), llvm::APFloat::rmNearestTiesToEven, &lost);
      literal.setFloat(i, value.convertToDouble());
    } else {
      literal.setInt(i, stored.isInteger(1) ? bits != 0 : word.getSExtValue());
    }
  }
  return literal;
}

static Type elementTypeOf(MLIRContext *context, const std::string &dtype) {
  Builder b(context);
  static const std::map<std::string, Type (*)(Builder &)> types = {
      {"F32", [](Builder &b) -> Type { return b.getF32Type(); }},
      {"F64", [](Builder &b) -> Type { return b.getF64Type(); }},
      {"F16", [](Builder &b) -> Type { return b.getF16Type(); }},
      {"BF16", [](Builder &b) -> Type { return b.getBF16Type(); }},
      {"I64", [](Builder &b) -> Type { return b.getI64Type(); }},
      {"I32", [](Builder &b) -> Type { return b.getI32Type(); }},
      {"I16", [](Builder &b) -> Type { return b.getIntegerType(16); }},
      {"I8", [](Builder &b) -> Type { return b.getI8Type(); }},
      {"BOOL", [](Builder &b) -> Type { return b.getI1Type(); }}};
  auto it = types.find(dtype);
  return it == types.end() ? Type() : it->second(b);
}

/// The value of a parameter, from its file.
static std::optional<Literal> readParameter(ModuleOp module, StringRef name) {
  auto param = module.lookupSymbol<ParamOp>(name);
  auto source = param ? dyn_cast<FileSourceAttr>(param.getSource()) : FileSourceAttr();
  if (!source)
    return std::nullopt;
  auto file = llvm::MemoryBuffer::getFileSlice(source.getPath(), source.getBytes(), source.getOffset());
  if (!file)
    return std::nullopt;
  auto type = cast<RankedTensorType>(param.getType());
  auto inFile = RankedTensorType::get(source.getShape(), type.getElementType());
  Literal raw = literalOf(inFile, source.getElementType(), (*file)->getBufferStart());
  if (source.getPerm().empty())
    return raw;
  Literal moved(type);
  SmallVector<int64_t> strides = rowMajorStrides(source.getShape()), index(type.getRank(), 0);
  for (int64_t i = 0, count = type.getNumElements(); i < count; ++i) {
    int64_t from = 0, rest = i;
    for (int64_t d = type.getRank() - 1; d >= 0; --d) {
      from += rest % type.getDimSize(d) * strides[source.getPerm()[d]];
      rest /= type.getDimSize(d);
    }
    moved.setFloat(i, raw.getFloat(from));
  }
  return moved;
}

bool weft::checkAgainst(ModuleOp module, const std::string &path, const std::map<std::string, std::string> &names,
                        double tolerance) {
  std::string error;
  std::unique_ptr<SafetensorsFile> reference = SafetensorsFile::open(path, error);
  if (!reference) {
    llvm::errs() << error << "\n";
    return false;
  }
  auto find = [&](StringRef name) -> const SafetensorsEntry * {
    auto it = names.find(name.str());
    return reference->find(it == names.end() ? name.str() : it->second);
  };
  auto take = [&](StringRef name, RankedTensorType type) -> std::optional<Literal> {
    const SafetensorsEntry *entry = find(name);
    Type stored = entry ? elementTypeOf(type.getContext(), entry->dtype) : Type();
    // A scalar may be stored as a tensor of one element.
    bool scalar = stored && type.getRank() == 0 && entry->elements() == 1;
    bool fits = stored && (scalar || static_cast<int64_t>(entry->shape.size()) == type.getRank());
    for (int64_t d = 0; fits && d < type.getRank(); ++d)
      fits = d == 0 ? entry->shape[d] >= type.getDimSize(d) : entry->shape[d] == type.getDimSize(d);
    if (!fits) {
      llvm::errs() << "'" << name << "': the reference has no tensor that fits " << type << "\n";
      return std::nullopt;
    }
    return literalOf(type, stored, static_cast<const char *>(entry->data));
  };

  auto function = module.lookupSymbol<func::FuncOp>("forward");
  SmallVector<Literal> arguments, results;
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    auto name = function.getArgAttrOfType<StringAttr>(i, "weft.name").getValue();
    std::optional<Literal> argument = take(name, cast<RankedTensorType>(type));
    if (!argument)
      return false;
    arguments.push_back(std::move(*argument));
  }
  if (failed(evaluateFunction(function, arguments, results,
                              [&](StringRef symbol) { return readParameter(module, symbol); })))
    return false;

  bool good = true;
  int compared = 0;
  for (auto [i, result] : llvm::enumerate(results)) {
    auto name = function.getResultAttrOfType<StringAttr>(i, "weft.name").getValue();
    if (!find(name))
      continue;
    std::optional<Literal> expected = take(name, result.getType());
    if (!expected)
      return false;
    ++compared;
    double worst = 0, largest = 0;
    bool same = true;
    for (int64_t k = 0; k < result.getNumElements(); ++k) {
      double x = result.isFloat() ? result.getFloat(k) : static_cast<double>(result.getInt(k));
      double y = result.isFloat() ? expected->getFloat(k) : static_cast<double>(expected->getInt(k));
      if (x == y || (std::isnan(x) && std::isnan(y)))
        continue;
      same &= std::isfinite(x - y);
      worst = std::max(worst, std::fabs(x - y));
    }
    for (int64_t k = 0; k < result.getNumElements(); ++k) {
      double y = result.isFloat() ? expected->getFloat(k) : static_cast<double>(expected->getInt(k));
      if (std::isfinite(y))
        largest = std::max(largest, std::fabs(y));
    }
    double relative = worst / std::max(largest, 1e-30);
    bool ok = same && (result.isFloat() ? relative <= tolerance : worst == 0);
    llvm::outs() << name << ": error " << llvm::format("%.2e", relative) << (ok ? "" : " TOO LARGE") << "\n";
    good &= ok;
  }
  if (!compared)
    llvm::errs() << "the reference has none of the results\n";
  return good && compared;
}
