//===- Unpack.cpp - see Passes.td -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/Build.h"
#include "dialects/weft/SymbolAttrs.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/shard/Passes.h"
#include <numeric>
#include <set>

namespace weft {
#define GEN_PASS_DEF_UNPACK
#include "passes/shard/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;

//===----------------------------------------------------------------------===//
// Packed projections
//===----------------------------------------------------------------------===//

namespace {

/// A product with a parameter (and a bias) that equal slices of its last dimension take apart, or slices of the first
/// of the dimensions that this becomes.
struct Packed {
  DotGeneralOp dot;
  Value weight;
  int64_t weightDim = 0;  ///< the dimension of the weight that is packed
  arith::AddFOp addition; ///< of the bias; null if there is none
  BroadcastOp repeatedBias;
  Value bias;
  SmallVector<SliceOp> slices;
  ReshapeOp reshape; ///< to [..., parts, ...]; null if slices are of the product
  int64_t parts = 0;
};

} // namespace

/// Whether a parameter is read nowhere else: it would have another type there.
static bool isOnlyRead(ReadOp read) {
  int64_t reads = 0;
  read->getParentOfType<func::FuncOp>().walk([&](ReadOp other) { reads += other.getSymbol() == read.getSymbol(); });
  return reads == 1;
}

/// Whether a value is a parameter, of which this is the only use.
static bool isReadOnce(Value value) {
  auto read = value.getDefiningOp<ReadOp>();
  return read && value.hasOneUse() && isOnlyRead(read);
}

/// Whether a value is a parameter that is read for this alone, or some of the parts that one was declared with.
static bool canHaveParts(Value value) {
  auto join = value.getDefiningOp<ReshapeOp>();
  return isReadOnce(value) || (join && join.getResult().hasOneUse() && join.getInput().getDefiningOp<SliceOp>());
}

/// The slice that an op is, of elements next to one another; null if it is none.
static SliceOp withoutSteps(Operation *op) {
  auto slice = dyn_cast<SliceOp>(op);
  bool hasSteps = slice && llvm::any_of(slice.getStrides(), [](int64_t stride) { return stride != 1; });
  return hasSteps ? SliceOp() : slice;
}

/// Whether an op makes [..., parts, ...] of the last dimension of what it reads, and only slices of the parts read
/// that.
static bool isOfParts(ReshapeOp reshape) {
  RankedTensorType from = tensorType(reshape.getInput()), to = tensorType(reshape.getResult());
  int64_t last = from.getRank() - 1;
  if (to.getRank() < from.getRank() + 1 || to.getShape().take_front(last) != from.getShape().take_front(last) ||
      to.getDimSize(last) == 1)
    return false;
  return llvm::all_of(reshape->getUsers(), [&](Operation *user) {
    SliceOp slice = withoutSteps(user);
    if (!slice)
      return false;
    for (int64_t dim = 0; dim < to.getRank(); ++dim)
      if (tensorType(slice.getResult()).getDimSize(dim) != (dim == last ? 1 : to.getDimSize(dim)))
        return false;
    return true;
  });
}

/// Finds the equal slices of the last dimension that a product is taken apart into.
static bool findSlices(Value value, Packed &packed) {
  int64_t last = tensorType(value).getRank() - 1, size = tensorType(value).getDimSize(last), width = 0;
  for (Operation *user : value.getUsers()) {
    SliceOp slice = withoutSteps(user);
    if (!slice)
      return false;
    int64_t part = tensorType(slice.getResult()).getDimSize(last);
    for (int64_t dim = 0; dim < last; ++dim)
      if (tensorType(slice.getResult()).getDimSize(dim) != tensorType(value).getDimSize(dim))
        return false;
    if ((width && width != part) || slice.getOffsets()[last] % part != 0)
      return false;
    width = part;
    packed.slices.push_back(slice);
  }
  packed.parts = width ? size / width : 0;
  return width && width != size && size % width == 0;
}

static std::optional<Packed> matchPacked(DotGeneralOp dot) {
  Packed packed;
  packed.dot = dot;
  packed.weight = dot.getRhs();
  if (!canHaveParts(packed.weight) || !dot.getLhsBatch().empty() || dot.getRhsContract().size() != 1 ||
      tensorType(dot.getRhs()).getRank() != 2)
    return std::nullopt;
  packed.weightDim = 1 - dot.getRhsContract()[0];
  Value value = dot.getResult();
  if (value.hasOneUse())
    if (auto add = dyn_cast<arith::AddFOp>(*value.getUsers().begin())) {
      Value other = add.getLhs() == value ? add.getRhs() : add.getLhs();
      auto repeated = other.getDefiningOp<BroadcastOp>();
      Value bias = repeated && repeated->hasOneUse() ? repeated.getInput() : Value();
      if (!bias || !canHaveParts(bias) || repeated.getDims() != ArrayRef<int64_t>{tensorType(value).getRank() - 1})
        return std::nullopt;
      packed.addition = add;
      packed.repeatedBias = repeated;
      packed.bias = bias;
      value = add.getResult();
    }
  auto reshape = value.hasOneUse() ? dyn_cast<ReshapeOp>(*value.getUsers().begin()) : ReshapeOp();
  if (reshape && isOfParts(reshape)) {
    packed.reshape = reshape;
    packed.parts = tensorType(reshape.getResult()).getDimSize(tensorType(value).getRank() - 1);
  } else if (!findSlices(value, packed)) {
    return std::nullopt;
  }
  auto fits = [&](Value value, int64_t dim) {
    auto join = value.getDefiningOp<ReshapeOp>();
    return !join || tensorType(join.getInput()).getDimSize(dim) == packed.parts;
  };
  if (!fits(packed.weight, packed.weightDim) || (packed.bias && !fits(packed.bias, 0)))
    return std::nullopt;
  return packed;
}

/// Declares dimension `dim` of a parameter as [parts, size / parts].
static void split(ParamOp param, int64_t dim, int64_t parts) {
  auto type = cast<RankedTensorType>(param.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[dim] /= parts;
  shape.insert(shape.begin() + dim, parts);
  if (!param->hasAttr(savedShapeAttr))
    param->setAttr(savedShapeAttr, DenseI64ArrayAttr::get(param.getContext(), type.getShape()));
  param.setType(type.clone(shape));
  auto file = dyn_cast<FileSourceAttr>(param.getSource());
  if (!file)
    return;
  // The same split of the file's dimension that becomes this one.
  SmallVector<int64_t> perm(file.getPerm()), fileShape(file.getShape()), newPerm;
  if (perm.empty())
    perm = llvm::to_vector(llvm::seq<int64_t>(0, fileShape.size()));
  int64_t from = perm[dim];
  fileShape[from] /= parts;
  fileShape.insert(fileShape.begin() + from, parts);
  for (int64_t other : perm) {
    newPerm.push_back(other > from ? other + 1 : other);
    if (other == from)
      newPerm.push_back(from + 1);
  }
  if (llvm::is_sorted(newPerm))
    newPerm.clear();
  param.setSourceAttr(FileSourceAttr::get(param.getContext(), file.getPath(), file.getOffset(), file.getBytes(),
                                          file.getFileBytes(), file.getElementType(), fileShape, newPerm));
}

/// What canHaveParts, with dimension `dim` taken apart into so many.
static Value withParts(Build &e, Value value, int64_t dim, int64_t parts, SymbolTable &symbols) {
  if (auto join = value.getDefiningOp<ReshapeOp>())
    return join.getInput();
  auto read = value.getDefiningOp<ReadOp>();
  auto param = symbols.lookup<ParamOp>(read.getSymbol());
  split(param, dim, parts);
  return e.read(read.getSymbol(), param.getType());
}

static void unpack(Packed packed, SymbolTable &symbols) {
  OpBuilder builder(packed.addition ? packed.addition.getOperation() : packed.dot.getOperation());
  Build e{builder, packed.dot.getLoc()};
  Value weight = withParts(e, packed.weight, packed.weightDim, packed.parts, symbols);
  int64_t contract = packed.weightDim == 0 ? 2 : 0;
  Value value = e.dot(packed.dot.getLhs(), weight, {}, {}, packed.dot.getLhsContract(), {contract});
  RankedTensorType type = tensorType(value);
  int64_t rank = type.getRank();
  if (packed.addition) {
    Value bias = withParts(e, packed.bias, 0, packed.parts, symbols);
    value = e.add(value, e.broadcast(bias, {rank - 2, rank - 1}, type.getShape()));
  }
  if (packed.reshape) {
    OpBuilder at(packed.reshape);
    packed.reshape.replaceAllUsesWith(
        Build{at, packed.reshape.getLoc()}.reshape(value, tensorType(packed.reshape.getResult()).getShape()));
    packed.reshape.erase();
  }
  for (SliceOp slice : packed.slices) {
    RankedTensorType sliceType = tensorType(slice.getResult());
    SmallVector<int64_t> offsets(rank, 0), sizes(type.getShape());
    offsets[rank - 2] = slice.getOffsets().back() / sliceType.getShape().back();
    sizes[rank - 2] = 1;
    OpBuilder at(slice);
    Build s{at, slice.getLoc()};
    slice.replaceAllUsesWith(s.reshape(s.slice(value, offsets, sizes), sliceType.getShape()));
    slice.erase();
  }
  for (Operation *op : {packed.addition.getOperation(), packed.repeatedBias.getOperation(), packed.dot.getOperation(),
                        packed.weight.getDefiningOp(), packed.bias ? packed.bias.getDefiningOp() : nullptr})
    if (op)
      op->erase();
}

//===----------------------------------------------------------------------===//
// Parameters in parts
//===----------------------------------------------------------------------===//

/// The dimension along which slices that do not overlap take all of a tensor apart; -1 if they do not.
static int64_t dimTakenApart(Value value) {
  ArrayRef<int64_t> shape = tensorType(value).getShape();
  int64_t taken = -1, sum = 0;
  std::set<int64_t> offsets;
  for (Operation *user : value.getUsers()) {
    SliceOp slice = withoutSteps(user);
    if (!slice)
      return -1;
    ArrayRef<int64_t> part = tensorType(slice.getResult()).getShape();
    auto dim = std::mismatch(shape.begin(), shape.end(), part.begin()).first - shape.begin();
    if (dim == static_cast<int64_t>(shape.size()) || (taken >= 0 && dim != taken) ||
        part.drop_front(dim + 1) != shape.drop_front(dim + 1) || !offsets.insert(slice.getOffsets()[dim]).second)
      return -1;
    taken = dim;
    sum += part[dim];
  }
  return taken >= 0 && sum == shape[taken] ? taken : -1;
}

/// Declares a parameter of which slices are read, each for another product (queries of one tensor; keys and values of
/// another), as the parts of which all of them have a whole number.
static void unpackSliced(ReadOp read, SymbolTable &symbols) {
  auto param = symbols.lookup<ParamOp>(read.getSymbol());
  int64_t dim = param && isOnlyRead(read) ? dimTakenApart(read.getResult()) : -1;
  if (dim < 0)
    return;
  int64_t width = tensorType(read.getResult()).getDimSize(dim);
  int64_t size = width;
  for (Operation *user : read->getUsers())
    width = std::gcd(width,
                     std::gcd(cast<SliceOp>(user).getOffsets()[dim], tensorType(user->getResult(0)).getDimSize(dim)));
  split(param, dim, size / width);
  OpBuilder builder(read);
  Build e{builder, read.getLoc()};
  Value parts = e.read(read.getSymbol(), param.getType());
  for (Operation *user : llvm::make_early_inc_range(read->getUsers())) {
    auto slice = cast<SliceOp>(user);
    SmallVector<int64_t> offsets(param.getType().getShape().size(), 0), sizes(param.getType().getShape());
    offsets[dim] = slice.getOffsets()[dim] / width;
    sizes[dim] = tensorType(slice.getResult()).getDimSize(dim) / width;
    OpBuilder at(slice);
    Build s{at, slice.getLoc()};
    slice.replaceAllUsesWith(s.reshape(s.slice(parts, offsets, sizes), tensorType(slice.getResult()).getShape()));
    slice.erase();
  }
  read.erase();
}

//===----------------------------------------------------------------------===//
// Parts of different sizes
//===----------------------------------------------------------------------===//

/// A shape without dimensions of 1.
static SmallVector<int64_t> withoutUnits(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> rest(shape);
  llvm::erase(rest, 1);
  return rest;
}

/// Whether heads are made of a part: the last dimension becomes [heads, element].
static bool areHeads(SliceOp slice) {
  ArrayRef<int64_t> from = tensorType(slice.getResult()).getShape();
  return llvm::any_of(slice->getUsers(), [&](Operation *user) {
    auto reshape = dyn_cast<ReshapeOp>(user);
    ArrayRef<int64_t> to = reshape ? tensorType(reshape.getResult()).getShape() : ArrayRef<int64_t>();
    return to.size() > 2 && to[to.size() - 2] > 1 && to[to.size() - 2] * to.back() == from.back() &&
           withoutUnits(to.drop_back(2)) == withoutUnits(from.drop_back());
  });
}

/// Queries, and fewer keys and values, of one weight: heads are cut in each of them, which no one dimension of the
/// weight is cut by. Each part has a product with its own rows or columns of it, which can be cut, and the weight is
/// declared in units that make up all parts.
static bool splitUneven(DotGeneralOp dot, SymbolTable &symbols) {
  if (!dot.getLhsBatch().empty() || dot.getRhsContract().size() != 1 || tensorType(dot.getRhs()).getRank() != 2 ||
      !isReadOnce(dot.getRhs()))
    return false;
  Value value = dot.getResult(), bias;
  BroadcastOp repeated;
  if (value.hasOneUse())
    if (auto add = dyn_cast<arith::AddFOp>(*value.getUsers().begin())) {
      repeated = (add.getLhs() == value ? add.getRhs() : add.getLhs()).getDefiningOp<BroadcastOp>();
      int64_t last = tensorType(value).getRank() - 1;
      if (!repeated || repeated.getDims() != ArrayRef<int64_t>{last})
        return false;
      bias = repeated.getInput();
      value = add.getResult();
    }
  // Parts may be taken of it with dimensions of 1.
  if (auto reshape = value.hasOneUse() ? dyn_cast<ReshapeOp>(*value.getUsers().begin()) : ReshapeOp();
      reshape && withoutUnits(tensorType(reshape.getResult()).getShape()) ==
                     withoutUnits(tensorType(reshape.getInput()).getShape()))
    value = reshape.getResult();
  int64_t last = tensorType(value).getRank() - 1, weightDim = 1 - dot.getRhsContract()[0];
  if (dimTakenApart(value) != last ||
      tensorType(value).getShape().back() != tensorType(dot.getResult()).getShape().back())
    return false;
  SmallVector<SliceOp> slices;
  for (Operation *user : value.getUsers())
    slices.push_back(cast<SliceOp>(user));
  if (llvm::none_of(slices, areHeads))
    return false;
  for (SliceOp slice : slices) {
    OpBuilder at(slice);
    Build e{at, dot.getLoc()};
    ArrayRef<int64_t> shape = tensorType(slice.getResult()).getShape();
    SmallVector<int64_t> offsets(2, 0), sizes(tensorType(dot.getRhs()).getShape());
    offsets[weightDim] = slice.getOffsets()[last];
    sizes[weightDim] = shape[last];
    Value part =
        e.dot(dot.getLhs(), e.slice(dot.getRhs(), offsets, sizes), {}, {}, dot.getLhsContract(), dot.getRhsContract());
    if (bias)
      part = e.add(
          part, e.broadcastLast(e.slice(bias, {slice.getOffsets()[last]}, {shape[last]}), tensorType(part).getShape()));
    slice.replaceAllUsesWith(e.reshape(part, shape));
    slice.erase();
  }
  SmallVector<ReadOp> reads = {dot.getRhs().getDefiningOp<ReadOp>()};
  if (bias && bias.getDefiningOp<ReadOp>())
    reads.push_back(bias.getDefiningOp<ReadOp>());
  // What nothing reads any more: sums, repetitions, the product.
  while (value != dot.getResult()) {
    Operation *op = value.getDefiningOp();
    auto sum = dyn_cast<arith::AddFOp>(op);
    value = sum && sum.getLhs() == repeated.getResult() ? sum.getRhs() : op->getOperand(0);
    op->erase();
  }
  if (repeated && repeated->use_empty()) // equal biases may be one
    repeated.erase();
  dot.erase();
  for (ReadOp read : reads)
    unpackSliced(read, symbols);
  return true;
}

namespace {

struct Unpack : weft::impl::UnpackBase<Unpack> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (func::FuncOp function : getOperation().getOps<func::FuncOp>())
      for (ReadOp read : llvm::to_vector(function.getOps<ReadOp>()))
        unpackSliced(read, symbols);
    for (func::FuncOp function : getOperation().getOps<func::FuncOp>())
      for (DotGeneralOp dot : llvm::to_vector(function.getOps<DotGeneralOp>()))
        if (std::optional<Packed> packed = matchPacked(dot)) {
          unpack(*packed, symbols);
          ++numUnpacked;
        } else if (splitUneven(dot, symbols)) {
          ++numUnpacked;
        }
  }
};

} // namespace
