//===- Dist.h - The dist dialect -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_DIST_DIST_H
#define WEFT_DIALECTS_DIST_DIST_H

#include "dialects/dist/Sharding.h"
#include "dialects/weft/Weft.h"
#include "mlir/IR/BuiltinOps.h"

#include "dialects/dist/Dialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/dist/Attrs.h.inc"
#include "dialects/dist/Interfaces.h.inc"
#define GET_OP_CLASSES
#include "dialects/dist/Ops.h.inc"

namespace weft::dist {

/// On a stored symbol or a task's argument: how it lies in memory between tasks.
inline constexpr llvm::StringLiteral shardingAttr = "dist.sharding";
/// On an op: how its results are to be held, one per result.
inline constexpr llvm::StringLiteral shardingsAttr = "dist.shardings";
/// On an op: per axis of the mesh the factor of its rule that the axis cuts, or -1.
inline constexpr llvm::StringLiteral factorsAttr = "dist.factors";
/// On an op of a local program: the region whose gathers it shares (forward, backward, update).
inline constexpr llvm::StringLiteral regionAttr = "dist.region";

/// The axis of the mesh along which a rank's samples are cut in two, laid out in time.
inline constexpr llvm::StringLiteral halfAxis = "half";
/// On a collective of a local program: the half of the samples that it belongs to, 0 or 1.
inline constexpr llvm::StringLiteral halfAttr = "dist.half";

/// On the state that holds a rank's coordinates.
inline constexpr llvm::StringLiteral coordinatesAttr = "dist.coordinates";

/// The mesh of a module; one without axes if it has none.
Mesh meshOf(mlir::ModuleOp module);

/// The names of axes as an attribute.
mlir::ArrayAttr axesAttr(mlir::MLIRContext *context, const Mesh &mesh, llvm::ArrayRef<int64_t> axes);
/// The indices of named axes, in the order listed. All have to be of the mesh.
llvm::SmallVector<int64_t> axesOf(const Mesh &mesh, mlir::ArrayAttr names);

/// A sharding as an attribute, for a tensor of `rank` dimensions.
ShardingAttr toAttr(mlir::MLIRContext *context, const Mesh &mesh, const Sharding &sharding, int64_t rank);
/// An attribute as a sharding; nothing if it names an axis that the mesh does not have, or axes that are not in mesh
/// order.
std::optional<Sharding> fromAttr(const Mesh &mesh, ShardingAttr attr);

/// The sharding of a symbol or whatever else has `dist.sharding`; whole if it has none.
Sharding storedSharding(const Mesh &mesh, mlir::Operation *symbol);

} // namespace weft::dist

#endif // WEFT_DIALECTS_DIST_DIST_H
