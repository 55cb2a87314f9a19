//===- Passes.td - From kernels to a schedule -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

include "mlir/Pass/PassBase.td"

def Schedule : Pass<"weft-schedule", "::mlir::ModuleOp"> {
  let summary = "Orders the work, outlines kernels and places every buffer in one arena";
  let description = [{
    Before: functions of fused kernels and library calls (weft-form-kernels). After: `exec.task`s on buffers,
    deduplicated kernel functions, `exec.input`s and `exec.constant`s, and every parameter and state at its offset.
    docs/schedule.md says what holds.
  }];
  let options = [
    Option<"overlap", "overlap", "bool", "false", "Run collectives and transfers on streams of their own, beside computation">,
    Option<"outstanding", "outstanding", "int64_t", "500000000",
           "Elements of reductions under way before the computing stream waits for the oldest">,
    Option<"horizon", "horizon", "int64_t", "2",
           "Blocks, or updates, after which the computing stream waits for a transfer to the host">
  ];
  let statistics = [
    Statistic<"numLaunches", "launches", "Kernel launches">,
    Statistic<"numKernels", "kernels", "Distinct kernels">,
    Statistic<"numInPlace", "in-place", "Results written over an operand">
  ];
  let dependentDialects = ["::weft::exec::ExecDialect", "::mlir::memref::MemRefDialect"];
}

def VerifySchedule : Pass<"weft-verify-schedule", "::mlir::ModuleOp"> {
  let summary = "Proves that a schedule's streams, events and buffers agree, and that ranks cannot wait for each other";
  let description = [{
    Changes nothing. In each task: no bytes are read that were never written; two ops that touch the same bytes, one of them writing, are
    ordered by streams and events; all streams are done when the task is. Over all ranks: what docs/schedule.md says of collectives.
  }];
  let statistics = [
    Statistic<"numTasks", "tasks", "Tasks that were verified">,
    Statistic<"numEvents", "events", "Events in them">
  ];
}

def BucketCollectives : Pass<"weft-bucket-collectives", "::mlir::func::FuncOp"> {
  let summary = "Makes one grouped call of collectives that can run together";
  let description = [{
    On a rank's program of tensors. Collectives of one kind, over the same axes, of one type and in one region become one op with
    several members, as far as nothing reads a member before the last one is known. Nothing is copied: each member keeps its place.
    Gathers of stored parameters, and reduce-scatters, are grouped block by block of the model; all-reduces too with `by-block`, so that the
    first can run while the rest is computed. Vectors that are stored or feed no product, biases and norms, wait for those of all blocks, apart from what is large.
  }];
  let options = [
    Option<"size", "size", "int64_t", "500000000", "Elements that the members of a bucket have at most">,
    Option<"maxLive", "max-live", "int64_t", "1000000000", "Elements of parameters that are gathered at one time">,
    Option<"byBlock", "by-block", "bool", "false", "All-reduces block by block">
  ];
  let statistics = [
    Statistic<"numBuckets", "buckets", "Grouped calls">,
    Statistic<"numMembers", "members", "Collectives in them">
  ];
  let dependentDialects = ["::weft::dist::DistDialect"];
}

def PrefetchGathers : Pass<"weft-prefetch-gathers", "::mlir::func::FuncOp"> {
  let summary = "Starts gathers of parameters one block ahead, as far as their memory allows";
  let description = [{
    After kernels are formed, before weft-schedule with `overlap`. A gather of parameters moves to where the gather before it stood, so that it
    runs while that block computes. Where more than `max-live` elements of parameters would be gathered at one time it waits
    until enough of them have been read for the last time.
  }];
  let options = [
    Option<"maxLive", "max-live", "int64_t", "1000000000", "Elements of parameters that are gathered at one time">
  ];
  let statistics = [
    Statistic<"numPrefetched", "prefetched", "Gathers that start earlier">,
    Statistic<"numHeld", "held", "Gathers that start where they are needed, for their memory">
  ];
  let dependentDialects = ["::weft::dist::DistDialect"];
}

def DelayReaders : Pass<"weft-delay-readers", "::mlir::func::FuncOp"> {
  let summary = "Lets what reads a reduction wait until the next one has begun";
  let description = [{
    After kernels are formed, before weft-schedule with `overlap`. What reads the result of a reduction, such as a part of the gradient's norm, stands right
    behind it, and the computing stream would wait there. It moves behind the next reduction, or the next few if these are smaller, with all that
    needs it: until then a reduction runs beside computation. Nothing moves past a collective that needs the result.
  }];
  let statistics = [
    Statistic<"numDelayed", "delayed", "Ops that moved">,
    Statistic<"numNeeded", "needed", "Reductions whose results are needed at once">
  ];
  let dependentDialects = ["::weft::dist::DistDialect"];
}

def Interleave : Pass<"weft-interleave", "::mlir::func::FuncOp"> {
  let summary = "Orders two halves of the samples so that one computes while the other communicates";
  let description = [{
    After kernels are formed, before weft-schedule with `overlap`; only tasks with collectives of halves (`dist.half`) are touched. Plays through how ops would
    run, with the target's rates: the computing stream takes, of what is ready, the op that leads soonest to the next collective of a half, within a
    window that bounds how long others wait.
  }];
  let dependentDialects = ["::weft::dist::DistDialect"];
}

def GroupKernels : Pass<"weft-group-kernels", "::mlir::func::FuncOp"> {
  let summary = "Makes one launch of small kernels that compute the same thing of different tensors";
  let description = [{
    After kernels are formed, before weft-schedule. A flat or row kernel of few bytes, which takes no longer than its launch does, waits until something needs its
    result; those that wait and are alike become one fused op with `exec.members`. docs/schedule.md says more.
  }];
  let options = [
    Option<"bytes", "bytes", "int64_t", "1048576", "Bytes of operands and results that a kernel has at most to be grouped">,
    Option<"arguments", "arguments", "int64_t", "512", "Buffers that a group has at most">,
    Option<"held", "held", "int64_t", "16777216", "Bytes of operands that may wait for one group">
  ];
  let statistics = [
    Statistic<"numGroups", "groups", "Groups">,
    Statistic<"numMembers", "members", "Kernels in them">
  ];
  let dependentDialects = ["::weft::exec::ExecDialect"];
}

def HierarchicalGathers : Pass<"weft-hierarchical-gathers", "::mlir::ModuleOp"> {
  let summary = "Gathers across nodes first and then within a node, over an axis that spans nodes";
  let description = [{
    With `ranks-per-node` consecutive ranks on a node. An axis A whose ranks lie on several nodes, several of them on each, becomes two
    axes of the mesh, A_across and A_within; a gather over it becomes a gather over the first, of this rank's part alone, and one over the
    second. Shardings mean the same as before.
  }];
  let options = [
    Option<"ranksPerNode", "ranks-per-node", "int64_t", "0", "Ranks of one node; 0: not known, and nothing is done">
  ];
  let statistics = [Statistic<"numGathers", "gathers", "Gathers that became two">];
  let dependentDialects = ["::weft::dist::DistDialect", "::weft::WeftDialect"];
}
