//===- Ops.td - The dist dialect ---------------------------*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Programs over a mesh of ranks. Two levels share the dialect: before
// partitioning, a mesh, shardings and constraints on values of one logical
// device; after it, local tensors and the collectives between them.
// docs/partitioning.md has the whole.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DIST_OPS_TD
#define WEFT_DIST_OPS_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/dist/Interfaces.td"
include "dialects/weft/Base.td"

def DistDialect : Dialect {
  let name = "dist";
  let cppNamespace = "::weft::dist";
  let summary = "Programs over a mesh of ranks";
  let description = [{
    A module has at most one `dist.mesh`. A stored symbol (`weft.param`, `weft.state`) and a task's argument have
    `dist.sharding`; an op of a propagated program has `dist.shardings`, one per result.
  }];
  let useDefaultAttributePrinterParser = 1;
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

def ShardingAttr : AttrDef<DistDialect, "Sharding"> {
  let mnemonic = "sharding";
  let summary = "How a tensor lies on a mesh";
  let description = [{
    One list of axis names per dimension: the axes that cut it, major first, in the order of the mesh. `unreduced`: the axes
    over which the tensor is the sum of what the ranks hold. An axis appears at most once; on axes that do not
    appear the tensor is whole, the same on every rank along them.
  }];
  let parameters = (ins "::mlir::ArrayAttr":$dims, "::mlir::ArrayAttr":$unreduced);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

class DistOp<string mnemonic, list<Trait> traits = []> : Op<DistDialect, mnemonic, traits>;

def MeshOp : DistOp<"mesh", [Symbol]> {
  let summary = "Named axes over ranks";
  let description = [{
    Axes that cut one dimension do so in the order listed, the first the major one. `order` lists them as they are laid
    over ranks, the last one's index varies fastest; without it, as listed.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrArrayAttr:$axes, DenseI64ArrayAttr:$sizes,
                   OptionalAttr<StrArrayAttr>:$order);
  let assemblyFormat = "$sym_name $axes $sizes (`order` $order^)? attr-dict";
  let hasVerifier = 1;
}

def ConstrainOp : DistOp<"constrain", [Pure, AllTypesMatch<["input", "result"]>,
                                       DeclareOpInterfaceMethods<ShardingRuleOpInterface>,
                                       DeclareOpInterfaceMethods<EvaluateOpInterface>]> {
  let summary = "The value itself, which is to be held in this way";
  let description = [{
    A constraint on the axes that `sharding` names; on others the value stays open. `priority` is the rank of the constraint among
    others (docs/partitioning.md), `origin` is what people read in explanations.
  }];
  let arguments = (ins WeftTensor:$input, ShardingAttr:$sharding, I64Attr:$priority, StrAttr:$origin);
  let results = (outs WeftTensor:$result);
  let assemblyFormat = "$input $sharding `priority` $priority `origin` $origin attr-dict `:` type($input)";
  let hasVerifier = 1;
}

def ReshardOp : DistOp<"reshard", [Pure, DeclareOpInterfaceMethods<RankEvaluateOpInterface>]> {
  let summary = "The same tensor, held in another way";
  let description = [{
    Types are local. A tensor never becomes unreduced on an axis on which it is cut; a tensor that is whole on an axis becomes
    unreduced by being zero on every rank along it but the first. `whole` is the shape of the whole tensor where a cut does not
    divide it: parts are padded then, with zeros in the result.
  }];
  let arguments = (ins WeftTensor:$input, ShardingAttr:$from, ShardingAttr:$to, OptionalAttr<DenseI64ArrayAttr>:$whole);
  let results = (outs WeftTensor:$result);
  let assemblyFormat = "$input `from` $from `to` $to (`of` $whole^)? attr-dict `:` type($input) `->` type($result)";
  let builders = [OpBuilder<(ins "::mlir::Value":$input, "const ::weft::dist::Mesh &":$mesh, "const ::weft::dist::Sharding &":$from,
                                 "const ::weft::dist::Sharding &":$to, "::mlir::RankedTensorType":$whole)>];
  let extraClassDeclaration = [{
    /// The type of the whole tensor.
    ::mlir::RankedTensorType wholeType(const ::weft::dist::Mesh &mesh);
  }];
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

def AxisIndexOp : DistOp<"axis_index", [Pure, DeclareOpInterfaceMethods<RankEvaluateOpInterface>]> {
  let summary = "This rank's index along axes, the first the major one";
  let arguments = (ins StrArrayAttr:$axes);
  let results = (outs IntTensor:$result);
  let assemblyFormat = "$axes attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def LocalSliceOp : DistOp<"local_slice", [Pure, DeclareOpInterfaceMethods<RankEvaluateOpInterface>]> {
  let summary = "This rank's part of a dimension that the rank holds whole";
  let arguments = (ins WeftTensor:$input, I64Attr:$dim, StrArrayAttr:$axes);
  let results = (outs WeftTensor:$result);
  let assemblyFormat = "$input `dim` $dim `over` $axes attr-dict `:` type($input) `->` type($result)";
  let hasVerifier = 1;
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

/// A collective over the ranks that differ in `axes` only; their order is row-major in the axes as listed. Each of
/// several members is communicated by itself, in one grouped call.
class CollectiveOp<string mnemonic, list<Trait> traits = []>
    : DistOp<mnemonic, !listconcat([Pure, CollectiveOpInterface, DeclareOpInterfaceMethods<RankEvaluateOpInterface>], traits)> {
  let hasVerifier = 1;
}

def AllReduceOp : CollectiveOp<"all_reduce"> {
  let summary = "Combines the tensors of all ranks, elementwise, on every rank";
  let arguments = (ins Variadic<WeftTensor>:$inputs, ReduceKind:$kind, StrArrayAttr:$axes);
  let results = (outs Variadic<WeftTensor>:$results);
  let assemblyFormat = "$kind $inputs `over` $axes attr-dict `:` type($inputs) `->` type($results)";
  let extraClassDeclaration = [{ bool reduces() { return true; } }];
}

def AllGatherOp : CollectiveOp<"all_gather"> {
  let summary = "The tensors of all ranks, one after another along a dimension, on every rank";
  let arguments = (ins Variadic<WeftTensor>:$inputs, DenseI64ArrayAttr:$dims, StrArrayAttr:$axes);
  let results = (outs Variadic<WeftTensor>:$results);
  let assemblyFormat = "$inputs `dims` $dims `over` $axes attr-dict `:` type($inputs) `->` type($results)";
  let hasCanonicalizer = 1;
}

def ReduceScatterOp : CollectiveOp<"reduce_scatter"> {
  let summary = "Combines the tensors of all ranks, each rank getting its part of a dimension";
  let arguments = (ins Variadic<WeftTensor>:$inputs, ReduceKind:$kind, DenseI64ArrayAttr:$dims, StrArrayAttr:$axes);
  let results = (outs Variadic<WeftTensor>:$results);
  let assemblyFormat = "$kind $inputs `dims` $dims `over` $axes attr-dict `:` type($inputs) `->` type($results)";
  let extraClassDeclaration = [{ bool reduces() { return true; } }];
}

def AllToAllOp : CollectiveOp<"all_to_all"> {
  let summary = "Cuts one dimension instead of another";
  let description = [{ Each rank gives every other its part of `split` and puts what it gets one after another along `concat`. }];
  let arguments = (ins Variadic<WeftTensor>:$inputs, DenseI64ArrayAttr:$split, DenseI64ArrayAttr:$concat, StrArrayAttr:$axes);
  let results = (outs Variadic<WeftTensor>:$results);
  let assemblyFormat = [{
    $inputs `split` $split `concat` $concat `over` $axes attr-dict `:` type($inputs) `->` type($results)
  }];
}

#endif // WEFT_DIST_OPS_TD
