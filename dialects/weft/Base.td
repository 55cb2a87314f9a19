//===- Base.td - The weft dialect, its attributes and base classes -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What every file of the dialect's ops includes. A family of ops has a file of
// its own, so that a new one does not rebuild whatever knows the others.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_BASE_TD
#define WEFT_BASE_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "dialects/weft/Interfaces.td"

def WeftDialect : Dialect {
  let name = "weft";
  let cppNamespace = "::weft";
  let summary = "Tensor programs on one logical device";
  let description = [{
    A program is a module of `weft.param` and `weft.state` symbols and functions
    over statically shaped tensors. Values of parameters never live in the IR: a
    parameter says where its value comes from.
  }];
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
  let hasConstantMaterializer = 1;
  let hasCanonicalizer = 1;
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

class WeftAttr<string name, string attrMnemonic> : AttrDef<WeftDialect, name> {
  let mnemonic = attrMnemonic;
}

/// A list of integers, printed in square brackets.
def IntList : ArrayRefParameter<"int64_t"> {
  let printer = [{ $_printer << '['; ::llvm::interleaveComma($_self, $_printer); $_printer << ']' }];
  let parser = [{
    [&]() -> ::mlir::FailureOr<::llvm::SmallVector<int64_t>> {
      ::llvm::SmallVector<int64_t> list;
      if ($_parser.parseCommaSeparatedList(::mlir::AsmParser::Delimiter::Square,
            [&] { return $_parser.parseInteger(list.emplace_back()); }))
        return ::mlir::failure();
      return list;
    }()
  }];
}

def FileSourceAttr : WeftAttr<"FileSource", "file"> {
  let summary = "A parameter's value: a byte range of a file";
  let description = [{
    `bytes` bytes at `offset` of the file hold a row-major tensor of the given
    shape and element type. The parameter is its transpose by `perm` (result
    dimension i is file dimension perm[i]); an empty `perm` means none.
    `fileBytes` is the size of the whole file when the model was imported
    (0: the file was absent, which is an error unless another source is chosen).
  }];
  let parameters = (ins StringRefParameter<"path">:$path, "int64_t":$offset, "int64_t":$bytes, "int64_t":$fileBytes,
                    "::mlir::Type":$elementType, IntList:$shape, IntList:$perm);
  let assemblyFormat = "`<` struct(params) `>`";
}

def NormalInitAttr : WeftAttr<"NormalInit", "normal"> {
  let summary = "Counter-based normal random numbers of the given standard deviation";
  let parameters = (ins "::mlir::FloatAttr":$std);
  let assemblyFormat = "`<` $std `>`";
}

def ConstantInitAttr : WeftAttr<"ConstantInit", "constant"> {
  let summary = "The same value in every element";
  let parameters = (ins "::mlir::FloatAttr":$value);
  let assemblyFormat = "`<` $value `>`";
}

def ReduceKind : I32EnumAttr<"ReduceKind", "How elements are combined", [
    I32EnumAttrCase<"sum", 0>, I32EnumAttrCase<"max", 1>, I32EnumAttrCase<"min", 2>, I32EnumAttrCase<"prod", 3>]> {
  let cppNamespace = "::weft";
}

def StateKind : I32EnumAttr<"StateKind", "What a state is for", [
    I32EnumAttrCase<"moment", 0>, I32EnumAttrCase<"step", 1>, I32EnumAttrCase<"accumulator", 2>,
    I32EnumAttrCase<"hyper", 3>, I32EnumAttrCase<"metric", 4>, I32EnumAttrCase<"probe", 5>,
    I32EnumAttrCase<"statistics", 6>, I32EnumAttrCase<"master", 7>, I32EnumAttrCase<"random", 8>]> {
  let cppNamespace = "::weft";
}

//===----------------------------------------------------------------------===//
// Types and base classes
//===----------------------------------------------------------------------===//

def WeftTensor : StaticShapeTensorOf<[AnyFloat, AnySignlessInteger]>;
def FloatTensor : StaticShapeTensorOf<[AnyFloat]>;
def IntTensor : StaticShapeTensorOf<[AnySignlessInteger]>;

class WeftOp<string mnemonic, list<Trait> traits = []> : Op<WeftDialect, mnemonic, traits> {
  let hasVerifier = 1;
}

/// A pure tensor op: it answers sharding, cost and evaluation.
class TensorOp<string mnemonic, list<Trait> traits = []>
    : WeftOp<mnemonic, !listconcat([Pure, DeclareOpInterfaceMethods<ShardingRuleOpInterface>,
                                    DeclareOpInterfaceMethods<CostOpInterface>,
                                    DeclareOpInterfaceMethods<EvaluateOpInterface>], traits)>;

/// Splat operands give splat results, at a cost that does not depend on their size: such an op folds however large.
def KeepsSplats : NativeOpTrait<"KeepsSplats"> { let cppNamespace = "::weft"; }

/// A tensor op that can be differentiated.
class DifferentiableOp<string mnemonic, list<Trait> traits = []>
    : TensorOp<mnemonic, !listconcat([DeclareOpInterfaceMethods<DifferentiableOpInterface>], traits)>;

#endif // WEFT_BASE_TD
