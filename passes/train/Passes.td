//===- Passes.td - From a forward program to a training step -*- tablegen -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

include "mlir/Pass/PassBase.td"

def BuildTrainingStep : Pass<"weft-build-training-step", "::mlir::ModuleOp"> {
  let summary = "Turns @forward into the tasks of a training step";
  let description = [{
    Before: one function @forward. After: functions @task_step (one micro-batch)
    or @task_first, @task_next and @task_update, and @task_eval, with the states
    they use; @forward is gone. The states' names and meanings are those of
    docs/executable.md; docs/training-step.md says what holds.
  }];
  let options = [
    Option<"loss", "loss", "std::string", "\"auto\"", "auto, cross-entropy[:NAME], mse[:NAME] or output:NAME">,
    Option<"optimizer", "optimizer", "std::string", "\"adamw\"", "adamw, adam or sgd">,
    Option<"microbatches", "microbatches", "int64_t", "1", "Micro-batches per step">,
    ListOption<"noDecay", "no-decay", "std::string", "Name patterns (globs) of parameters without weight decay">,
    Option<"masterWeights", "master-weights", "bool", "false",
           "Parameters narrower than f32 are updated in f32, in a state `master/NAME`">,
    Option<"clipping", "clipping", "bool", "true",
           "Gradients may be scaled down by their global norm; without it each is used up as soon as it is known">,
    Option<"lossScale", "loss-scale", "bool", "false",
           "Scale the loss, skip steps whose gradients overflow, and adapt the scale, in the states `loss_scale*`">,
    Option<"narrowStates", "narrow-states", "bool", "false", "Moments have the types of their parameters">,
    Option<"keepGradients", "keep-gradients", "bool", "false", "Keep every gradient in a state after the step">,
    Option<"keepLogits", "keep-logits", "bool", "false",
           "The eval task keeps the model's first output besides the loss in the state `logits`">
  ];
}
