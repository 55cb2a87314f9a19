//===- weft.cpp - The command line ----------------------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// The only file that knows how options are spelled. CLI11 throws, so nothing of
// MLIR is included here.
//
//===----------------------------------------------------------------------===//

#include "compiler/data/DataCommand.h"
#include "compiler/driver/Compile.h"
#include "compiler/driver/Inspect.h"
#include "compiler/driver/Launch.h"
#include "compiler/driver/Verify.h"
#include "compiler/model/ModelCommand.h"
#include "compiler/plan/PlanCommand.h"
#include "llvm/ADT/StringRef.h"
#include <CLI/CLI.hpp>
#include <iostream>
#include <limits>
#include <map>

using namespace weft;

/// A whole number of at least `least`, without an upper end for messages to print.
static CLI::Validator wholeFrom(int64_t least) {
  return CLI::Validator(
      [least](std::string &text) {
        int64_t value = 0;
        bool isWhole = CLI::detail::lexical_cast(text, value) && value >= least;
        return isWhole ? std::string() : "'" + text + "' is not a whole number from " + std::to_string(least) + " on";
      },
      "");
}

namespace {

/// What is given in words, before it is understood.
struct RawOptions {
  std::vector<std::string> dims;
  std::string emit = "exe";
};

/// A validator for NAME=N with N a positive number.
CLI::Validator isDim() {
  return CLI::Validator(
      [](std::string &text) -> std::string {
        auto [name, value] = llvm::StringRef(text).split('=');
        int64_t number;
        if (name.empty() || value.getAsInteger(10, number) || number < 1)
          return "'" + text + "' is not NAME=N with N a positive number, as in batch=16";
        return {};
      },
      "");
}

/// A validator for NAME=ROLE.
CLI::Validator isAssignment() {
  return CLI::Validator(
      [](std::string &text) -> std::string {
        auto [name, value] = llvm::StringRef(text).split('=');
        if (name.empty() || value.empty())
          return "'" + text + "' is not NAME=ROLE, as in input_ids=tokens";
        return {};
      },
      "");
}

/// A validator for the values of --loss.
CLI::Validator isLoss() {
  return CLI::Validator(
      [](std::string &text) -> std::string {
        llvm::StringRef loss(text);
        auto [kind, name] = loss.split(':');
        bool formula = kind == "cross-entropy" || kind == "mse";
        if (loss == "auto" || (formula && loss.contains(':') == !name.empty()) || (kind == "output" && !name.empty()))
          return {};
        return "'" + text + "' is not cross-entropy[:NAME], mse[:NAME] or output:NAME";
      },
      "");
}

/// A validator for the values of --init.
CLI::Validator isInit() {
  return CLI::Validator(
      [](std::string &text) -> std::string {
        llvm::StringRef init(text);
        int64_t seed;
        if (init == "file" || init == "random" ||
            (init.consume_front("random:") && !init.getAsInteger(10, seed) && seed >= 0))
          return {};
        return "'" + text + "' is not file, random or random:SEED with SEED a whole number, 0 or more";
      },
      "");
}

/// A validator for a number of bytes.
CLI::Validator isBytes() {
  return CLI::Validator(
      [](std::string &text) -> std::string {
        return parseBytes(text) ? "" : "'" + text + "' is not a size, as in 80GiB, 512MiB or 1000000";
      },
      "");
}

/// A validator for the values of --remat.
CLI::Validator isRemat() {
  return CLI::Validator(
      [](std::string &text) -> std::string {
        llvm::StringRef remat(text);
        int64_t group;
        if (remat == "none" || remat == "each" || remat == "contiguous" || remat == "selective" || remat == "auto" ||
            (remat.consume_front("group_") && !remat.getAsInteger(10, group) && group > 0))
          return {};
        return "'" + text + "' is not none, each, contiguous, group_N, selective or auto";
      },
      "");
}

/// A list option that takes one value each time it is given.
template <typename T>
CLI::Option *addList(CLI::App *app, const std::string &name, std::vector<T> &values, const std::string &help) {
  return app->add_option(name, values, help)->allow_extra_args(false)->expected(1, std::numeric_limits<int>::max());
}

/// The options that `compile`, `verify` and `plan` share.
void addCompileOptions(CLI::App *app, CompileOptions &options, RawOptions &raw) {
  app->add_option("MODEL", options.model, "The model, an ONNX file or an archive of torch.export")->type_name("");

  const char *model = "Model";
  addList(app, "--dim", raw.dims,
          "Give a symbolic size its value; `batch` is that of a whole step (once for each size; default: the batch as "
          "few samples as there can be, others the most that PyTorch's exporter recorded, or an error)")
      ->delimiter(',')
      ->check(isDim())
      ->type_name("NAME=N")
      ->group(model);
  addList(
      app, "--input", options.inputs,
      "How data meets an input: tokens, labels, ones, zeros, positions or a field of the data (default: by type and "
      "shape, shown)")
      ->check(isAssignment())
      ->type_name("NAME=ROLE")
      ->group(model);
  addList(app, "--freeze", options.freeze, "Do not train the initializers of these names (default: none)")
      ->type_name("PATTERN")
      ->group(model);
  addList(app, "--train", options.train, "Train the initializers of these names (default: the parameters)")
      ->type_name("PATTERN")
      ->group(model);
  app->add_option("--weights", options.weights,
                  "A safetensors file with the parameters' values, instead of --init (default: none)")
      ->type_name("FILE")
      ->group(model);
  app->add_option("--init", options.init,
                  "Values of the parameters: file, those of the model file, or random[:SEED] (default: file)")
      ->check(isInit())
      ->type_name("WHAT")
      ->group(model);

  app->add_option("--batch-norm", options.batchNorm,
                  "What batch norms compute with while training: as-exported, what each says itself, or training, "
                  "the statistics of the batch (default: as-exported)")
      ->check(CLI::IsMember({"as-exported", "training"}).description(""))
      ->type_name("HOW")
      ->group(model);

  const char *training = "Training";
  app->add_option("--loss", options.loss,
                  "cross-entropy[:NAME] or mse[:NAME] of an output, or output:NAME, which is the loss (default: the "
                  "graph's own scalar output, else cross-entropy of the only output)")
      ->check(isLoss())
      ->type_name("LOSS")
      ->group(training);
  app->add_option("--optimizer", options.optimizer,
                  "adamw, adam or sgd; hyper-parameters are given to the executable (default: adamw)")
      ->check(CLI::IsMember({"adamw", "adam", "sgd"}).description(""))
      ->type_name("NAME")
      ->group(training);
  app->add_option("--precision", options.precision,
                  "bf16 or fp16: compute in it, with float32 master weights (fp16 scales the loss); fp32: float32 "
                  "(default: the model's types)")
      ->check(CLI::IsMember({"bf16", "fp16", "fp32"}).description(""))
      ->type_name("NAME")
      ->group(training);
  app->add_option("--states", options.states,
                  "With --precision bf16: fp32, master weights and moments are float32; bf16: moments are bf16, and "
                  "there are no master weights (default: fp32)")
      ->check(CLI::IsMember({"fp32", "bf16"}).description(""))
      ->type_name("NAME")
      ->group(training);
  addList(app, "--no-decay", options.noDecay, "No weight decay for parameters of these names (default: none)")
      ->type_name("PATTERN")
      ->group(training);
  app->add_option("--microbatches", options.microbatches,
                  "Parts that the batch of a step is computed in, one after another (default: 1)")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20).description(""))
      ->type_name("N")
      ->group(training);

  const char *partition = "Partition";
  app->add_option("--mesh", options.mesh,
                  "Degrees of dp and tp; shard=S cuts dp into groups that shard (default: one rank)")
      ->type_name("dp=2,tp=4,...")
      ->group(partition);
  app->add_option("--placement", options.placement,
                  "cluster, spread, or letters of D and T, the last varies fastest (default: cluster)")
      ->type_name("LETTERS")
      ->group(partition);
  app->add_option("--zero", options.zero,
                  "What data-parallel ranks share: 0 nothing, 1 states, 2 gradients too, 3 parameters too (default: 0)")
      ->check(CLI::IsMember({"0", "1", "2", "3"}).description(""))
      ->type_name("LEVEL")
      ->group(partition);
  app->add_option("--persistence-threshold", options.persistence,
                  "Elements below which --zero 3 leaves a parameter whole (default: 1000000)")
      ->check(wholeFrom(0))
      ->type_name("N")
      ->group(partition);
  app->add_option("--optimize", options.optimize,
                  "What tp is to spare: speed, collectives; memory, activations between the blocks (default: speed)")
      ->check(CLI::IsMember({"speed", "memory"}).description(""))
      ->type_name("WHAT")
      ->group(partition);
  app->add_option_function<std::string>(
         "--prescaled-batch", [&options](const std::string &value) { options.prescaledBatch = value == "on"; },
         "on: ranks of tp read the same samples; off: each reads its own (default: on)")
      ->check(CLI::IsMember({"on", "off"}).description(""))
      ->type_name("HOW")
      ->group(partition);
  app->add_option_function<std::string>(
         "--batch-halves",
         [&options](const std::string &value) {
           options.halves = value == "auto" ? std::optional<bool>() : std::optional<bool>(value == "on");
         },
         "on: with tp, one half of a rank's samples is computed while the collectives of the other run; off; auto: on "
         "where a step is predicted to take less time (default: auto)")
      ->check(CLI::IsMember({"on", "off", "auto"}).description(""))
      ->type_name("HOW")
      ->group(partition);
  app->add_option("--accumulate", options.accumulate,
                  "mb: add the gradients of micro-batches, then reduce them over ranks; dp: reduce those of each "
                  "(default: mb, with --zero 2 and 3 dp)")
      ->check(CLI::IsMember({"mb", "dp"}).description(""))
      ->type_name("ORDER")
      ->group(partition);
  addList(app, "--shard-param", options.shardParam,
          "Cut parameters of these names on tp or shard in this dimension, or `none`, over what is found (default: "
          "what is found)")
      ->type_name("PATTERN=AXIS:DIM")
      ->group(partition);
  app->add_option_function<std::string>(
         "--sequence-parallel", [&options](const std::string &value) { options.sequenceParallel = value == "on"; },
         "on or off: cut the sequence over tp between the blocks (default: off; on with --optimize memory)")
      ->check(CLI::IsMember({"on", "off"}).description(""))
      ->type_name("HOW")
      ->group(partition);
  app->add_option("--explain", options.explain,
                  "Say where the shardings of layers and parameters come from whose names contain this (default: none)")
      ->type_name("NAME")
      ->group(partition);

  CLI::Option *plan =
      app->add_option("--plan", options.plan,
                      "Carry out this plan, which `weft plan MODEL --json FILE` wrote (default: decide)")
          ->type_name("FILE")
          ->group(partition);
  for (const char *decided :
       {"--mesh", "--placement", "--zero", "--persistence-threshold", "--optimize", "--prescaled-batch",
        "--batch-halves", "--accumulate", "--shard-param", "--sequence-parallel", "--microbatches", "--precision"})
    plan->excludes(app->get_option(decided));

  const char *memory = "Memory";
  app->add_option("--logit-chunks", options.logitChunks,
                  "Parts of the batch in which logits and what reads them are computed, one after another; 1: all at "
                  "once (default: 1 below 256 MiB of logits, else about 8)")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20).description(""))
      ->type_name("N")
      ->group(memory);
  app->add_option_function<std::string>(
         "--memory", [&options](const std::string &text) { options.memory = *parseBytes(text); },
         "Bytes that a rank may use, on a GPU with context and libraries; what needs more is refused, with what would "
         "fit "
         "(default: any)")
      ->check(isBytes())
      ->type_name("SIZE")
      ->group(memory);
  app->add_option_function<std::string>(
         "--clipping", [&options](const std::string &value) { options.clipping = value == "on"; },
         "on or off: whether gradients can be clipped by their global norm, which all of them have to be kept for "
         "(default: on)")
      ->check(CLI::IsMember({"on", "off"}).description(""))
      ->type_name("HOW")
      ->group(memory);
  app->add_option("--remat", options.remat,
                  "What the backward pass computes again instead of reading it from memory: none; each, every block by "
                  "itself; contiguous, all blocks together; group_N, N blocks together; selective, what is cheap; "
                  "auto, what takes the least time within --memory (default: none)")
      ->check(isRemat())
      ->type_name("HOW")
      ->group(memory);
  app->add_option_function<std::vector<std::string>>(
         "--offload",
         [&options](const std::vector<std::string> &what) {
           for (const std::string &part : what) {
             options.offloadActivations |= part == "activations";
             options.offloadOptimizer |= part == "optimizer";
           }
         },
         "What waits in host memory while it is not needed: activations, what the backward pass reads of the forward "
         "pass; optimizer, moments and master weights (default: nothing)")
      ->delimiter(',')
      ->check(CLI::IsMember({"activations", "optimizer"}).description(""))
      ->type_name("WHAT,...")
      ->group(memory);
  app->add_option("--offload-horizon", options.offloadHorizon,
                  "Blocks, or updates of parameters, that copies to and from host memory may be behind or ahead "
                  "(default: 2)")
      ->check(wholeFrom(1))
      ->type_name("N")
      ->group(memory);
  app->add_option("--offload-updates", options.offloadUpdates,
                  "Where parameters are updated whose optimizer states wait in host memory: host, on its processors, "
                  "beside the backward pass; device, to which the states are copied and back; auto, as is faster for "
                  "each (default: auto)")
      ->check(CLI::IsMember({"auto", "host", "device"}).description(""))
      ->type_name("WHERE")
      ->group(memory);

  const char *target = "Target";
  app->add_option("--target", options.target, "host or cuda (default: cuda where there is a GPU, else host)")
      ->check(CLI::IsMember({"host", "cuda"}).description(""))
      ->type_name("NAME")
      ->group(target);
  app->add_option("--cpu", options.cpu, "native, or a processor such as x86-64-v4 or znver3 (default: native)")
      ->type_name("NAME")
      ->group(target);
  app->add_option(
         "--arch", options.arch,
         "GPUs that cuda compiles for: machine code for each, PTX of the oldest for newer ones (default: sm_90)")
      ->type_name("sm_80,...")
      ->group(target);
  app->add_flag("--fast", options.fast,
                "On cuda, allow what does not give the same bits every time, to save memory and time (default: off)")
      ->group(target);

  app->add_flag("--timing", options.timing, "Print the time of every pass (default: off)")->group("Output");
}

/// `plan --ranks` alone does without.
void requireModel(const CompileOptions &options) {
  if (options.model.empty())
    throw CLI::RequiredError("MODEL");
}

/// How ranks communicate.
void addCommunicationOptions(CLI::App *app, CompileOptions &options) {
  const char *group = "Communication";
  app->add_option("--bucket-size", options.bucket,
                  "Elements that collectives have together, at most, to be one grouped call (default: 500000000)")
      ->check(wholeFrom(1))
      ->type_name("ELEMENTS")
      ->group(group);
  app->add_option("--max-live-parameters", options.maxLive,
                  "Elements of parameters that are gathered ahead at one time, at most (default: 1000000000)")
      ->check(wholeFrom(1))
      ->type_name("ELEMENTS")
      ->group(group);
  app->add_option(
         "--ranks-per-node", options.ranksPerNode,
         "Consecutive ranks on one node: gathers over axes that span nodes go across nodes first (default: not "
         "known)")
      ->check(wholeFrom(1))
      ->type_name("N")
      ->group(group);
  app->add_option("--collectives", options.collectives,
                  "What moves collectives between GPUs: nccl; copy, copy engines where they can, for all but "
                  "all-reduces between GPUs of one host, else NCCL; auto, copy engines where they gain (default: auto)")
      ->check(CLI::IsMember({"nccl", "copy", "auto"}).description(""))
      ->type_name("HOW")
      ->group(group);
  app->add_option("--overlap", options.overlap,
                  "Collectives on streams beside computation: on, off, or auto, on for cuda (default: auto)")
      ->check(CLI::IsMember({"auto", "on", "off"}).description(""))
      ->type_name("HOW")
      ->group(group);
}

/// Fills in what was given in words. The validators have seen it.
void take(const RawOptions &raw, CompileOptions &options) {
  if (!options.weights.empty() && !options.init.empty())
    throw CLI::ExcludesError("--weights", "--init");
  for (llvm::StringRef text : raw.dims) {
    auto [name, value] = text.split('=');
    int64_t number = 0;
    value.getAsInteger(10, number);
    for (const auto &[given, size] : options.dims)
      if (name == given && size != number)
        throw CLI::ValidationError("--dim", "'" + given + "' has two values, " + std::to_string(size) + " and " +
                                                std::to_string(number));
    options.dims.emplace_back(name.str(), number);
  }
  std::map<llvm::StringRef, llvm::StringRef> roles;
  for (llvm::StringRef text : options.inputs) {
    auto [name, role] = text.split('=');
    if (auto [other, added] = roles.try_emplace(name, role); !added && other->second != role)
      throw CLI::ValidationError("--input",
                                 "'" + name.str() + "' has two roles, " + other->second.str() + " and " + role.str());
  }
  for (auto [name, emit] : {std::pair<const char *, Emit>{"import", Emit::Import},
                            {"train", Emit::Train},
                            {"plan", Emit::Plan},
                            {"local", Emit::Local},
                            {"schedule", Emit::Schedule},
                            {"kernels", Emit::Kernels},
                            {"exe", Emit::Exe}})
    if (raw.emit == name)
      options.emit = emit;
}

void addCompileCommand(CLI::App &app, const std::string &argv0, int &exitCode) {
  auto *command = app.add_subcommand("compile", "Compile a model into an executable that trains it");
  auto options = std::make_shared<CompileOptions>();
  auto raw = std::make_shared<RawOptions>();
  addCompileOptions(command, *options, *raw);
  addCommunicationOptions(command, *options);
  command
      ->add_option("-o", options->output,
                   "The executable, or where --emit prints (default: MODEL's name without its ending, in this folder; "
                   "standard output)")
      ->type_name("FILE")
      ->group("Output");
  command
      ->add_option("--emit", raw->emit,
                   "Stop at import, train, plan, local, schedule, kernels or exe, and print (default: exe)")
      ->check(CLI::IsMember({"import", "train", "plan", "local", "schedule", "kernels", "exe"}).description(""))
      ->type_name("STAGE")
      ->group("Output");
  command
      ->add_flag("--bundle", options->bundle,
                 "Copy the files with the parameters' values beside the executable, which reads them there: the folder "
                 "can be moved (default: off)")
      ->group("Output");
  command->add_flag("--keep-gradients", options->keepGradients)->group("");
  command->callback([=, &exitCode] {
    requireModel(*options);
    take(*raw, *options);
    exitCode = compile(*options, argv0);
  });
}

void addLaunchCommand(CLI::App &app, int &exitCode) {
  auto *command = app.add_subcommand("launch", "Print a job that runs an executable on a cluster of GPUs");
  auto options = std::make_shared<LaunchOptions>();
  auto volumes = std::make_shared<std::vector<std::string>>();
  command->add_option("EXE", options->executable, "An executable that Weft wrote with --target=cuda")
      ->required()
      ->type_name("");
  command->add_option("ARGS", options->arguments, "Arguments of the executable, after --")->type_name("");
  auto *kind = command->add_option_group("Kind")->require_option(1);
  kind->add_flag("--kubernetes", options->kubernetes, "A PyTorchJob of Kubeflow's training operator");
  kind->add_flag("--slurm", options->slurm, "A batch script of Slurm");
  command->add_option("--nodes", options->nodes, "Machines (default: 1)")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20).description(""))
      ->type_name("N");
  command
      ->add_option("--instance", options->instance,
                   "Their type on EC2 or SageMaker, such as ml.g5.8xlarge, p4d.24xlarge or p5.48xlarge: how many GPUs "
                   "and network adapters, and which nodes (default: any)")
      ->type_name("TYPE");
  command
      ->add_option("--gpus-per-node", options->gpusPerNode,
                   "GPUs of a machine that the job takes (default: all of --instance)")
      ->check(CLI::Range(int64_t{1}, int64_t{64}).description(""))
      ->type_name("N");
  command->add_option("--name", options->name, "Of the job (default: the executable's)")->type_name("NAME");
  command
      ->add_option("--image", options->image,
                   "The container, as tools/container makes one (default: NAME:latest; with --slurm none)")
      ->type_name("IMAGE");
  command->add_option("--path", options->path, "The executable in the container (default: /opt/weft/EXE)")
      ->type_name("PATH");
  addList(command, "--volume", *volumes, "Mount a persistent volume claim, such as the data's (default: none)")
      ->check(CLI::Validator(
          [](std::string &text) -> std::string {
            auto [claim, path] = llvm::StringRef(text).split(':');
            bool good = !claim.empty() && path.starts_with("/");
            return good ? "" : "'" + text + "' is not CLAIM:/PATH, as in tokens:/data";
          },
          ""))
      ->type_name("CLAIM:/PATH");
  command->callback([=, &exitCode] {
    for (llvm::StringRef text : *volumes) {
      auto [claim, path] = text.split(':');
      options->volumes.emplace_back(claim.str(), path.str());
    }
    exitCode = launch(*options);
  });
}

void addInspectCommand(CLI::App &app, int &exitCode) {
  auto *command = app.add_subcommand("inspect", "Show the plan, the parameters and the schedule inside an executable");
  auto options = std::make_shared<InspectOptions>();
  command->add_option("EXE", options->executable, "An executable that Weft wrote")->required()->type_name("");
  command->add_flag("--json", options->json, "Print the manifest as it is (default: off)");
  command->add_flag("--kernels", options->kernels, "Print the text of every kernel too (default: off)");
  command
      ->add_option("--memory", options->memory,
                   "Draw the arena over every task in this file, a page for a browser: who holds what, by layer, and "
                   "print nothing (default: none)")
      ->type_name("FILE.html");
  command->callback([=, &exitCode] { exitCode = inspect(*options); });
}

void addVerifyCommand(CLI::App &app, const std::string &argv0, int &exitCode) {
  auto *command = app.add_subcommand("verify", "Compile a model, run it and compare with reference values");
  auto options = std::make_shared<VerifyOptions>();
  auto raw = std::make_shared<RawOptions>();
  addCompileOptions(command, options->compile, *raw);
  addCommunicationOptions(command, options->compile);
  const char *group = "Verification";
  command->add_option("--reference", options->reference, "A safetensors file with the reference values")
      ->required()
      ->type_name("FILE")
      ->group(group);
  command->add_option("--steps", options->steps, "Steps of the loss curve (default: 20)")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20).description(""))
      ->type_name("N")
      ->group(group);
  auto all = std::make_shared<double>(kVerifyTolerance);
  command
      ->add_option("--tolerance", *all,
                   "The largest relative error that passes, in every row (default: 1e-4; with --precision bf16 or fp16 "
                   "2e-2, and "
                   "1e-2 for losses, 1e-1 for parameters)")
      ->check(CLI::Validator(CLI::PositiveNumber).description(""))
      ->type_name("F")
      ->group(group);
  command
      ->add_option("--stream-order", options->streamOrder,
                   "Run the streams of tasks in random orders that their events allow, by this seed (default: the "
                   "program's order)")
      ->check(CLI::TypeValidator<uint64_t>().description(""))
      ->type_name("SEED")
      ->group(group);
  command->add_option("--nproc", options->nproc, "Ranks that run it (default: as many as --mesh has)")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20).description(""))
      ->type_name("N")
      ->group(group);
  CLI::Option *keep =
      command->add_option("--keep", options->keep, "Keep the executable and what it recorded there (default: nothing)")
          ->type_name("DIR")
          ->group(group);
  command
      ->add_option("--build", options->build,
                   "Run nothing: write there what 'weft-compare DIR' needs on another machine (default: run here)")
      ->excludes(keep)
      ->type_name("DIR")
      ->group(group);
  command->callback([=, &exitCode] {
    requireModel(options->compile);
    take(*raw, options->compile);
    if (command->count("--tolerance") != 0)
      options->tolerance = *all;
    exitCode = verifyModel(*options, argv0);
  });
}

void addPlanCommand(CLI::App &app, const std::string &argv0, int &exitCode) {
  auto *command = app.add_subcommand("plan", "Show how a model is cut over ranks, or which rank is where");
  auto options = std::make_shared<CompileOptions>();
  auto raw = std::make_shared<RawOptions>();
  addCompileOptions(command, *options, *raw);
  command->add_option("--json", options->planJson, "Write the plan there too, for --plan (default: nowhere)")
      ->type_name("FILE")
      ->group("Output");
  const char *group = "Ranks";
  auto ranks = std::make_shared<RanksOptions>();
  auto *flag =
      command
          ->add_flag("--ranks", "Print every rank's place and all groups; no model is needed, the mesh may have "
                                "pp, cp and ep (default: off)")
          ->group(group);
  command->add_option("--nproc", ranks->world, "How many ranks there are (default: as many as the mesh says)")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20).description(""))
      ->needs(flag)
      ->type_name("N")
      ->group(group);
  command->callback([=, &exitCode] {
    if (*flag) {
      ranks->mesh = options->mesh;
      ranks->placement = options->placement;
      exitCode = printRanks(*ranks);
      return;
    }
    requireModel(*options);
    take(*raw, *options);
    options->emit = Emit::Plan;
    options->planTable = true;
    exitCode = compile(*options, argv0);
  });
}

/// The subcommand that was being parsed.
const CLI::App *innermost(const CLI::App &app) {
  const CLI::App *at = &app;
  while (!at->get_subcommands().empty())
    at = at->get_subcommands().front();
  return at;
}

/// The nearest of the names to a mistyped word, if it is near.
std::string nearest(llvm::StringRef word, const std::vector<std::string> &names) {
  std::string best;
  unsigned bestDistance = word.ltrim('-').size() / 3 + 1;
  for (const std::string &name : names)
    if (unsigned distance = word.edit_distance(name, true, bestDistance + 1); distance <= bestDistance)
      best = name, bestDistance = distance;
  return best;
}

/// Prints a usage error with a suggestion.
int reportUsage(const CLI::App &app, const CLI::Error &error) {
  const CLI::App *command = innermost(app);
  std::string path;
  for (const CLI::App *at = command; at; at = at->get_parent())
    path = at->get_name() + (path.empty() ? "" : " " + path);

  std::vector<std::string> unknown = command->remaining();
  // A mistyped command also lacks a command: what it was meant to be says more.
  bool isExtra = dynamic_cast<const CLI::ExtrasError *>(&error) || command == &app;
  if (isExtra && !unknown.empty()) {
    std::string word = llvm::StringRef(unknown.front()).split('=').first.str();
    bool isOption = word.size() > 1 && word[0] == '-';
    std::vector<std::string> known;
    if (isOption) {
      for (const CLI::Option *option : command->get_options())
        if (!option->get_lnames().empty() && !option->get_group().empty())
          known.push_back("--" + option->get_lnames().front());
    } else {
      for (const CLI::App *sub : command->get_subcommands([](const CLI::App *) { return true; }))
        known.push_back(sub->get_name());
    }
    const char *kind = isOption ? "option" : known.empty() ? "argument" : "command";
    std::cerr << "weft: error: unknown " << kind << " '" << word << "'\n";
    if (std::string near = nearest(word, known); !near.empty())
      std::cerr << "weft: hint: did you mean '" << near << "'?\n";
  } else {
    std::cerr << "weft: error: " << error.what() << "\n";
  }
  std::cerr << "weft: hint: '" << path << " --help' lists what there is\n";
  return kExitUsage;
}

} // namespace

int main(int argc, char **argv) {
  CLI::App app("Weft compiles a model into one native executable that trains it", "weft");
  app.require_subcommand(1);
  app.set_version_flag("--version", "weft " WEFT_VERSION);
  app.get_formatter()->column_width(34);
  int exitCode = kExitDone;
  std::string argv0 = argv[0];
  addCompileCommand(app, argv0, exitCode);
  addInspectCommand(app, exitCode);
  addLaunchCommand(app, exitCode);
  addVerifyCommand(app, argv0, exitCode);
  addPlanCommand(app, argv0, exitCode);
  addModelCommand(app, exitCode);
  addDataCommand(app, exitCode);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp &request) {
    return app.exit(request);
  } catch (const CLI::CallForAllHelp &request) {
    return app.exit(request);
  } catch (const CLI::CallForVersion &request) {
    return app.exit(request);
  } catch (const CLI::Error &error) {
    return reportUsage(app, error);
  }
  return exitCode;
}
