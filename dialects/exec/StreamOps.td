//===- StreamOps.td - Order across streams -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The ops of one stream run one after another; ops of different streams run in any
// order that events allow. docs/schedule.md has the whole.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_EXEC_STREAMOPS_TD
#define WEFT_EXEC_STREAMOPS_TD

include "dialects/exec/Base.td"

def RecordOp : ExecOp<"record", [HasParent<"TaskOp">]> {
  let summary = "An event that happens when all that its stream was given before is done";
  let description = [{ An event is recorded once in a task, before it is waited for. `exec.stream` says by which stream. }];
  let arguments = (ins I64Attr:$event);
  let assemblyFormat = "$event attr-dict";
}

def WaitOp : ExecOp<"wait", [HasParent<"TaskOp">]> {
  let summary = "What its stream is given after this runs when the event has happened";
  let arguments = (ins I64Attr:$event);
  let assemblyFormat = "$event attr-dict";
}

#endif // WEFT_EXEC_STREAMOPS_TD
