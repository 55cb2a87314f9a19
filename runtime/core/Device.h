//===- Device.h - What runs the tasks and holds the arena -------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Everything but the devices themselves reaches the arena through this page.
// Which device an executable has is decided when it is linked: its library
// defines weft_device_library. docs/runtime.md says what each side may rely on.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_CORE_DEVICE_H
#define WEFT_CORE_DEVICE_H

#include "core/ArenaMemory.h"
#include "core/Manifest.h"
#include "weft/runtime.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace weft::rt {

class Profile;
class Ranks;
struct ProfileMachine;

/// Names of parts of a start and their seconds, in order.
using StartParts = std::vector<std::pair<std::string, double>>;

/// What a step says about itself.
struct StepMetrics {
  double lossSum = 0, lossCount = 0, gradNorm = 0, learningRate = 0;
  /// After the step; 0 where the loss is not scaled.
  double lossScale = 0;

  double loss() const { return lossSum / lossCount; }
};

/// Memory of the device that is in use.
struct MemoryUse {
  /// Of the arena, and of all.
  int64_t arena = 0, total = 0;
  /// What the rest is, for people.
  std::string details;
};

/// One rank's device: the arena, and the tasks on it. Calls are made by one thread. A task may still be running when
/// runTask returns; whatever is asked about the arena waits for it. All calls may throw InputError (the device does not
/// have what is needed) and InternalError.
class Device : public ArenaMemory {
public:
  /// Gives every memory from which inputs come into the arena the values that are the same in every micro-batch.
  virtual void prepareInputs(FunctionRef<void(const InputMemory &)> fill) = 0;

  /// Makes what `fill` writes the inputs of the tasks that are run from now on. Tasks that run already keep theirs.
  virtual void loadInputs(FunctionRef<void(const InputMemory &)> fill) = 0;

  /// Runs a task by its index in the manifest, after all tasks before it.
  virtual void runTask(int task) = 0;

  /// The first failure of a call of the C API: the call, its entry and what was wrong. Null where there is none.
  virtual const char *error() const = 0;

  /// Waits for all tasks.
  virtual void synchronize() = 0;

  /// How many steps may be begun before the metrics of the first are taken: 1 where tasks have ended when runTask
  /// returns.
  virtual int stepsInFlight() const = 0;

  /// Notes the metrics that the tasks so far leave; takeMetrics waits for the oldest noted and not taken.
  virtual void noteMetrics() = 0;
  virtual StepMetrics takeMetrics() = 0;

  /// Calls of the tasks that are run from now on are recorded there; null: nowhere. Not owned.
  virtual void setProfile(Profile *profile) = 0;

  /// Measures what this device does at best, for a profile. Leaves the arena as it is.
  virtual ProfileMachine measure() = 0;

  /// Now; waits for nothing.
  virtual MemoryUse memoryUse() = 0;

  /// What it is, for people: "2 threads", "NVIDIA H200".
  virtual std::string describe() const = 0;

  /// How it was prepared, for people: lines, or nothing.
  virtual std::string report() const = 0;

  /// What preparing it waited for, one part after another [s].
  virtual StartParts startParts() const { return {}; }
};

/// What a device is opened with.
struct DeviceOptions {
  /// 0: defaultThreads, or fewer where a library call needs it.
  int threads = 0, defaultThreads = 1;
  /// Replay tasks as graphs; time the algorithms of library calls. For devices that have them.
  bool graphs = true, tuning = true;
  /// Run the streams of tasks in orders that this number decides, among those that their events allow. For devices that
  /// run them one after another anyway.
  std::optional<uint64_t> streamOrder;
  /// For machines with several devices: which process on this machine this is, of how many (0: not known), and whether
  /// the launcher may have given it devices of its own.
  int64_t localRank = 0, localWorld = 1;
  bool bound = false;
};

/// The two parts of `--plan` that only a device knows; lines.
struct DevicePlan {
  std::string memory, calls;
};

/// The devices of one target.
class DeviceLibrary {
public:
  virtual ~DeviceLibrary();

  /// The manifest's `target` that it runs.
  virtual const char *target() const = 0;

  /// Prepares all library calls, and gives the arena: zeros. The manifest, the tasks and the ranks outlive the device.
  /// Throws InputError and InternalError.
  virtual std::unique_ptr<Device> open(const Manifest &manifest, const weft_task_fn *tasks, Ranks &ranks,
                                       const DeviceOptions &options) const = 0;

  /// The libraries, with their versions, that have to be the same on all ranks of this executable: what they talk by,
  /// and what computes values that all ranks have alike. "" where any will do.
  virtual std::string sharedLibraries() const { return ""; }

  /// Does not need the device itself.
  virtual DevicePlan describePlan(const Manifest &manifest, const DeviceOptions &options) const = 0;
};

} // namespace weft::rt

/// The library that this executable is linked with; never null.
extern "C" const weft::rt::DeviceLibrary *weft_device_library();

#endif // WEFT_CORE_DEVICE_H
