//===- Options.h - What a user asked the compiler to do ---------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_DRIVER_OPTIONS_H
#define WEFT_COMPILER_DRIVER_OPTIONS_H

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weft {

/// What the program returns to the shell; docs/cli.md.
enum ExitCode : int {
  kExitDone = 0,
  kExitRequest = 1,  ///< the input or the request is at fault
  kExitUsage = 2,    ///< the command line cannot be understood
  kExitInternal = 3, ///< Weft is at fault
  kExitCheck = 4,    ///< the check that was asked for failed
};

/// "80GiB", "512 MiB", "1000000": bytes. None if it is no size.
std::optional<int64_t> parseBytes(const std::string &text);

/// Where compilation stops, and what is printed there.
enum class Emit { Import, Train, Plan, Local, Schedule, Kernels, Exe };

/// The options of `weft compile`; `weft verify` takes the same.
struct CompileOptions {
  std::string model;
  /// Where the result goes. Empty: standard output; for an executable the model's name without its ending, in the
  /// current folder.
  std::string output;
  /// host or cuda; empty: cuda where there is a GPU.
  std::string target;
  /// Architectures of GPUs, `sm_80,sm_90`; empty: sm_90.
  std::string arch;
  /// Allow what is not the same bits every time.
  bool fast = false;
  std::string cpu = "native";
  /// Symbolic size and its value; `batch` is that of the whole step, all micro-batches together. Those that lack get
  /// their defaults at the import.
  std::vector<std::pair<std::string, int64_t>> dims;
  std::string loss = "auto";
  /// NAME=ROLE: tokens, labels, ones, positions or the name of a field of the data.
  std::vector<std::string> inputs;
  /// Globs over parameter names.
  std::vector<std::string> freeze, train, noDecay;
  /// What batch norms compute with while training: `as-exported` or `training`.
  std::string batchNorm = "as-exported";
  std::string optimizer = "adamw";
  /// fp32, bf16; empty: the model's types.
  std::string precision;
  /// fp32: master weights and moments of narrower parameters are that. bf16: moments are, and there are no masters.
  std::string states = "fp32";
  int64_t microbatches = 1;
  /// Degrees of parallelism, `dp=2,tp=2`; empty: one rank.
  std::string mesh;
  /// How ranks are laid out: cluster, spread or letters.
  std::string placement = "cluster";
  /// What is sharded over the data-parallel ranks: 0 nothing, 1 states, 2 gradients too, 3 parameters too.
  int64_t zero = 0;
  /// Elements below which `zero` 3 leaves a parameter whole.
  int64_t persistence = 1000000;
  /// What tensor parallelism is to spare: `speed` collectives, `memory` activations that every rank of `tp` has.
  std::string optimize = "speed";
  /// Cut the sequence over `tp` between the blocks; nothing: as `optimize` says.
  std::optional<bool> sequenceParallel;
  /// The ranks of `tp` read the same samples; else each reads its own.
  bool prescaledBatch = true;
  /// Each rank's samples in two halves, one of which computes while the other communicates; nothing: if that is
  /// predicted to take less time.
  std::optional<bool> halves;
  /// mb: add the gradients of micro-batches before ranks reduce them; dp: after; by-zero.
  std::string accumulate = "by-zero";
  /// PATTERN=AXIS:DIM or PATTERN=AXIS:none, over what is found in the graph.
  std::vector<std::string> shardParam;
  /// Whether the executable can clip gradients by their global norm.
  bool clipping = true;
  /// What the backward pass computes again: none, each, contiguous, group_N, selective.
  std::string remat = "none";
  /// What waits in host memory, and how many blocks or updates copies may be behind or ahead.
  bool offloadActivations = false, offloadOptimizer = false;
  int64_t offloadHorizon = 2;
  /// Where updates run whose states wait in host memory: auto, host or device.
  std::string offloadUpdates = "auto";
  /// Parts in which logits are computed: 0 as their size asks for, 1 all at once.
  int64_t logitChunks = 0;
  /// A plan to carry out, JSON; empty: decide.
  std::string plan;
  /// Bytes of memory that a rank may use; 0: any.
  int64_t memory = 0;
  /// Remarks that say where the shardings of layers of this name come from.
  std::string explain;
  /// A safetensors file with the parameters' values; empty: as `init` says.
  std::string weights;
  /// `file`, `random` or `random:SEED`; empty: the model file, which must then have the data.
  std::string init;
  Emit emit = Emit::Exe;
  /// With Emit::Plan: the table for people instead of JSON, and a file for the JSON besides.
  bool planTable = false;
  std::string planJson;
  bool timing = false;
  /// Copy the files with the parameters' values beside the executable, which reads them there.
  bool bundle = false;
  bool keepGradients = false, keepLogits = false;
  /// No summary on standard error; remarks and errors stay.
  bool quiet = false;
  /// Elements of one grouped collective, and of parameters gathered at one time, at most.
  int64_t bucket = 500000000, maxLive = 1000000000;
  /// Consecutive ranks that are on one node; 0: not known.
  int64_t ranksPerNode = 0;
  /// What carries collectives of GPUs: `nccl`, `copy` or `auto`.
  std::string collectives = "auto";
  /// Collectives beside computation: on, off, or auto, as the target has streams.
  std::string overlap = "auto";
};

} // namespace weft

#endif // WEFT_COMPILER_DRIVER_OPTIONS_H
