//===- Options.cpp - The command line of an executable --------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "launch/Options.h"

#include "core/Error.h"

#include <CLI/CLI.hpp>
#include <algorithm>

using namespace weft::rt;

std::array<double, 16> Options::hyper(const Manifest &manifest) const {
  const std::string &optimizer = manifest.optimizer;
  bool sgd = optimizer == "sgd";
  if (givenMomentum && !optimizer.empty() && !sgd)
    throw UsageError("--momentum is for sgd; this executable was compiled with " + optimizer +
                     ", which takes --beta1 and --beta2");
  if (givenBeta1 && sgd)
    throw UsageError("--beta1 is for adamw and adam; this executable was compiled with sgd, which takes --momentum");
  if (givenBeta1 && givenMomentum)
    throw UsageError("--beta1 and --momentum exclude each other");
  std::array<double, 16> values = {};
  values[0] = learningRate;
  values[1] = minLearningRate;
  values[2] = static_cast<double>(warmup);
  values[3] = static_cast<double>(totalSteps.value_or(steps));
  values[4] = schedule == "constant" ? 0 : schedule == "linear" ? 1 : 2;
  values[5] = sgd || givenMomentum ? momentum : beta1;
  values[6] = beta2;
  values[7] = epsilon;
  values[8] = weightDecay;
  values[9] = clip;
  values[10] = 1.0;
  if (hasLossScale(manifest))
    lossScaling.fill(values);
  else if (!givenScaling.empty())
    throw UsageError(
        givenScaling +
        " is for executables that were compiled with --precision fp16; the loss of this one is not scaled");
  return values;
}

std::string Options::shared() const {
  std::ostringstream text;
  text.precision(17);
  text << steps << ' ' << noShuffle << ' ' << seed << ' ' << evalEvery << ' ' << evalBatches << ' ' << allowNonFinite;
  // Files may have other names on other machines; whether there are any may not differ.
  text << ' ' << data.size() << ' ' << eval.size() << ' ' << weights.empty() << ' ' << save.empty() << ' '
       << record.empty() << ' ' << replay.empty();
  text << ' ' << learningRate << ' ' << minLearningRate << ' ' << schedule << ' ' << warmup << ' '
       << totalSteps.value_or(steps) << ' ' << beta1 << ' ' << beta2 << ' ' << epsilon << ' ' << weightDecay << ' '
       << clip << ' ' << momentum << ' ' << lossScaling.text();
  return text.str();
}

/// The edit distance of Levenshtein.
static size_t editDistance(const std::string &a, const std::string &b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

std::string weft::rt::nearestName(const std::string &name, const std::vector<std::string> &names) {
  std::string best;
  size_t bestDistance = std::max<size_t>(2, name.size() / 3) + 1;
  for (const std::string &candidate : names) {
    size_t distance = editDistance(name, candidate);
    // A cut-off name is a likely slip, however much is missing.
    if (name.size() >= 3 && candidate.compare(0, name.size(), name) == 0)
      distance = 1;
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

namespace {

/// A number in a range that may exclude its ends, told in words.
CLI::Validator numberCheck(std::string words, bool (*good)(double)) {
  return CLI::Validator(
      [words, good](std::string &text) {
        double value = 0;
        return CLI::detail::lexical_cast(text, value) && good(value) ? std::string() : "'" + text + "' is not " + words;
      },
      "");
}

CLI::Validator atLeastZero() {
  return numberCheck("a number of at least 0", [](double value) { return value >= 0 && value < 1e300; });
}
CLI::Validator aboveZero() {
  return numberCheck("a number above 0", [](double value) { return value > 0 && value < 1e300; });
}
CLI::Validator belowOne() {
  return numberCheck("a number of at least 0 and below 1", [](double value) { return value >= 0 && value < 1; });
}

std::string defaultText(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

} // namespace

/// Declares all options on `app`; `onDevice`: also those of devices with memory of their own.
static void declareOptions(CLI::App &app, Options &options, bool onDevice) {
  auto number = [&](const char *name, auto &value, const char *help, const char *group) {
    return app.add_option(name, value, help)->group(group)->type_name("N")->capture_default_str();
  };
  auto real = [&](const char *name, double &value, const char *help, const char *group, CLI::Validator check) {
    return app.add_option(name, value, help)
        ->group(group)
        ->type_name("F")
        ->default_str(defaultText(value))
        ->check(check);
  };
  auto file = [&](const char *name, auto &value, const char *help, const char *group) {
    return app.add_option(name, value, help)->group(group)->type_name("FILE");
  };

  const char *group = "Training";
  file("--data", options.data, "token files (weft data pack), or .safetensors with a tensor for each input", group)
      ->type_name("FILE");
  number("--steps", options.steps, "optimizer steps [steps]", group)->check(atLeastZero());
  app.add_option("--seed", options.seed, "of random initial values and of the data order")
      ->group(group)
      ->check(atLeastZero())
      ->type_name("N")
      ->capture_default_str();
  app.add_flag("--no-shuffle", options.noShuffle, "take samples in the order of the files (default: shuffled)")
      ->group(group);
  file("--weights", options.weights,
       "initial parameters, by name, from a .safetensors file (default: what was compiled in)", group);

  group = "Learning rate";
  real("--lr", options.learningRate, "peak learning rate [per step]", group, atLeastZero());
  real("--min-lr", options.minLearningRate, "final learning rate of linear and cosine [per step]", group,
       atLeastZero());
  app.add_option("--schedule", options.schedule, "after the warm-up: constant, linear or cosine")
      ->group(group)
      ->type_name("NAME")
      ->capture_default_str()
      ->check(CLI::Validator(
          [](std::string &text) {
            if (text == "constant" || text == "linear" || text == "cosine")
              return std::string();
            std::string nearest = nearestName(text, {"constant", "linear", "cosine"});
            return "'" + text + "' is none of constant, linear, cosine" +
                   (nearest.empty() ? "" : "; did you mean '" + nearest + "'?");
          },
          ""));
  number("--warmup", options.warmup, "steps of linear growth from 0 to the peak [steps]", group)->check(atLeastZero());
  app.add_option("--total-steps", options.totalSteps, "where the schedule ends [steps] (default: --steps)")
      ->group(group)
      ->type_name("N")
      ->check(aboveZero());

  group = "Optimizer";
  real("--beta1", options.beta1, "AdamW, Adam: decay of the first moment [1]", group, belowOne());
  real("--beta2", options.beta2, "AdamW, Adam: decay of the second moment [1]", group, belowOne());
  real("--eps", options.epsilon, "AdamW, Adam: added to the root of the second moment [1]", group, aboveZero());
  real("--momentum", options.momentum, "SGD: decay of the velocity [1]", group, belowOne());
  real("--weight-decay", options.weightDecay, "decay of the parameters that decay [1]", group, atLeastZero());
  real("--clip", options.clip, "largest global norm of the gradient, 0: any [1]", group, atLeastZero());

  group = "Loss scale (executables of fp16)";
  LossScaling &scaling = options.lossScaling;
  real("--loss-scale", scaling.initial, "where the scale of the mean loss starts [1]", group, aboveZero());
  app.add_option("--static-loss-scale", scaling.fixed, "a scale that never changes [1] (default: it adapts)")
      ->group(group)
      ->type_name("F")
      ->check(aboveZero());
  real("--loss-scale-factor", scaling.factor, "what it grows and shrinks by [1]", group,
       numberCheck("a number above 1", [](double value) { return value > 1 && value < 1e300; }));
  number("--loss-scale-window", scaling.window, "steps without overflow until it grows [steps]", group)
      ->check(aboveZero());
  real("--min-loss-scale", scaling.least, "the least [1]", group, aboveZero());
  number("--loss-scale-hysteresis", scaling.hysteresis, "overflows until it shrinks [steps]", group)
      ->check(aboveZero());
  app.add_flag("--consecutive-hysteresis", scaling.consecutive,
               "every step without overflow renews the hysteresis (default: when the scale grows)")
      ->group(group);

  group = "Evaluation";
  file("--eval", options.eval, "data that is not trained on (default: none)", group)->type_name("FILE");
  number("--eval-every", options.evalEvery, "steps between evaluations [steps]", group)->check(aboveZero());
  number("--eval-batches", options.evalBatches, "batches of an evaluation [batches]", group)->check(aboveZero());

  group = "Output";
  file("--log", options.log, "a JSON line for each step and evaluation (default: none)", group)
      ->type_name("FILE.jsonl");
  file("--save", options.save, "the parameters after the last step (default: none)", group)
      ->type_name("FILE.safetensors");
  number("--report-every", options.reportEvery,
         "steps between progress lines where there is no terminal [steps], 0: "
         "about 20 lines",
         group)
      ->check(atLeastZero());
  file("--profile", options.profile,
       "print how long kernels and library calls take, and write a Chrome trace (default: none)", group)
      ->type_name("FILE.json");
  number("--profile-steps", options.profileSteps, "steps that are profiled, from the second one on [steps]", group)
      ->check(numberCheck("a number from 1 to 1000", [](double value) { return value >= 1 && value <= 1000; }));
  app.add_flag("--quiet", options.quiet, "no progress on the terminal (default: shown)")->group(group);
  app.add_flag("--plan", options.plan, "print what is inside this executable and stop")->group(group);

  group = "Machine";
  app.add_option("--threads", options.device.threads,
                 "threads of a rank [threads], 0: OMP_NUM_THREADS or its share of the processors")
      ->group(group)
      ->type_name("N")
      ->capture_default_str()
      ->check(numberCheck("a number from 0 to 1024", [](double value) { return value >= 0 && value <= 1024; }));
  app.add_flag("--memory", options.memory, "say after the first step how much memory is in use, also in the log")
      ->group(group);
  if (onDevice) {
    app.add_flag(
           "--no-tuning", [&](int64_t) { options.device.tuning = false; },
           "take each product's first algorithm instead of the fastest (default: timed once and remembered)")
        ->group(group);
    app.add_flag(
           "--no-graphs", [&](int64_t) { options.device.graphs = false; },
           "run calls one by one and wait for each, so that a fault names its call (default: replayed as graphs)")
        ->group(group);
  }
  app.add_flag("--allow-nonfinite", options.allowNonFinite,
               "go on when the loss is infinite or not a number (default: stop, exit code 1)")
      ->group(group);

  group = "Ranks";
  app.add_option(
         "--nproc", options.nproc,
         "start so many ranks on this machine [ranks] (default: none; torchrun, mpirun and srun start them too)")
      ->group(group)
      ->type_name("N")
      ->check(numberCheck("a number from 1 to 4096", [](double value) { return value >= 1 && value <= 4096; }));
  real("--timeout", options.timeout, "within which the job ends once a rank is stopped or hangs [s]", group,
       numberCheck("a number from 0.5 to 1000000", [](double value) { return value >= 0.5 && value <= 1e6; }));

  group = "Verification (used by weft verify)";
  file("--replay", options.replay, "one batch for every step instead of --data: tensors x, y, or inputs by name", group)
      ->type_name("FILE.safetensors");
  app.add_option_function<uint64_t>(
         "--stream-order", [&options](uint64_t seed) { options.device.streamOrder = seed; },
         "run the streams of tasks in random orders that their events allow, by this seed (default: the program's)")
      ->group(group)
      ->type_name("SEED");
  file("--record", options.record,
       "write curve, grad_norm, logits and loss before the first step, grad/NAME, param/NAME", group)
      ->type_name("FILE.safetensors");
}

/// The message for an argument that no option takes.
static std::string describeExtra(const CLI::App &app) {
  std::vector<std::string> extras = app.remaining();
  auto option = std::find_if(extras.begin(), extras.end(), [](const std::string &text) { return text[0] == '-'; });
  if (option == extras.end())
    return "'" + extras.front() + "' belongs to no option; did you mean '--data " + extras.front() + "'?";
  std::string name = option->substr(0, option->find('='));
  std::vector<std::string> names;
  for (const CLI::Option *known : app.get_options())
    names.push_back("--" + known->get_single_name());
  std::string nearest = nearestName(name, names);
  return "unknown option '" + name + "'" + (nearest.empty() ? "; see --help" : "; did you mean '" + nearest + "'?");
}

std::optional<Options> weft::rt::parseOptions(int argc, const char *const *argv, const Manifest &manifest,
                                              std::string &help) {
  Options options;
  options.seed = manifest.seed;
  CLI::App app("Trains " + manifest.model + (manifest.optimizer.empty() ? "" : " with " + manifest.optimizer) + ": " +
                   std::to_string(manifest.batch) + " samples a step in " + std::to_string(manifest.microbatches) +
                   " micro-batch" + (manifest.microbatches == 1 ? "" : "es") + ".",
               argc > 0 ? argv[0] : "train");
  app.option_defaults()->always_capture_default(false);
  app.set_help_flag("-h,--help", "this text")->group("Help");
  app.footer("Exit codes: 0 done, 1 the input is at fault, 2 the command line is at fault, 3 an internal fault.");
  app.get_formatter()->column_width(34);
  if (!manifest.clipping)
    options.clip = 0;
  declareOptions(app, options, manifest.onDevice());
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp &) {
    help = app.help();
    return std::nullopt;
  } catch (const CLI::ExtrasError &) {
    throw UsageError(describeExtra(app));
  } catch (const CLI::ParseError &error) {
    throw UsageError(error.what());
  }
  if (!manifest.clipping && options.clip > 0)
    throw UsageError("--clip: this executable was compiled with --clipping off: it updates each parameter before the "
                     "norm of all gradients is known");
  options.givenBeta1 = app.count("--beta1") > 0;
  options.givenMomentum = app.count("--momentum") > 0;
  for (const char *name : {"--loss-scale", "--static-loss-scale", "--loss-scale-factor", "--loss-scale-window",
                           "--min-loss-scale", "--loss-scale-hysteresis", "--consecutive-hysteresis"})
    if (app.count(name) > 0)
      options.givenScaling = name;
  if (options.lossScaling.fixed && app.count("--loss-scale") > 0)
    throw UsageError("--loss-scale and --static-loss-scale exclude each other");
  if (options.plan)
    return options;
  if (options.data.empty() && options.replay.empty())
    throw UsageError("--data is missing: give token files (weft data pack FILE -o TOKENS)");
  if (!options.data.empty() && !options.replay.empty())
    throw UsageError("--data and --replay exclude each other");
  if (options.device.streamOrder && !options.profile.empty())
    throw UsageError("--profile and --stream-order exclude each other: a profile is of the program's order");
  if (options.minLearningRate > options.learningRate)
    throw UsageError("--min-lr is larger than --lr");
  return options;
}
