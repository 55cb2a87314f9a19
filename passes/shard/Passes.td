//===- Passes.td - From one logical device to a mesh -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

include "mlir/Pass/PassBase.td"

def SamplesFirst : Pass<"weft-samples-first", "::mlir::func::FuncOp"> {
  let summary = "Gives samples a first dimension of their own, so that they can be cut";
  let description = [{
    On the forward program, before differentiation. Products, norms with a scale, elementwise ops and additions of a bias on
    flattened rows ([B*T, C]) are written on [B, T, C]; heads that were made one dimension with the samples are taken apart where they are made; so is what has positions before samples ([T, B, C]), up to the transposes that put them there, which
    then cancel those that put them back. Slices of what was moved or split are taken before.
  }];
}

def Unpack : Pass<"weft-unpack", "::mlir::ModuleOp"> {
  let summary = "Gives what is packed its dimensions back, so that it can be cut";
  let description = [{
    On the forward program, before differentiation, after weft-samples-first. A weight [C, n*K] whose product is taken apart into n equal slices, or reshaped to
    n of which slices are taken, is declared as [C, n, K]: the same bytes under the same name. Of slices of different sizes, of which heads are made, each has a
    product of its own, with some of the units that the weight is declared in.
  }];
  let statistics = [Statistic<"numUnpacked", "unpacked", "Products whose weights got a dimension for their parts">];
}

def RepeatHeads : Pass<"weft-repeat-heads", "::mlir::ModuleOp"> {
  let summary = "Repeats key/value heads that tensor parallelism does not divide";
  let description = [{
    On the forward program, before differentiation. Query heads are cut together with the key/value heads they read: where `tp` divides the former but
    not the latter, the latter are repeated as often as it takes. A remark says so.
  }];
  let options = [Option<"tp", "tp", "int64_t", "1", "Ranks that share the heads">];
  let statistics = [Statistic<"numRepeated", "repeated", "Attentions whose key/value heads were repeated">];
}

def ApplyPlan : Pass<"weft-apply-plan", "::mlir::ModuleOp"> {
  let summary = "Puts the constraints of a plan on a training step";
  let description = [{
    Before: tasks of one logical device. After: the mesh, shardings on arguments, `dist.constrain` on a few values;
    cross-entropy is decomposed where the vocabulary is cut, and norms that heads are made of. docs/partitioning.md lists the constraints. With a plan
    (createApplyPlanPass) they are the plan's; with options alone they are found in the graph.
  }];
  let options = [
    Option<"tp", "tp", "int64_t", "1", "Ranks that share the heads, hidden dimensions and vocabulary">,
    Option<"shard", "shard", "int64_t", "1", "Data-parallel ranks that share states (and parameters)">,
    Option<"replica", "replica", "int64_t", "1", "Groups of such ranks">,
    ListOption<"order", "order", "std::string", "The axes as they are laid over ranks, slowest first">,
    Option<"sequenceParallel", "sequence-parallel", "bool", "false", "Cut the sequence over tp between the blocks">,
    Option<"prescaledBatch", "prescaled-batch", "bool", "true", "Ranks of tp have the same samples; else each has its own between the blocks">,
    ListOption<"shardParam", "shard-param", "std::string", "PATTERN=AXIS:DIM or PATTERN=AXIS:none, over what is found">
  ];
  let dependentDialects = ["::weft::dist::DistDialect", "::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

def CutInHalves : Pass<"weft-cut-in-halves", "::mlir::ModuleOp"> {
  let summary = "Cuts the samples of each rank in two, along one more axis of the mesh";
  let description = [{
    After constraints and storage are known, before propagation. The mesh gets the axis `half` of size 2, the last one, and every
    argument with a batch dimension is cut along it.
  }];
  let dependentDialects = ["::weft::dist::DistDialect"];
}

def UnrollHalves : Pass<"weft-unroll-halves", "::mlir::ModuleOp"> {
  let summary = "Computes the halves of a rank's samples in one task";
  let description = [{
    After reshards are collectives. What differs between the ranks along `half` is there twice, a collective over it is computed from both,
    and the axis is gone. Collectives of a half have `dist.half`. Nothing happens without that axis.
  }];
  let dependentDialects = ["::weft::dist::DistDialect", "::mlir::arith::ArithDialect"];
}

def Propagate : Pass<"weft-propagate", "::mlir::ModuleOp"> {
  let summary = "Gives every value the sharding that follows from the constraints";
  let description = [{
    After: every op of a task has `dist.shardings`, one per result. Reads of parameters say how the parameter is wanted, whatever its
    storage is. Every op has `dist.factors` besides: what each axis cuts at it. Where its tensors would have an axis cut different factors, the user's
    constraint holds, else what takes a rank less time to send and to compute (createPropagatePass takes its rates).
  }];
  let options = [
    Option<"decide", "decide", "bool", "true", "Decide what axes cut at ops, too; how parameters are stored follows from shardings alone">,
    Option<"explain", "explain", "std::string", "\"\"", "Remarks for each op whose location contains this: where its sharding comes from, and over what it was decided">
  ];
  let statistics = [Statistic<"numConflicts", "conflicts", "Ops whose tensors prefer different factors on an axis">];
  let dependentDialects = ["::weft::dist::DistDialect"];
}

def AssignStorage : Pass<"weft-assign-storage", "::mlir::ModuleOp"> {
  let summary = "Decides how parameters and states lie in memory between tasks";
  let description = [{
    Before: propagated. A parameter is stored as it is wanted on `tp`; with `zero` 3 it is cut on `shard` besides. Moments
    and masters are stored like their parameter, and cut on `shard` with `zero` 1 and more. Accumulators are unreduced over the data-parallel axes, and
    with `zero` 2 and more cut on `shard`. After: `dist.sharding` on symbols; run weft-propagate again. Parameters that
    `zero` 1 and 2 update in parts have `dist.between_steps` besides, by which weft-partition gathers them in the next step. With a plan (createAssignStoragePass)
    the storage is the plan's, and need not be propagated before.
  }];
  let options = [
    Option<"zero", "zero", "int64_t", "0", "0: nothing, 1: states, 2: gradients too, 3: parameters too are cut on `shard`">,
    Option<"persistence", "persistence-threshold", "int64_t", "1000000", "Elements below which a parameter stays whole on `shard`">,
    Option<"accumulate", "accumulate", "std::string", "\"by-zero\"",
           "mb: add micro-batches, then reduce over ranks; dp: reduce every micro-batch; by-zero: mb, but dp on `shard` with `zero` 2 and more">,
    ListOption<"shardParam", "shard-param", "std::string", "PATTERN=AXIS:DIM or PATTERN=AXIS:none, over what is decided">
  ];
  let dependentDialects = ["::weft::dist::DistDialect"];
}

def Partition : Pass<"weft-partition", "::mlir::ModuleOp"> {
  let summary = "Writes the program of one rank: local shapes, and reshards where a value is held in another way than it is needed";
  let description = [{
    Before: propagated, storage assigned. After: all types are local, symbols included; `dist.reshard` is the only op that communicates, beside
    `dist.all_reduce` of maxima and the like; no `dist.constrain` is left.
  }];
  let statistics = [Statistic<"numReshards", "reshards", "Reshards written">];
  let dependentDialects = ["::weft::dist::DistDialect", "::mlir::arith::ArithDialect"];
}

def LowerReshards : Pass<"weft-lower-reshards", "::mlir::ModuleOp"> {
  let summary = "Writes reshards as collectives and slices";
  let description = [{ After: no `dist.reshard` is left. docs/partitioning.md says which collectives, in which order. }];
  let dependentDialects = ["::weft::dist::DistDialect", "::mlir::arith::ArithDialect"];
}

def RecordReshards : Pass<"weft-record-reshards", "::mlir::ModuleOp"> {
  let summary = "Says what the reshards of a step have to send";
  let description = [{
    Before: partitioned, and reshards are not lowered. Changes nothing. A remark for each kind of what is moved, or rows for a plan
    (createRecordReshardsPass), as `weft-record-volume` has them: the cheapest collectives for each tensor, which are searched for.
  }];
}

def RecordVolume : Pass<"weft-record-volume", "::mlir::ModuleOp"> {
  let summary = "Says what the collectives of a step move";
  let description = [{
    Before: reshards are collectives, each with one member. Changes nothing. A remark for each kind of what is moved, or the list for a plan
    (createRecordVolumePass).
  }];
}

def LowerRanks : Pass<"weft-lower-ranks", "::mlir::ModuleOp"> {
  let summary = "Computes where a rank is from the state `coordinates`";
  let description = [{
    After: no `dist.axis_index` or `dist.local_slice` is left: an index is computed from `@coordinates`, which the runtime
    writes once, and a slice is a gather of consecutive indices. All-to-alls split a dimension before the one they join.
  }];
  let dependentDialects = ["::weft::WeftDialect", "::mlir::arith::ArithDialect"];
}
