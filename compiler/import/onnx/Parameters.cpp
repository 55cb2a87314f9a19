//===- Parameters.cpp - Which initializers are parameters -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// docs/import.md states the rules. Files by torch.export say what is a
// parameter; for others every float tensor that reaches a result is one, and
// the report lists them.
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/Parameters.h"
#include "compiler/import/onnx/NearestName.h"
#include "compiler/import/onnx/TracedNames.h"
#include "dialects/weft/BatchNorm.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace weft;

static constexpr const char *kindKey = "pkg.torch.export.graph_signature.InputSpec.kind";
static constexpr const char *foldedKey = "pkg.onnxscript.optimizer.folded_from";
static constexpr const char *signatureKey = "pkg.torch.export.ExportedProgram.graph_signature";

/// Larger tensors stay outside the IR even if nobody trains them.
static constexpr int64_t maxConstantBytes = 64 << 10;

std::vector<std::string> weft::parsePythonStrings(StringRef text) {
  std::vector<std::string> list;
  for (size_t i = 0; i < text.size(); ++i) {
    char quote = text[i];
    if (quote != '\'' && quote != '"')
      continue;
    std::string item;
    for (++i; i < text.size() && text[i] != quote; ++i) {
      if (text[i] == '\\' && i + 1 < text.size())
        ++i;
      item.push_back(text[i]);
    }
    list.push_back(std::move(item));
  }
  return list;
}

std::string weft::nodeScope(const onnx::Node &node) {
  auto it = node.metadata.find("pkg.torch.onnx.name_scopes");
  if (it == node.metadata.end())
    return tracedScope(node.name);
  // Outermost first; the last entry is the node itself.
  std::vector<std::string> scopes = parsePythonStrings(it->second);
  std::string scope = scopes.size() >= 2 ? scopes[scopes.size() - 2] : "";
  // The exporter's stand-in for size computations, which belong to no module.
  return StringRef(scope).starts_with("_empty_nn_module_stack") ? "" : scope;
}

Location Parameters::location(StringRef name) const { return NameLoc::get(StringAttr::get(context.context, name)); }

/// Lines such as: p_lm_head_weight: PARAMETER target='lm_head.weight'
void Parameters::readSignature() {
  auto it = model.graphMetadata.find(signatureKey);
  if (it == model.graphMetadata.end())
    return;
  SmallVector<StringRef> lines;
  StringRef(it->second).split(lines, '\n');
  for (StringRef line : lines) {
    auto [left, right] = line.split(": ");
    auto [kind, rest] = right.split(" target=");
    std::vector<std::string> target = parsePythonStrings(rest);
    if (target.size() == 1)
      signature[target.front()] = kind.trim().str();
  }
}

std::string Parameters::foldedFrom(const onnx::Tensor &tensor) {
  const onnx::ValueInfo *info = infos.lookup(tensor.name);
  if (!info || !info->metadata.count(foldedKey))
    return "";
  std::vector<std::string> sources = parsePythonStrings(info->metadata.at(foldedKey));
  auto isParameter = [&](const std::string &name) {
    auto it = signature.find(name);
    if (!signature.empty())
      return it != signature.end() && it->second == "PARAMETER";
    // Without a signature: qualified names are modules' own, others are values of the graph.
    return StringRef(name).contains('.');
  };
  if (sources.size() == 1)
    return isParameter(sources.front()) ? sources.front() : "";
  if (llvm::any_of(sources, isParameter))
    report.remarks.push_back("'" + tensor.name + "' was computed from parameters (" + info->metadata.at(foldedKey) +
                             ") when the file was written: it is a constant, and they are not trained through it");
  return "";
}

/// Bytes that a tensor's elements take in a file; -1 if its shape or type is impossible.
static int64_t expectedBytes(const onnx::Tensor &tensor) {
  if (!isSaneShape(tensor.dims) || !onnx::elementTypeBytes(tensor.type))
    return -1;
  int64_t bytes = onnx::elementTypeBytes(tensor.type);
  for (int64_t size : tensor.dims)
    bytes *= size;
  return bytes;
}

/// Whether the tracing exporter wrote a value of the module's code, which it does by a Constant node, rather than a
/// weight.
static bool isTracedValue(const onnx::Tensor &tensor) {
  return tensor.isConstantNode && StringRef(tensor.name).starts_with("/");
}

static int64_t elementsOf(const onnx::Tensor &tensor) {
  int64_t count = 1;
  for (int64_t size : tensor.dims)
    count *= size;
  return count;
}

LogicalResult Parameters::checkTensor(const onnx::Tensor &tensor) {
  Location loc = location(tensor.name);
  if (!context.convertType(tensor.type))
    return emitError(loc) << "Weft has no element type " << onnx::elementTypeName(tensor.type);
  int64_t expected = expectedBytes(tensor);
  if (expected < 0) {
    InFlightDiagnostic diagnostic = emitError(loc) << "impossible shape [";
    llvm::interleaveComma(tensor.dims, diagnostic);
    return diagnostic << "]";
  }
  // External data may leave the length out.
  if (tensor.bytes != expected && !(tensor.storage == onnx::Tensor::Storage::External && tensor.bytes < 0)) {
    InFlightDiagnostic diagnostic = emitError(loc)
                                    << "a tensor of type " << onnx::elementTypeName(tensor.type) << " and shape [";
    llvm::interleaveComma(tensor.dims, diagnostic);
    return diagnostic << "] has " << expected << " bytes, but the file gives it " << tensor.bytes;
  }
  return success();
}

/// Whether all uses are as the right factor of a product: what a folded transpose of a linear layer's weight is for.
static bool isRightFactor(ArrayRef<Use> uses) {
  return llvm::all_of(uses, [](const Use &use) {
    if (use.operand != 1)
      return false;
    if (use.node->opType == "MatMul")
      return true;
    return use.node->opType == "Gemm" &&
           llvm::none_of(use.node->attributes, [](const onnx::Attribute &a) { return a.name == "transB" && a.i; });
  });
}

/// The module whose products read a weight that the tracing exporter transposed; empty if the file does not tell.
static std::string tracedModule(const onnx::Tensor &tensor, ArrayRef<Use> uses) {
  if (tensor.dims.size() != 2 || !isTracedConstant(tensor.name) || uses.empty() || !isRightFactor(uses))
    return "";
  return nodeScope(*uses.front().node);
}

/// The last part of a path of modules.
static StringRef lastOf(StringRef path) { return path.substr(path.rfind('.') + 1); }

/// Whether `path` is `module` without some of its parts, which are not the last one.
static bool isPathInside(StringRef path, StringRef module) {
  if (lastOf(path) != lastOf(module))
    return false;
  while (!path.empty()) {
    auto [part, rest] = path.split('.');
    auto [own, behind] = module.split('.');
    if (module.empty())
      return false;
    if (part == own)
      path = rest;
    module = behind;
  }
  return true;
}

void Parameters::findTracedBiases() {
  llvm::StringSet<> own;
  for (const onnx::Tensor &tensor : model.initializers)
    if (StringRef(tensor.name).ends_with("bias"))
      own.insert(tensor.name);
  for (const onnx::Node &node : model.nodes)
    if (node.opType == "Add" && node.inputs.size() == 2)
      for (size_t i : {0, 1})
        if (own.contains(node.inputs[i]))
          tracedBiases[node.inputs[1 - i]] = node.inputs[i];
}

std::string Parameters::tracedLeaf(StringRef module, ArrayRef<Use> uses) {
  const onnx::Node &product = *uses.front().node;
  auto bias = product.outputs.empty() ? tracedBiases.end() : tracedBiases.find(product.outputs.front());
  if (bias == tracedBiases.end())
    return "weight";
  auto [owner, leaf] = StringRef(bias->second).rsplit('.');
  return lastOf(owner) == lastOf(module) && leaf.consume_back("bias") ? leaf.str() + "weight" : "weight";
}

std::string Parameters::tracedSource(const onnx::Tensor &tensor, ArrayRef<Use> uses) {
  std::string name = tracedModule(tensor, uses);
  if (name.empty())
    return "";
  // A path leaves out modules that were not called themselves; a bias beside the weight has the whole name.
  auto whole = tracedModules.find(name);
  if (whole != tracedModules.end())
    name = whole->second;
  name += "." + tracedLeaf(name, uses);
  // The exporter copies a tied weight. Training the copy by itself would train another model.
  for (const onnx::Tensor &other : model.initializers) {
    bool copy = isTracedConstant(other.name);
    if (&other == &tensor || (copy && &other > &tensor) || !hasSameElements(tensor, other, !copy, files.bytes))
      continue;
    std::string owner = copy ? tracedOwner.lookup(other.name) : other.name;
    if (owner.empty())
      continue;
    if (owner != name)
      tied.emplace_back(owner, name);
    return tracedOwner[tensor.name] = owner;
  }
  // Two different weights of one module: only the numbers tell them apart.
  if (!tracedNames.insert(name).second || infos.count(name) ||
      llvm::any_of(model.initializers, [&](const onnx::Tensor &other) { return other.name == name; })) {
    report.remarks.push_back("'" + tensor.name + "' is one of several weights of '" +
                             StringRef(name).rsplit('.').first.str() +
                             "': it keeps its number as its name and the layout it has");
    return "";
  }
  return tracedOwner[tensor.name] = name;
}

/// Whether a use is as the running mean or variance of a batch norm.
static bool isStatisticUse(const Use &use) {
  return use.node->opType == "BatchNormalization" && (use.operand == 3 || use.operand == 4);
}

/// Whether a batch norm says itself that it trains: by an attribute, and by its outputs before there was one.
static bool trainsBatchNorm(const onnx::Node &node) {
  return llvm::any_of(node.attributes,
                      [](const onnx::Attribute &a) { return a.name == "training_mode" && a.i != 0; }) ||
         (node.outputs.size() > 3 && !node.outputs[3].empty());
}

void Parameters::addStatistic(Entry &entry, bool isVariance) {
  const onnx::Tensor &tensor = *entry.tensor;
  SmallVector<int64_t> shape(tensor.dims.begin(), tensor.dims.end());
  auto type = RankedTensorType::get(shape, context.convertType(tensor.type));
  entry.isStatistic = true;
  entry.symbol = tensor.name;
  statistics.push_back({Param{tensor.name, &tensor, false, false, type, {}, {}}, isVariance});
  context.statistics[tensor.name].symbol = tensor.name;
}

LogicalResult Parameters::addParameter(Entry &entry, StringRef name, Fold fold, bool trainable) {
  const onnx::Tensor &tensor = *entry.tensor;
  SmallVector<int64_t> shape(tensor.dims.begin(), tensor.dims.end());
  if (fold == Fold::Transpose)
    std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
  auto type = RankedTensorType::get(shape, context.convertType(tensor.type));
  entry.isParameter = true;
  entry.symbol = name.str();
  entry.fold = fold;
  auto [it, isNew] = paramIndex.try_emplace(name, params.size());
  if (isNew) {
    params.push_back({name.str(), &tensor, trainable, fold == Fold::Transpose, type, {}, {}});
    return success();
  }
  // The same parameter in another form: one of them is enough, the other follows from it.
  const Param &param = params[it->second];
  if (param.type == type)
    return success();
  if (fold == Fold::None || param.type.getNumElements() != type.getNumElements() ||
      param.type.getElementType() != type.getElementType())
    return emitError(location(tensor.name)) << "it and '" << param.tensor->name << "' are both the parameter '" << name
                                            << "', with types " << type << " and " << param.type;
  entry.fold = Fold::Reshape;
  return success();
}

/// Whether a tensor of one element, which is a number of the model's code more often than not, is a parameter: a
/// layer's bias or scale, or called so.
static bool isOwnOperand(const onnx::Tensor &tensor, ArrayRef<Use> uses) {
  StringRef name = StringRef(tensor.name);
  name = name.substr(name.find_last_of("./") + 1);
  if (name == "weight" || name == "bias")
    return true;
  return llvm::all_of(uses, [](const Use &use) {
    StringRef op = use.node->opType;
    return ((op == "Gemm" || op == "Conv" || op == "ConvTranspose") && use.operand == 2) ||
           (op.ends_with("Normalization") && use.operand >= 1) || (op == "PRelu" && use.operand == 1);
  });
}

LogicalResult Parameters::classify(const llvm::StringMap<SmallVector<Use, 2>> &uses) {
  readSignature();
  for (const onnx::ValueInfo &info : model.valueInfos)
    infos[info.name] = &info;
  auto kindOf = [&](const onnx::Tensor &tensor) -> std::string {
    if (const onnx::ValueInfo *info = infos.lookup(tensor.name))
      if (auto it = info->metadata.find(kindKey); it != info->metadata.end())
        return it->second;
    // An optimizer that gives a parameter new values (a batch norm folded into a convolution) keeps its name only.
    auto it = signature.find(tensor.name);
    return it == signature.end() ? "" : it->second;
  };
  bool fileSays = !signature.empty() ||
                  llvm::any_of(model.initializers, [&](const onnx::Tensor &tensor) { return !kindOf(tensor).empty(); });

  using Patterns = std::vector<std::pair<std::string, llvm::GlobPattern>>;
  Patterns freeze, train;
  std::vector<bool> freezeUsed, trainUsed;
  auto compile = [&](const std::vector<std::string> &texts, StringRef option, Patterns &patterns) -> LogicalResult {
    for (const std::string &text : texts) {
      auto pattern = llvm::GlobPattern::create(text);
      if (!pattern)
        return emitError(location(files.path))
               << option << " '" << text << "' is not a pattern: " << llvm::toString(pattern.takeError());
      patterns.emplace_back(text, std::move(*pattern));
    }
    return success();
  };
  if (failed(compile(options.freeze, "--freeze", freeze)) || failed(compile(options.train, "--train", train)))
    return failure();
  freezeUsed.resize(freeze.size());
  trainUsed.resize(train.size());
  auto matches = [](Patterns &patterns, std::vector<bool> &used, StringRef name, StringRef other) {
    bool any = false;
    for (size_t i = 0; i < patterns.size(); ++i)
      if (patterns[i].second.match(name) || patterns[i].second.match(other))
        any = used[i] = true;
    return any;
  };

  if (!fileSays)
    findTracedBiases();
  if (!fileSays)
    for (const onnx::Tensor &tensor : model.initializers)
      if (auto it = uses.find(tensor.name); it != uses.end() && !isTracedConstant(tensor.name))
        for (const Use &use : it->second) {
          StringRef module = StringRef(tensor.name).rsplit('.').first;
          std::string scope = nodeScope(*use.node);
          // The path is the module's but for those that were not called: model.decoder.q_proj of
          // model.model.decoder.q_proj. Of modules that the path does not tell apart the exporter numbers all but the
          // first: q_proj, q_proj_1.
          StringRef unnumbered = StringRef(scope).rtrim("0123456789");
          bool numbered = unnumbered.size() < scope.size() && unnumbered.consume_back("_");
          if (!scope.empty() && StringRef(tensor.name).contains('.') &&
              (isPathInside(scope, module) || (numbered && isPathInside(unnumbered, module))))
            tracedModules[scope] = module.str();
        }

  // Parameters under their own name first: folded forms of the same parameter then follow from them.
  struct Found {
    Entry *entry;
    std::string name;
    bool trainable, folded;
  };
  std::vector<Found> found;
  std::vector<std::string> names; // what --freeze and --train choose from
  std::string guessed;
  for (const onnx::Tensor &tensor : model.initializers) {
    if (!uses.count(tensor.name))
      continue;
    if (failed(checkTensor(tensor)))
      return failure();
    Entry &entry = entries[tensor.name];
    entry.tensor = &tensor;
    bool isFloat = isa<FloatType>(context.convertType(tensor.type));
    std::string kind = kindOf(tensor), source = kind == "PARAMETER" ? "" : foldedFrom(tensor);
    ArrayRef<Use> users = uses.find(tensor.name)->second;
    // Running statistics are no parameters, whoever wrote the file.
    if (isFloat && !users.empty() && llvm::all_of(users, isStatisticUse)) {
      bool train =
          context.trainBatchNorm || llvm::all_of(users, [](const Use &use) { return trainsBatchNorm(*use.node); });
      if (train) {
        addStatistic(entry, users.front().operand == 4);
        continue;
      }
      if (expectedBytes(tensor) > maxConstantBytes)
        found.push_back({&entry, tensor.name, false, false});
      continue;
    }
    if (!fileSays && isFloat)
      source = tracedSource(tensor, uses.find(tensor.name)->second);
    std::string name = source.empty() ? tensor.name : source;
    if (isFloat)
      names.push_back(name);
    int64_t bytes = expectedBytes(tensor);
    bool many = bytes > onnx::elementTypeBytes(tensor.type) || isOwnOperand(tensor, users);
    bool trained = isFloat && fileSays && (kind == "PARAMETER" || !source.empty());
    if (!fileSays && isFloat && many && !tensor.dims.empty() && !isTracedValue(tensor)) {
      trained = true;
      guessed += (guessed.empty() ? "" : ", ") + name;
    }
    bool parameter = trained || kind == "PARAMETER" || bytes > maxConstantBytes;
    if (matches(freeze, freezeUsed, name, tensor.name))
      trained = false;
    if (matches(train, trainUsed, name, tensor.name)) {
      if (!isFloat)
        return emitError(location(tensor.name))
               << "--train asks for it, but it is of type " << onnx::elementTypeName(tensor.type);
      trained = parameter = true;
    }
    if (bytes == 0)
      parameter = false;
    if (parameter)
      found.push_back({&entry, name, trained, !source.empty()});
  }
  for (auto *side : {&freeze, &train}) {
    auto &used = side == &freeze ? freezeUsed : trainUsed;
    for (size_t i = 0; i < used.size(); ++i)
      if (!used[i]) {
        const std::string &text = (*side)[i].first;
        StringRef near = nearestName(text, names);
        return emitError(location(files.path))
               << (side == &freeze ? "--freeze '" : "--train '") << text
               << "' matches no initializer that reaches a result; "
               << (near.empty() ? "--emit=import shows their names" : "the nearest is '" + near + "'");
      }
  }
  for (bool folded : {false, true}) {
    for (Found &f : found) {
      if (f.folded != folded)
        continue;
      const onnx::Tensor &tensor = *f.entry->tensor;
      Fold fold = Fold::None;
      if (folded) {
        fold =
            tensor.dims.size() >= 2 && isRightFactor(uses.find(tensor.name)->second) ? Fold::Transpose : Fold::Reshape;
        if (fold == Fold::Reshape && !paramIndex.count(f.name))
          report.remarks.push_back("'" + f.name + "' was reshaped when the file was written, which does not tell its " +
                                   "own shape: it keeps that of '" + tensor.name + "'");
      }
      if (auto own = paramIndex.find(f.name);
          folded && own != paramIndex.end() && params[own->second].type.getNumElements() != elementsOf(tensor)) {
        report.remarks.push_back(
            "'" + tensor.name + "' was computed from '" + f.name +
            "' when the file was written, and not by moving its elements: it is a constant, and '" + f.name +
            "' is not trained through it");
        continue;
      }
      if (failed(addParameter(*f.entry, f.name, fold, f.trainable)))
        return failure();
      context.displayNames[tensor.name] = f.name;
    }
  }
  // In the order of the file, whichever form came first.
  llvm::stable_sort(params, [](const Param &a, const Param &b) { return a.tensor < b.tensor; });
  for (auto [i, param] : llvm::enumerate(params))
    paramIndex[param.name] = i;
  if (!guessed.empty())
    report.remarks.push_back("the file does not say what its parameters are; taken as trainable: " + guessed);
  for (auto &[owner, name] : tied) {
    auto it = paramIndex.find(owner);
    if (it == paramIndex.end())
      continue;
    params[it->second].aliases.push_back(name);
    report.remarks.push_back("'" + name + "' has the values of '" + owner + "': they are taken as one tied parameter");
  }
  findAliases();
  for (const Param &param : params)
    report.parameters.emplace_back(param.name, param.trainable);
  return success();
}

/// The signature names every parameter of the module, the graph only one of those that are tied. A missing one belongs
/// to the module whose node reads the other: `wte.weight` is what a node in scope `wte` reads as `lm_head.weight`.
void Parameters::findAliases() {
  llvm::MapVector<StringRef, SmallVector<StringRef, 2>> missing;
  for (auto &[name, kind] : signature)
    if (kind == "PARAMETER" && !paramIndex.count(name) && !entries.count(name))
      missing[StringRef(name).rsplit('.').first].push_back(name);
  std::string lost;
  for (auto &[module, names] : missing) {
    Param *owner = nullptr;
    // One tensor is not two parameters of a module: both are gone, as those of a batch norm inside a convolution.
    bool unclear = names.size() > 1;
    for (const onnx::Node &node : model.nodes) {
      if (nodeScope(node) != module)
        continue;
      for (const std::string &input : node.inputs) {
        auto it = entries.find(input);
        if (it == entries.end() || !it->second.isParameter)
          continue;
        StringRef other = it->second.symbol;
        // The module's own parameters are not what is missing.
        if (other.rsplit('.').first == module)
          continue;
        Param *candidate = &params[paramIndex[other]];
        unclear |= owner && owner != candidate;
        owner = candidate;
      }
    }
    if (owner && !unclear) {
      owner->aliases.push_back(names.front().str());
      continue;
    }
    for (StringRef name : names)
      lost += (lost.empty() ? "" : ", ") + name.str();
  }
  if (!lost.empty())
    report.remarks.push_back(
        "parameters of the module that the file does not hold, and that are not trained (merged into others by the "
        "exporter's optimizer, which `optimize=False` leaves out; equal to others; without effect; or unused): " +
        lost);
}

FailureOr<std::string> Parameters::externalPath(const onnx::Tensor &tensor) {
  StringRef where = tensor.location;
  bool leaves = llvm::sys::path::is_absolute(where) || where.contains('\0');
  for (auto it = llvm::sys::path::begin(where), end = llvm::sys::path::end(where); it != end; ++it)
    leaves |= *it == "..";
  if (leaves) {
    emitError(location(tensor.name)) << "its data file '" << where << "' lies outside the model's folder";
    return failure();
  }
  SmallString<256> path(llvm::sys::path::parent_path(files.path));
  llvm::sys::path::append(path, where);
  return path.str().str();
}

/// The source attribute; null after an error.
Attribute Parameters::source(const Param &param) {
  const onnx::Tensor &tensor = *param.tensor;
  int64_t bytes = expectedBytes(tensor);
  std::string path = files.path;
  uint64_t fileBytes = files.bytes.size();
  if (tensor.storage == onnx::Tensor::Storage::Inline) {
    emitError(location(param.name)) << "its values are in a typed field that cannot be read in place: save the model "
                                       "with raw or external data";
    return {};
  }
  if (tensor.storage == onnx::Tensor::Storage::External) {
    FailureOr<std::string> external = externalPath(tensor);
    if (failed(external))
      return {};
    path = *external;
    // A file that is not here is a fault only if the values are wanted: see weft.file.
    if (llvm::sys::fs::file_size(path, fileBytes))
      fileBytes = 0;
    else if (static_cast<int64_t>(fileBytes) - bytes < tensor.offset) {
      emitError(location(param.name)) << "its data are bytes " << tensor.offset << " to " << tensor.offset + bytes
                                      << " of '" << path << "', which has only " << fileBytes
                                      << ": the file is truncated";
      return {};
    }
  }
  // The element type in the file is the format's, whatever the program computes in.
  ImportContext asStored;
  asStored.context = context.context;
  asStored.narrowToF32 = false;
  SmallVector<int64_t> perm;
  if (param.transposed) {
    perm = llvm::to_vector(llvm::seq<int64_t>(0, tensor.dims.size()));
    std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  }
  return FileSourceAttr::get(context.context, path, tensor.offset, bytes, fileBytes, asStored.convertType(tensor.type),
                             tensor.dims, perm);
}

LogicalResult Parameters::declare(OpBuilder &builder) {
  for (const Param &param : params) {
    Attribute from = source(param);
    if (!from)
      return failure();
    ArrayAttr aliases;
    if (!param.aliases.empty())
      aliases = builder.getStrArrayAttr(llvm::to_vector_of<StringRef>(param.aliases));
    ParamOp::create(builder, location(param.name), param.name, param.type, from, aliases, param.trainable,
                    /*decay=*/false);
  }
  for (const auto &[statistic, isVariance] : statistics) {
    Attribute from = source(statistic);
    if (!from)
      return failure();
    auto state = StateOp::create(builder, location(statistic.name), statistic.name, statistic.type,
                                 StateKind::statistics, APFloat(isVariance ? 1.0 : 0.0), FlatSymbolRefAttr(),
                                 /*checkpointed=*/true);
    state->setAttr(stateSourceAttr, from);
  }
  return success();
}

/// The elements of a small tensor; null after an error.
DenseElementsAttr Parameters::decode(const onnx::Tensor &tensor) {
  int64_t bytes = expectedBytes(tensor);
  std::string storage;
  StringRef data;
  switch (tensor.storage) {
  case onnx::Tensor::Storage::File:
    data = files.bytes.substr(tensor.offset, bytes);
    break;
  case onnx::Tensor::Storage::Inline:
    data = tensor.data;
    break;
  case onnx::Tensor::Storage::External: {
    FailureOr<std::string> path = externalPath(tensor);
    if (failed(path))
      return {};
    auto buffer = llvm::MemoryBuffer::getFileSlice(*path, bytes, tensor.offset);
    if (!buffer || static_cast<int64_t>((*buffer)->getBufferSize()) < bytes) {
      emitError(location(tensor.name)) << "its " << bytes << " bytes at " << tensor.offset << " of '" << *path
                                       << "' cannot be read" << (buffer ? "" : ": " + buffer.getError().message());
      return {};
    }
    storage = (*buffer)->getBuffer().str();
    data = storage;
    break;
  }
  }
  ImportContext asStored;
  asStored.context = context.context;
  asStored.narrowToF32 = false;
  Type stored = asStored.convertType(tensor.type), wanted = context.convertType(tensor.type);
  auto type = RankedTensorType::get(tensor.dims, wanted);
  unsigned size = onnx::elementTypeBytes(tensor.type);
  auto word = [&](int64_t i) {
    uint64_t bits = 0;
    std::memcpy(&bits, data.data() + i * size, size);
    return bits;
  };
  int64_t count = type.getNumElements();
  bool same = count > 0;
  for (int64_t i = 1; same && i < count; ++i)
    same = word(i) == word(0);
  int64_t distinct = same ? 1 : count;
  if (auto floatType = dyn_cast<FloatType>(wanted)) {
    SmallVector<APFloat> values;
    for (int64_t i = 0; i < distinct; ++i) {
      APFloat value(cast<FloatType>(stored).getFloatSemantics(), APInt(size * 8, word(i)));
      bool lost;
      value.convert(floatType.getFloatSemantics(), APFloat::rmNearestTiesToEven, &lost);
      values.push_back(value);
    }
    return DenseElementsAttr::get(type, values);
  }
  SmallVector<APInt> values;
  unsigned bits = wanted.getIntOrFloatBitWidth();
  for (int64_t i = 0; i < distinct; ++i)
    values.push_back(bits == 1 ? APInt(1, word(i) != 0) : APInt(bits, word(i)));
  return DenseElementsAttr::get(type, values);
}

Value Parameters::value(StringRef initializer, OpBuilder &builder) {
  auto it = entries.find(initializer);
  assert(it != entries.end() && "an initializer that was not classified");
  Entry &entry = it->second;
  if (entry.value)
    return entry.value;
  Build e{builder,
          location(context.displayNames.lookup(initializer).empty() ? initializer : context.displayNames[initializer])};
  if (entry.isStatistic)
    return entry.value =
               e.read(entry.symbol, RankedTensorType::get(entry.tensor->dims, context.convertType(entry.tensor->type)));
  if (!entry.isParameter) {
    DenseElementsAttr attr = decode(*entry.tensor);
    if (!attr)
      return {};
    return entry.value = arith::ConstantOp::create(builder, e.loc, attr);
  }
  Param &param = params[paramIndex[entry.symbol]];
  if (!param.read)
    param.read = e.read(param.name, param.type);
  entry.value = param.read;
  if (entry.fold == Fold::Transpose) {
    SmallVector<int64_t> perm = llvm::to_vector(llvm::seq<int64_t>(0, param.type.getRank()));
    std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
    entry.value = e.transpose(param.read, perm);
  } else if (entry.fold == Fold::Reshape) {
    entry.value = e.reshape(param.read, entry.tensor->dims);
  }
  return entry.value;
}
