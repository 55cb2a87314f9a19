//===- Weft.h - The weft dialect -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIALECTS_WEFT_WEFT_H
#define WEFT_DIALECTS_WEFT_WEFT_H

#include "dialects/weft/Interfaces.h"
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/weft/Dialect.h.inc"
#include "dialects/weft/Enums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/weft/Attrs.h.inc"
#define GET_OP_CLASSES
#include "dialects/weft/Ops.h.inc"

namespace weft {

/// Gives arith and math ops the interfaces of the weft dialect.
void registerExternalModels(mlir::DialectRegistry &registry);

/// The part of it that gives them their vector-Jacobian products.
void registerVjpModels(mlir::DialectRegistry &registry);

/// The part of registerExternalModels that concerns reference evaluation.
void registerEvaluateModels(mlir::DialectRegistry &registry);

/// The part of registerExternalModels that concerns sharding rules and costs.
void registerShardingModels(mlir::DialectRegistry &registry);

/// The bytes of one element in memory; i1 takes one byte.
int64_t elementBytes(mlir::Type elementType);

/// The bytes of a dense tensor in memory.
int64_t tensorBytes(mlir::RankedTensorType type);

} // namespace weft

#endif // WEFT_DIALECTS_WEFT_WEFT_H
