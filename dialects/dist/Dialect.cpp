//===- Dialect.cpp - Registration and attributes of the dist dialect -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/dist/Dist.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/SmallSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace weft;
using namespace weft::dist;

#include "dialects/dist/Dialect.cpp.inc"
#include "dialects/dist/Interfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/dist/Attrs.cpp.inc"

void DistDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/dist/Attrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/dist/Ops.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// The sharding attribute
//===----------------------------------------------------------------------===//

static ParseResult parseAxes(AsmParser &parser, ArrayAttr &axes) {
  SmallVector<Attribute> names;
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&]() -> ParseResult {
        std::string name;
        if (parser.parseString(&name))
          return failure();
        names.push_back(StringAttr::get(parser.getContext(), name));
        return success();
      }))
    return failure();
  axes = ArrayAttr::get(parser.getContext(), names);
  return success();
}

Attribute ShardingAttr::parse(AsmParser &parser, Type) {
  SmallVector<Attribute> dims;
  ArrayAttr unreduced = ArrayAttr::get(parser.getContext(), {});
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&]() -> ParseResult {
        ArrayAttr axes;
        if (parseAxes(parser, axes))
          return failure();
        dims.push_back(axes);
        return success();
      }))
    return {};
  if (succeeded(parser.parseOptionalComma()))
    if (parser.parseKeyword("unreduced") || parser.parseEqual() || parseAxes(parser, unreduced))
      return {};
  if (parser.parseGreater())
    return {};
  return parser.getChecked<ShardingAttr>(loc, parser.getContext(), ArrayAttr::get(parser.getContext(), dims),
                                         unreduced);
}

void ShardingAttr::print(AsmPrinter &printer) const {
  auto printAxes = [&](Attribute axes) {
    printer << '[';
    llvm::interleaveComma(cast<ArrayAttr>(axes), printer, [&](Attribute name) { printer << name; });
    printer << ']';
  };
  printer << "<[";
  llvm::interleaveComma(getDims(), printer, printAxes);
  printer << ']';
  if (!getUnreduced().empty()) {
    printer << ", unreduced = ";
    printAxes(getUnreduced());
  }
  printer << '>';
}

LogicalResult ShardingAttr::verify(function_ref<InFlightDiagnostic()> emitError, ArrayAttr dims, ArrayAttr unreduced) {
  llvm::SmallSet<StringRef, 8> seen;
  auto check = [&](ArrayAttr axes) -> LogicalResult {
    for (Attribute axis : axes) {
      auto name = dyn_cast<StringAttr>(axis);
      if (!name)
        return emitError() << "names axes by strings, not " << axis;
      if (!seen.insert(name.getValue()).second)
        return emitError() << "uses the axis '" << name.getValue() << "' twice";
    }
    return success();
  };
  for (Attribute dim : dims)
    if (auto axes = dyn_cast<ArrayAttr>(dim); !axes)
      return emitError() << "has a list of axes for each dimension, not " << dim;
    else if (failed(check(axes)))
      return failure();
  return check(unreduced);
}

//===----------------------------------------------------------------------===//
// Conversions
//===----------------------------------------------------------------------===//

Mesh weft::dist::meshOf(ModuleOp module) {
  Mesh mesh;
  for (MeshOp op : module.getOps<MeshOp>()) {
    for (Attribute axis : op.getAxes())
      mesh.axes.push_back(cast<StringAttr>(axis).getValue().str());
    mesh.sizes.assign(op.getSizes().begin(), op.getSizes().end());
    mesh.order =
        op.getOrder() ? axesOf(mesh, *op.getOrder()) : llvm::to_vector(llvm::seq<int64_t>(0, mesh.getNumAxes()));
    break;
  }
  return mesh;
}

ArrayAttr weft::dist::axesAttr(MLIRContext *context, const Mesh &mesh, ArrayRef<int64_t> axes) {
  SmallVector<Attribute> names;
  for (int64_t axis : axes)
    names.push_back(StringAttr::get(context, mesh.axes[axis]));
  return ArrayAttr::get(context, names);
}

SmallVector<int64_t> weft::dist::axesOf(const Mesh &mesh, ArrayAttr names) {
  SmallVector<int64_t> axes;
  for (Attribute name : names) {
    axes.push_back(mesh.indexOf(cast<StringAttr>(name).getValue()));
    assert(axes.back() >= 0 && "the verifier knows the mesh");
  }
  return axes;
}

ShardingAttr weft::dist::toAttr(MLIRContext *context, const Mesh &mesh, const Sharding &sharding, int64_t rank) {
  SmallVector<Attribute> dims;
  for (int64_t dim = 0; dim < rank; ++dim)
    dims.push_back(axesAttr(context, mesh, sharding.axesOf(dim)));
  return ShardingAttr::get(context, ArrayAttr::get(context, dims),
                           axesAttr(context, mesh, sharding.axesOf(Sharding::Unreduced)));
}

std::optional<Sharding> weft::dist::fromAttr(const Mesh &mesh, ShardingAttr attr) {
  Sharding sharding = Sharding::whole(mesh);
  auto take = [&](ArrayAttr axes, int8_t how) {
    int64_t last = -1;
    for (Attribute name : axes) {
      int64_t axis = mesh.indexOf(cast<StringAttr>(name).getValue());
      if (axis <= last)
        return false;
      last = axis;
      sharding[axis] = how;
    }
    return true;
  };
  for (auto [dim, axes] : llvm::enumerate(attr.getDims()))
    if (!take(cast<ArrayAttr>(axes), dim))
      return std::nullopt;
  if (!take(attr.getUnreduced(), Sharding::Unreduced))
    return std::nullopt;
  return sharding;
}

Sharding weft::dist::storedSharding(const Mesh &mesh, Operation *symbol) {
  auto attr = symbol->getAttrOfType<ShardingAttr>(shardingAttr);
  return attr ? *fromAttr(mesh, attr) : Sharding::whole(mesh);
}

#define GET_OP_CLASSES
#include "dialects/dist/Ops.cpp.inc"
