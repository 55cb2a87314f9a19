//===- Sources.cpp - Where parameter values come from ---------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Sources.h"
#include "compiler/driver/Diagnostics.h"
#include "compiler/manifest/Manifest.h"
#include "dialects/weft/BatchNorm.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "weft/safetensors.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <cstring>

using namespace mlir;
using namespace weft;

bool weft::parseInit(StringRef text, SourceChoice &choice) {
  if (text.empty() || text == "file")
    return true;
  if (!text.consume_front("random"))
    return false;
  choice.random = true;
  if (text.empty())
    return true;
  int64_t seed; // JSON readers take no larger whole numbers
  if (!text.consume_front(":") || text.getAsInteger(10, seed) || seed < 0)
    return false;
  choice.seed = static_cast<uint64_t>(seed);
  return true;
}

//===----------------------------------------------------------------------===//
// Random values
//===----------------------------------------------------------------------===//

/// Whether `value`, a vector, scales something: it is the gamma of a norm, or a
/// factor of a product, perhaps after being repeated or converted.
static bool scales(Value value) {
  for (OpOperand &use : value.getUses()) {
    Operation *user = use.getOwner();
    if (isa<LayerNormOp, RmsNormOp>(user)) {
      // Operand 0 is what is normalised, 1 is gamma if there is one, then beta.
      auto layerNorm = dyn_cast<LayerNormOp>(user);
      Value gamma = layerNorm ? layerNorm.getGamma() : cast<RmsNormOp>(user).getGamma();
      if (gamma == value)
        return true;
    } else if (isa<arith::MulFOp>(user)) {
      return true;
    } else if (isa<BroadcastOp, ReshapeOp, arith::ExtFOp, arith::TruncFOp>(user) && scales(user->getResult(0))) {
      return true;
    }
  }
  return false;
}

/// The initial values of a parameter by what it is used for.
static Attribute randomSource(ParamOp param, ArrayRef<ReadOp> reads) {
  Builder b(param.getContext());
  if (cast<RankedTensorType>(param.getType()).getRank() >= 2)
    return NormalInitAttr::get(b.getContext(), b.getF64FloatAttr(0.02));
  bool one = llvm::any_of(reads, [](ReadOp read) { return scales(read.getResult()); });
  return ConstantInitAttr::get(b.getContext(), b.getF64FloatAttr(one ? 1.0 : 0.0));
}

static bool isInMissingFile(Attribute source) {
  auto file = dyn_cast<FileSourceAttr>(source);
  return file && file.getFileBytes() == 0;
}

/// The states whose first values are in a file.
static SmallVector<StateOp> statistics(ModuleOp module) {
  return llvm::filter_to_vector(module.getOps<StateOp>(),
                                [](StateOp state) { return state->hasAttr(stateSourceAttr); });
}

static LogicalResult initialiseRandomly(ModuleOp module) {
  // Statistics of values that no longer are: the first ones are those of standardised values.
  for (StateOp state : statistics(module))
    state->removeAttr(stateSourceAttr);
  llvm::StringMap<SmallVector<ReadOp>> reads;
  module.walk([&](ReadOp read) { reads[read.getSymbol()].push_back(read); });
  for (ParamOp param : module.getOps<ParamOp>()) {
    bool missing = isInMissingFile(param.getSource());
    if (!param.getTrainable() && !missing)
      continue;
    if (!isa<FloatType>(cast<RankedTensorType>(param.getType()).getElementType())) {
      if (missing)
        return param.emitError() << "'" << param.getSymName()
                                 << "' has integer values that are in no file: --init random cannot make them";
      continue;
    }
    if (!param.getTrainable())
      param.emitWarning() << "'" << param.getSymName()
                          << "' is not trained and its values are in a file that is missing: it gets random ones";
    param.setSourceAttr(randomSource(param, reads.lookup(param.getSymName())));
  }
  return success();
}

//===----------------------------------------------------------------------===//
// A weights file
//===----------------------------------------------------------------------===//

/// The element type of a safetensors name, or null if Weft has none.
static Type elementTypeOf(StringRef dtype, MLIRContext *context) {
  Builder b(context);
  if (dtype == "F32")
    return b.getF32Type();
  if (dtype == "F64")
    return b.getF64Type();
  if (dtype == "F16")
    return b.getF16Type();
  if (dtype == "BF16")
    return b.getBF16Type();
  if (dtype == "I64")
    return b.getI64Type();
  if (dtype == "I32")
    return b.getI32Type();
  if (dtype == "I8")
    return b.getI8Type();
  return {};
}

/// `name` without its first `count` dotted parts; empty if it has no more.
static StringRef dropScopes(StringRef name, unsigned count) {
  for (; count && !name.empty(); --count)
    name = name.split('.').second;
  return name;
}

/// The tensor of a parameter or statistic, under any of its names with `drop` outer scopes left out.
static const SafetensorsEntry *findTensor(const SafetensorsFile &file, Operation *symbol, unsigned drop) {
  SmallVector<StringRef> names = {SymbolTable::getSymbolName(symbol).getValue()};
  if (auto param = dyn_cast<ParamOp>(symbol))
    if (ArrayAttr aliases = param.getAliasesAttr())
      for (StringAttr alias : aliases.getAsRange<StringAttr>())
        names.push_back(alias.getValue());
  for (StringRef name : names)
    if (StringRef inner = dropScopes(name, drop); !inner.empty())
      if (const SafetensorsEntry *entry = file.find(inner.str()))
        return entry;
  return nullptr;
}

/// How many outer scopes the file's names lack: checkpoints of the same model are
/// saved from the module or from what wraps it. The count that finds most.
static unsigned chooseDrop(const SafetensorsFile &file, ModuleOp module) {
  unsigned best = 0, bestFound = 0;
  for (unsigned drop = 0; drop < 4; ++drop) {
    unsigned found = 0;
    for (ParamOp param : module.getOps<ParamOp>())
      found += param.getTrainable() && findTensor(file, param, drop) != nullptr;
    if (found > bestFound)
      best = drop, bestFound = found;
  }
  return best;
}

static LogicalResult takeFromWeights(ModuleOp module, const std::string &path) {
  std::string why;
  std::unique_ptr<SafetensorsFile> file = SafetensorsFile::open(path, why);
  if (!file) {
    reportError(why, "--weights takes a safetensors file");
    return failure();
  }
  llvm::SmallString<256> absolute(path);
  uint64_t fileBytes = 0;
  if (llvm::sys::fs::make_absolute(absolute) || llvm::sys::fs::file_size(path, fileBytes)) {
    reportError("cannot read '" + path + "'");
    return failure();
  }
  // The data lie without a gap up to the end of the file, so the first tensor's place tells every offset.
  const char *first = nullptr;
  int64_t dataBytes = 0;
  for (const SafetensorsEntry &entry : file->tensors()) {
    auto *data = static_cast<const char *>(entry.data);
    first = first && first < data ? first : data;
    dataBytes += entry.bytes;
  }
  int64_t dataStart = static_cast<int64_t>(fileBytes) - dataBytes;

  unsigned drop = chooseDrop(*file, module);
  SmallVector<std::string> missing;
  bool wrong = false;
  /// The source of a parameter or statistic in the file; null where it stays as it is.
  auto sourceOf = [&](Operation *symbol, Type of, Attribute present, bool needed) -> Attribute {
    const SafetensorsEntry *entry = findTensor(*file, symbol, drop);
    if (!entry) {
      // Tables that are not parameters are in the model, and in no checkpoint.
      if (needed || isInMissingFile(present))
        missing.push_back(SymbolTable::getSymbolName(symbol).str());
      return {};
    }
    auto type = cast<RankedTensorType>(of);
    Type element = elementTypeOf(entry->dtype, module.getContext());
    if (!element || isa<FloatType>(element) != isa<FloatType>(type.getElementType())) {
      symbol->emitError() << "'" << entry->name << "' in '" << path << "' has element type " << entry->dtype
                          << ", which cannot become " << type.getElementType();
      wrong = true;
      return {};
    }
    if (ArrayRef<int64_t>(entry->shape) != type.getShape()) {
      std::string shape;
      llvm::raw_string_ostream os(shape);
      llvm::interleave(entry->shape, os, "x");
      symbol->emitError() << "'" << entry->name << "' in '" << path << "' has shape " << shape << "; the model's is "
                          << type;
      wrong = true;
      return {};
    }
    int64_t offset = dataStart + (static_cast<const char *>(entry->data) - first);
    return FileSourceAttr::get(module.getContext(), absolute, offset, entry->bytes, static_cast<int64_t>(fileBytes),
                               element, type.getShape(), {});
  };
  for (ParamOp param : module.getOps<ParamOp>())
    if (Attribute source = sourceOf(param, param.getType(), param.getSource(), param.getTrainable()))
      param.setSourceAttr(source);
  for (StateOp state : statistics(module))
    if (Attribute source = sourceOf(state, state.getType(), state->getAttr(stateSourceAttr), /*needed=*/false))
      state->setAttr(stateSourceAttr, source);
  if (!missing.empty()) {
    std::string list = llvm::join(ArrayRef<std::string>(missing).take_front(5), "', '");
    reportError("'" + path + "' lacks " + llvm::Twine(missing.size()) + " of the model's parameters: '" + list + "'" +
                    (missing.size() > 5 ? ", ..." : ""),
                "its tensors must have the names that --emit=import shows");
    return failure();
  }
  return failure(wrong);
}

LogicalResult weft::chooseSources(ModuleOp module, const SourceChoice &choice) {
  if (!choice.weights.empty())
    return takeFromWeights(module, choice.weights);
  return choice.random ? initialiseRandomly(module) : success();
}

LogicalResult weft::checkSources(ModuleOp module) {
  llvm::MapVector<StringRef, unsigned> missing;
  for (ParamOp param : module.getOps<ParamOp>())
    if (isInMissingFile(param.getSource()))
      ++missing[cast<FileSourceAttr>(param.getSource()).getPath()];
  for (StateOp state : statistics(module))
    if (Attribute source = state->getAttr(stateSourceAttr); isInMissingFile(source))
      ++missing[cast<FileSourceAttr>(source).getPath()];
  for (auto &[path, count] : missing)
    reportError("the data file '" + path + "' is missing: it has the values of " + llvm::Twine(count) + " parameters",
                "put it there, or give --weights FILE.safetensors or --init random");
  return failure(!missing.empty());
}

/// The file at `from` in `folder` under its own name.
static LogicalResult copyInto(StringRef from, StringRef folder) {
  llvm::SmallString<256> to(folder);
  llvm::sys::path::append(to, llvm::sys::path::filename(from));
  if (bool same = false; !llvm::sys::fs::equivalent(from, to, same) && same)
    return success();
  std::error_code error = llvm::sys::fs::copy_file(from, to);
  if (!error)
    return success();
  reportError("cannot copy '" + from + "' to '" + to + "': " + error.message());
  return failure();
}

LogicalResult weft::bundleSources(ModuleOp module, StringRef folder) {
  llvm::StringMap<std::string> paths; // by name
  auto bundle = [&](Attribute attribute) -> FailureOr<Attribute> {
    auto source = dyn_cast_or_null<FileSourceAttr>(attribute);
    if (!source)
      return attribute;
    StringRef path = source.getPath(), name = llvm::sys::path::filename(path);
    auto [it, isNew] = paths.try_emplace(name, path.str());
    if (it->second != path) {
      reportError("'" + path + "' and '" + it->second + "' cannot lie beside the executable under one name");
      return failure();
    }
    if (isNew && failed(copyInto(path, folder)))
      return failure();
    return Attribute(FileSourceAttr::get(module.getContext(), (besideExecutable + name).str(), source.getOffset(),
                                         source.getBytes(), source.getFileBytes(), source.getElementType(),
                                         source.getShape(), source.getPerm()));
  };
  for (ParamOp param : module.getOps<ParamOp>()) {
    FailureOr<Attribute> source = bundle(param.getSource());
    if (failed(source))
      return failure();
    param.setSourceAttr(*source);
  }
  for (StateOp state : statistics(module)) {
    FailureOr<Attribute> source = bundle(state->getAttr(stateSourceAttr));
    if (failed(source))
      return failure();
    state->setAttr(stateSourceAttr, *source);
  }
  return success();
}
