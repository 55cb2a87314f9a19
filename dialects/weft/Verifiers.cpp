//===- Verifiers.cpp - What must hold for symbols and primitive ops -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/SymbolAttrs.h"
#include "dialects/weft/VerifySupport.h"

using namespace mlir;
using namespace weft;

//===----------------------------------------------------------------------===//
// Symbols
//===----------------------------------------------------------------------===//

static LogicalResult verifySource(ParamOp op, FileSourceAttr source) {
  auto type = cast<RankedTensorType>(op.getType());
  ArrayRef<int64_t> shape = source.getShape(), perm = source.getPerm();
  Type element = source.getElementType();
  if (!element.isIntOrFloat() || isa<FloatType>(element) != isa<FloatType>(type.getElementType()))
    return op.emitOpError() << "source elements of type " << element << " cannot give a parameter of " << type;
  SmallVector<int64_t> transposed(shape);
  if (!perm.empty()) {
    if (!isPermutation(perm, shape.size()))
      return op.emitOpError() << "source perm " << list(perm) << " is not a permutation of " << shape.size()
                              << " dimensions";
    for (auto [size, p] : llvm::zip_equal(transposed, perm))
      size = shape[p];
  }
  // Of a part, the file has the whole.
  ArrayRef<int64_t> whole = type.getShape();
  if (auto attr = op->getAttrOfType<DenseI64ArrayAttr>(wholeShapeAttr))
    whole = attr.asArrayRef();
  if (ArrayRef<int64_t>(transposed) != whole)
    return op.emitOpError() << "source shape " << list(transposed) << (perm.empty() ? "" : " (transposed)")
                            << " is not the parameter's, " << list(whole);
  int64_t bytes = tensorBytes(RankedTensorType::get(shape, element));
  if (source.getBytes() != bytes)
    return op.emitOpError() << "source has " << source.getBytes() << " bytes, its shape and type need " << bytes;
  if (source.getOffset() < 0)
    return op.emitOpError() << "source begins at the negative offset " << source.getOffset();
  if (source.getFileBytes() != 0 && source.getBytes() > source.getFileBytes() - source.getOffset())
    return op.emitOpError() << "source ends at byte " << source.getOffset() + bytes << " of a file of "
                            << source.getFileBytes() << " bytes";
  return success();
}

LogicalResult ParamOp::verify() {
  bool isFloat = isa<FloatType>(cast<RankedTensorType>(getType()).getElementType());
  if (getTrainable() && !isFloat)
    return emitOpError() << "is trainable, but its elements are no floats: " << getType();
  if (auto file = dyn_cast<FileSourceAttr>(getSource()))
    return verifySource(*this, file);
  if (auto normal = dyn_cast<NormalInitAttr>(getSource())) {
    if (!isFloat)
      return emitOpError() << "random numbers for elements that are no floats: " << getType();
    double std = normal.getStd().getValueAsDouble();
    if (!(std >= 0))
      return emitOpError() << "standard deviation " << std << " is negative";
    return success();
  }
  if (isa<ConstantInitAttr>(getSource()))
    return success();
  return emitOpError() << "source must be #weft.file, #weft.normal or #weft.constant, not " << getSource();
}

LogicalResult StateOp::verify() { return success(); }

LogicalResult StateOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (!getParamAttr() || symbols.lookupNearestSymbolFrom<ParamOp>(*this, getParamAttr()))
    return success();
  return emitOpError() << "belongs to the parameter " << getParamAttr() << ", which is not declared";
}

/// The symbol must be a parameter or state of the value's type.
static LogicalResult verifyAccess(Operation *op, FlatSymbolRefAttr symbol, Type type, SymbolTableCollection &symbols) {
  Operation *found = symbols.lookupNearestSymbolFrom(op, symbol);
  Type declared;
  if (auto param = dyn_cast_or_null<ParamOp>(found))
    declared = param.getType();
  else if (auto state = dyn_cast_or_null<StateOp>(found))
    declared = state.getType();
  else
    return op->emitOpError() << symbol << " is no declared parameter or state";
  if (declared == type)
    return success();
  InFlightDiagnostic diagnostic = op->emitOpError() << "has type " << type << ", but " << symbol << " is " << declared;
  diagnostic.attachNote(found->getLoc()) << "declared here";
  return diagnostic;
}

LogicalResult ReadOp::verify() { return success(); }
LogicalResult WriteOp::verify() { return success(); }
LogicalResult ReadOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyAccess(*this, getSymbolAttr(), getType(), symbols);
}
LogicalResult WriteOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyAccess(*this, getSymbolAttr(), getValue().getType(), symbols);
}

//===----------------------------------------------------------------------===//
// Products and reductions
//===----------------------------------------------------------------------===//

/// Batch and contracted dimensions of one operand: in range, each at most once.
static LogicalResult verifyProductDims(Operation *op, StringRef name, RankedTensorType type, ArrayRef<int64_t> batch,
                                       ArrayRef<int64_t> contract) {
  SmallVector<bool> seen(type.getRank(), false);
  for (int64_t d : llvm::concat<const int64_t>(batch, contract)) {
    if (failed(verifyDim(op, name, d, type)))
      return failure();
    if (seen[d])
      return op->emitOpError() << name << " dimension " << d << " is listed twice";
    seen[d] = true;
  }
  return success();
}

static LogicalResult verifyPairs(Operation *op, StringRef what, RankedTensorType lhs, ArrayRef<int64_t> lhsDims,
                                 RankedTensorType rhs, ArrayRef<int64_t> rhsDims) {
  if (lhsDims.size() != rhsDims.size())
    return op->emitOpError() << "has " << lhsDims.size() << " " << what << " dimensions of lhs and " << rhsDims.size()
                             << " of rhs";
  for (auto [l, r] : llvm::zip_equal(lhsDims, rhsDims))
    if (lhs.getDimSize(l) != rhs.getDimSize(r))
      return op->emitOpError() << what << " dimensions differ: lhs dimension " << l << " has size " << lhs.getDimSize(l)
                               << ", rhs dimension " << r << " has size " << rhs.getDimSize(r);
  return success();
}

LogicalResult DotGeneralOp::verify() {
  auto lhs = typeOf(getLhs()), rhs = typeOf(getRhs());
  if (failed(verifyProductDims(*this, "lhs", lhs, getLhsBatch(), getLhsContract())) ||
      failed(verifyProductDims(*this, "rhs", rhs, getRhsBatch(), getRhsContract())) ||
      failed(verifyPairs(*this, "batch", lhs, getLhsBatch(), rhs, getRhsBatch())) ||
      failed(verifyPairs(*this, "contracted", lhs, getLhsContract(), rhs, getRhsContract())) ||
      failed(verifyElementType(*this, "rhs", rhs, lhs)))
    return failure();
  SmallVector<int64_t> shape;
  for (int64_t d : getLhsBatch())
    shape.push_back(lhs.getDimSize(d));
  for (int64_t d : getLhsFree())
    shape.push_back(lhs.getDimSize(d));
  for (int64_t d : getRhsFree())
    shape.push_back(rhs.getDimSize(d));
  return verifyType(*this, "result", typeOf(getResult()), lhs.clone(shape));
}

LogicalResult ReduceOp::verify() {
  RankedTensorType type = typeOf(getInput());
  int64_t previous = -1;
  for (int64_t d : getDims()) {
    if (failed(verifyDim(*this, "input", d, type)))
      return failure();
    if (d <= previous)
      return emitOpError() << "dims " << list(getDims()) << " are not strictly increasing";
    previous = d;
  }
  SmallVector<int64_t> shape;
  for (auto [d, size] : llvm::enumerate(type.getShape()))
    if (!llvm::is_contained(getDims(), static_cast<int64_t>(d)))
      shape.push_back(size);
  return verifyType(*this, "result", typeOf(getResult()), type.clone(shape));
}

LogicalResult CumsumOp::verify() {
  RankedTensorType type = typeOf(getInput());
  if (failed(verifyDim(*this, "input", getDim(), type)))
    return failure();
  return verifyType(*this, "result", typeOf(getResult()), type);
}

//===----------------------------------------------------------------------===//
// Shape
//===----------------------------------------------------------------------===//

LogicalResult BroadcastOp::verify() {
  RankedTensorType input = typeOf(getInput()), result = typeOf(getResult());
  if (failed(verifyCount(*this, "dims", getDims(), input.getRank())) ||
      failed(verifyElementType(*this, "result", result, input)))
    return failure();
  int64_t previous = -1;
  for (auto [i, d] : llvm::enumerate(getDims())) {
    if (failed(verifyDim(*this, "result", d, result)))
      return failure();
    if (d <= previous)
      return emitOpError() << "dims " << list(getDims()) << " are not strictly increasing";
    previous = d;
    if (input.getDimSize(i) != result.getDimSize(d))
      return emitOpError() << "input dimension " << i << " of size " << input.getDimSize(i)
                           << " becomes result dimension " << d << " of size " << result.getDimSize(d);
  }
  return success();
}

LogicalResult TransposeOp::verify() {
  RankedTensorType input = typeOf(getInput());
  if (!isPermutation(getPerm(), input.getRank()))
    return emitOpError() << "perm " << list(getPerm()) << " is not a permutation of " << input.getRank()
                         << " dimensions";
  SmallVector<int64_t> shape;
  for (int64_t p : getPerm())
    shape.push_back(input.getDimSize(p));
  return verifyType(*this, "result", typeOf(getResult()), input.clone(shape));
}

LogicalResult ReshapeOp::verify() {
  RankedTensorType input = typeOf(getInput()), result = typeOf(getResult());
  if (input.getNumElements() != result.getNumElements())
    return emitOpError() << "input has " << input.getNumElements() << " elements, the result "
                         << result.getNumElements();
  return verifyElementType(*this, "result", result, input);
}

LogicalResult SliceOp::verify() {
  RankedTensorType input = typeOf(getInput()), result = typeOf(getResult());
  int64_t rank = input.getRank();
  if (failed(verifyCount(*this, "offsets", getOffsets(), rank)) ||
      failed(verifyCount(*this, "strides", getStrides(), rank)) || failed(verifyRank(*this, "result", result, rank)) ||
      failed(verifyElementType(*this, "result", result, input)))
    return failure();
  for (int64_t d = 0; d < rank; ++d) {
    int64_t offset = getOffsets()[d], stride = getStrides()[d], size = result.getDimSize(d);
    if (stride <= 0)
      return emitOpError() << "dimension " << d << ": stride " << stride << " is not positive";
    int64_t end = size == 0 ? offset : offset + (size - 1) * stride + 1;
    if (offset < 0 || end > input.getDimSize(d))
      return emitOpError() << "dimension " << d << ": elements " << offset << " to " << end
                           << " (exclusive) lie outside of size " << input.getDimSize(d);
  }
  return success();
}

LogicalResult PadOp::verify() {
  RankedTensorType input = typeOf(getInput());
  int64_t rank = input.getRank();
  SmallVector<int64_t> shape;
  for (auto [name, values] :
       {std::pair<StringRef, ArrayRef<int64_t>>("low", getLow()), {"high", getHigh()}, {"interior", getInterior()}}) {
    if (failed(verifyCount(*this, name, values, rank)))
      return failure();
    for (auto [d, value] : llvm::enumerate(values))
      if (value < 0)
        return emitOpError() << "dimension " << d << ": " << name << " padding " << value << " is negative";
  }
  for (int64_t d = 0; d < rank; ++d) {
    int64_t size = input.getDimSize(d);
    int64_t inner = size == 0 ? 0 : (size - 1) * (getInterior()[d] + 1) + 1;
    shape.push_back(getLow()[d] + inner + getHigh()[d]);
  }
  return verifyType(*this, "result", typeOf(getResult()), input.clone(shape));
}

LogicalResult ConcatOp::verify() {
  if (getInputs().empty())
    return emitOpError("has no operands");
  RankedTensorType first = typeOf(getInputs().front());
  int64_t dim = getDim();
  if (failed(verifyDim(*this, "operand", dim, first)))
    return failure();
  SmallVector<int64_t> shape(first.getShape());
  shape[dim] = 0;
  for (auto [i, input] : llvm::enumerate(getInputs())) {
    RankedTensorType type = typeOf(input);
    std::string name = "operand " + std::to_string(i);
    if (failed(verifyRank(*this, name, type, first.getRank())) || failed(verifyElementType(*this, name, type, first)))
      return failure();
    for (int64_t d = 0, e = first.getRank(); d < e; ++d)
      if (d != dim && type.getDimSize(d) != first.getDimSize(d))
        return emitOpError() << name << " has size " << type.getDimSize(d) << " in dimension " << d
                             << ", operand 0 has " << first.getDimSize(d);
    shape[dim] += type.getDimSize(dim);
  }
  return verifyType(*this, "result", typeOf(getResult()), first.clone(shape));
}

LogicalResult IotaOp::verify() { return verifyDim(*this, "result", getDim(), typeOf(getResult())); }

//===----------------------------------------------------------------------===//
// Indexed access
//===----------------------------------------------------------------------===//

/// `table` indexed along `axis`: table[:axis] + indices + table[axis+1:].
static RankedTensorType indexedType(RankedTensorType table, RankedTensorType indices, int64_t axis) {
  SmallVector<int64_t> shape(table.getShape().take_front(axis));
  llvm::append_range(shape, indices.getShape());
  llvm::append_range(shape, table.getShape().drop_front(axis + 1));
  return table.clone(shape);
}

LogicalResult GatherOp::verify() {
  RankedTensorType input = typeOf(getInput());
  if (failed(verifyDim(*this, "input", getAxis(), input)))
    return failure();
  return verifyType(*this, "result", typeOf(getResult()), indexedType(input, typeOf(getIndices()), getAxis()));
}

LogicalResult ScatterAddOp::verify() {
  RankedTensorType result = typeOf(getResult());
  if (failed(verifyDim(*this, "result", getAxis(), result)))
    return failure();
  return verifyType(*this, "updates", typeOf(getUpdates()), indexedType(result, typeOf(getIndices()), getAxis()));
}
