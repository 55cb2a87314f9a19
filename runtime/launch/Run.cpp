//===- Run.cpp - Runs an executable in a process or a test ----------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "launch/Run.h"

#include "core/CpuFeatures.h"
#include "core/Error.h"
#include "core/Random.h"
#include "core/Text.h"
#include "launch/Environment.h"
#include "launch/Spawn.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <omp.h>
#include <thread>
#include <unistd.h>

using namespace weft::rt;

static int report(const std::string &message, int64_t code) {
  fprintf(stderr, "error: %s\n", message.c_str());
  if (code == kInternalFault)
    fprintf(stderr, "note: this is a fault of Weft, not of your input; please report it with the output of --plan\n");
  return static_cast<int>(code);
}

/// The reason that this process cannot be a rank of the mesh, or "".
static std::string checkWorld(const Manifest &manifest, const std::optional<LaunchInfo> &launch) {
  int64_t world = manifest.mesh.size();
  std::string compiled = "this executable is for " + std::to_string(world) + (world == 1 ? " rank" : " ranks") +
                         (world == 1 ? "" : " (" + manifest.mesh.describe() + ")");
  std::string hint = "; start " + std::to_string(world) + ", or compile for another mesh";
  if (launch && launch->world != world)
    return compiled + " and was started as " + std::to_string(launch->world) + " by " + launch->launcher + hint;
  if (!launch && world > 1)
    return compiled + "; start it with --nproc " + std::to_string(world) + ", or by torchrun, mpirun or srun";
  return "";
}

/// Starts the ranks that `--nproc` asks for. Where RANK and WORLD_SIZE say nothing of processes on a machine, they
/// number machines, as pods of a PyTorchJob: each of them runs so many.
static int spawn(const Manifest &manifest, const Options &options, const std::optional<LaunchInfo> &started,
                 const char *const *argv) {
  bool isPod = started && started->launcher == "torchrun" && started->localRank < 0 && started->localWorld == 0;
  int64_t machines = isPod ? started->world : 1, machine = isPod ? started->rank : 0;
  LaunchInfo launch;
  launch.world = machines * options.nproc;
  launch.launcher = machines == 1 ? "--nproc" : format("--nproc on %lld machines", static_cast<long long>(machines));
  std::string fault = checkWorld(manifest, launch);
  if (!fault.empty())
    throw UsageError(fault);
  // Ranks that find a fault themselves have time to say so.
  return spawnRanks({options.nproc, machine * options.nproc, launch.world}, argv,
                    std::clamp(options.timeout, 2.0, 10.0));
}

/// What only rank 0 does; a trace is every rank's own, `step.rank1.json` for `step.json`.
static void silence(Options &options, int64_t rank) {
  options.quiet = true;
  options.log.clear();
  if (options.profile.empty())
    return;
  size_t name = options.profile.rfind('/') + 1, dot = options.profile.rfind('.');
  size_t at = dot == std::string::npos || dot <= name ? options.profile.size() : dot;
  options.profile.insert(at, ".rank" + std::to_string(rank));
}

namespace {

/// Runs one rank and keeps what is needed to say why it failed.
class Rank {
public:
  /// The rank, as far as it is known.
  int64_t number = 0;

  int run(const Program &program, const Manifest &manifest, Options &options, const std::optional<LaunchInfo> &launch,
          const DeviceLibrary &library) {
    std::string fault = checkWorld(manifest, launch);
    if (!fault.empty())
      throw UsageError(fault);
    if (number != 0)
      silence(options, number);
    DeviceOptions device = options.device;
    device.defaultThreads = defaultThreads(launch);
    if (launch) {
      device.localRank = std::max<int64_t>(launch->localRank, 0);
      device.localWorld = launch->localWorld;
      device.bound = launch->launcher != "--nproc" && launch->launcher != "torchrun";
    }
    if (manifest.mesh.size() == 1) {
      ranks = std::make_unique<Ranks>(manifest);
    } else {
      uint64_t hash = hashName(std::string(program.manifest, program.manifestBytes));
      ranks = std::make_unique<Ranks>(manifest, hash, hashName(options.shared()), *launch, options.timeout,
                                      program.transport, library.sharedLibraries());
      ranks->onUnnoticed([rank = number](const JobFault &fault) {
        // This rank is deep in something that does not end: it can only be left.
        if (fault.printer == rank)
          report(fault.text, fault.code);
        _exit(static_cast<int>(fault.code));
      });
    }
    train(program, manifest, options, *ranks, library, device);
    return kDone;
  }

  /// The exit code, after one rank of the job has printed why.
  int failed(int64_t code, const std::string &text) {
    JobFault fault = ranks ? ranks->fail(code, text) : JobFault{code, soloPrinter(code), text};
    return failed(fault);
  }
  int failed(const JobFault &fault) {
    if (fault.printer == number)
      report(fault.text, fault.code);
    else if (!ranks)
      // mpirun and srun end all ranks when the first one ends, and the one that says why may be the last to start.
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
    return static_cast<int>(fault.code);
  }

private:
  /// Before the ranks are connected: usage is the same everywhere, what else fails is this rank's own.
  int64_t soloPrinter(int64_t code) const { return code == kUsage ? 0 : number; }

  std::unique_ptr<Ranks> ranks;
};

} // namespace

int weft::rt::runProgram(const Program &program, int argc, const char *const *argv) noexcept {
  // Outlives the rank, which looks up names in it until it has said why it failed.
  Manifest manifest;
  Rank rank;
  try {
    const DeviceLibrary &library = program.device ? *program.device : *weft_device_library();
    manifest = Manifest::parse(program.manifest, program.manifestBytes, library.target());
    std::optional<LaunchInfo> launch = launchFromEnvironment();
    rank.number = launch ? launch->rank : 0;
    std::string help;
    std::optional<Options> options = parseOptions(argc, argv, manifest, help);
    if (!options) {
      fputs(help.c_str(), stdout);
      return kDone;
    }
    std::string remark = checkCpuFeatures(manifest.cpuFeatures, manifest.cpu);
    if (!remark.empty())
      fprintf(stderr, "note: %s\n", remark.c_str());
    if (options->plan) {
      options->device.defaultThreads = omp_get_max_threads();
      fputs(printPlan(manifest, library.describePlan(manifest, options->device)).c_str(), stdout);
      return kDone;
    }
    if (options->nproc > 0 && !getenv("WEFT_LAUNCHED"))
      return spawn(manifest, *options, launch, argv);
    return rank.run(program, manifest, *options, launch, library);
  } catch (const FaultError &error) {
    return rank.failed(error.fault);
  } catch (const UsageError &error) {
    return rank.failed(kUsage, error.what());
  } catch (const InputError &error) {
    return rank.failed(kInputFault, error.what());
  } catch (const std::bad_alloc &) {
    return rank.failed(kInputFault, "this machine has too little memory");
  } catch (const std::exception &error) {
    return rank.failed(kInternalFault, error.what());
  }
}
