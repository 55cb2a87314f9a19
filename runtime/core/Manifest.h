//===- Manifest.h - The manifest as data ------------------------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// docs/executable.md is the specification of every field.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_CORE_MANIFEST_H
#define WEFT_CORE_MANIFEST_H

#include "core/DType.h"
#include "core/DeviceProgram.h"
#include "core/Mesh.h"
#include "kernels/Attention.h"
#include "kernels/TopK.h"
#include "weft/collective.h"
#include "weft/convolution.h"
#include "weft/matmul.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace weft::rt {

/// A tensor in the arena: the part of it that one rank holds.
struct TensorInfo {
  std::string name;
  DType dtype = DType::F32;
  /// Of the whole tensor, and of what one rank holds.
  std::vector<int64_t> shape, localShape;
  /// Under which files have it, where that is another: a packed weight has a dimension less there. Else empty.
  std::vector<int64_t> savedShape;
  Sharding sharding;
  /// Bytes from the arena's start, and size of what one rank holds.
  int64_t offset = 0, bytes = 0;

  /// Elements that one rank holds, and of the whole tensor.
  int64_t elements() const { return bytes / elementBytes(dtype); }
  int64_t globalElements() const {
    int64_t count = 1;
    for (int64_t size : shape)
      count *= size;
    return count;
  }
  /// The shape under which files have it.
  const std::vector<int64_t> &fileShape() const { return savedShape.empty() ? shape : savedShape; }
  void *in(char *arena) const { return arena + offset; }
};

enum class InputRole { Tokens, Labels, Ones, Zeros, Positions, Field };

/// As the manifest has it: "tokens".
const char *roleName(InputRole role);

struct InputInfo : TensorInfo {
  InputRole role = InputRole::Field;
  /// The tensor of the data that it is read from, where that has another name than the input.
  std::string field;
  /// Ids lie in [0, limit).
  std::optional<int64_t> limit;
  /// An id that is allowed although it does not lie there: positions with this label do not count.
  std::optional<int64_t> ignore;
  /// Where it lies when all inputs lie one after another.
  int64_t packedOffset = 0;

  /// What its values are called in the data.
  const std::string &dataName() const { return field.empty() ? name : field; }
  /// Whether it is the same in every step: the data need not have it.
  bool isConstant() const {
    return role == InputRole::Ones || role == InputRole::Zeros || role == InputRole::Positions;
  }
  /// "ids below 256, or -100, which does not count"; empty without a limit.
  std::string describeIds() const;
};

/// Memory that inputs are written to: the arena itself, or all inputs one after another, for a device to copy them
/// from.
class InputMemory {
public:
  InputMemory(char *arena) : base(arena) {}
  static InputMemory packed(char *buffer) {
    InputMemory memory(buffer);
    memory.isPacked = true;
    return memory;
  }

  char *of(const InputInfo &input) const { return base + (isPacked ? input.packedOffset : input.offset); }

private:
  char *base;
  bool isPacked = false;
};

/// Where a parameter's initial value comes from.
struct ParamSource {
  enum Kind { File, Normal, Constant } kind = Constant;
  std::string file;
  int64_t offset = 0, bytes = 0, fileBytes = 0;
  DType dtype = DType::F32;
  std::vector<int64_t> shape;
  /// Empty: none. `param = transpose(file, perm)`: size i of the parameter is size perm[i] of the file.
  std::vector<int64_t> perm;
  /// Standard deviation, or the constant.
  double value = 0;
};

struct ParamInfo : TensorInfo {
  std::vector<std::string> aliases;
  bool trainable = true, decay = true;
  std::string loc;
  ParamSource source;
};

struct StateInfo : TensorInfo {
  std::string kind, param;
  double init = 0;
  bool checkpoint = true;
};

/// What moves the bytes of a collective: the target's library, or copy engines where ranks reach each other's memory.
enum class Carrier { Library, Copy };

/// An entry of `collectives`.
struct CollectiveInfo : CollectiveDesc {
  Carrier carrier = Carrier::Library;
  /// Indices of mesh axes, the first the major one.
  std::vector<int> axes;
  DType dtype = DType::F32;
  /// Bytes of scratch memory that the plan gives it.
  int64_t scratch = 0;
  std::string what, loc;

  /// "all_reduce of 'h.0.w' over replica, shard".
  std::string describe(const Mesh &mesh) const;
};

/// Its sizes, for people: "2 x 12 heads (12 key/value) of 64, 1024 queries, 1024 keys, causal".
std::string describeAttention(const AttentionDesc &desc);

/// One line of the summary's schedule or kernel table.
struct ScheduleEntry {
  std::string task, op, what;
  double flops = 0, bytes = 0;
  /// The layer, and the part of the step: forward, loss, backward or update.
  std::string loc, region;
  /// The number of a library call in `matmuls` or `attentions`; -1 for everything else.
  int64_t call = -1;
  /// The stream that it runs on.
  int64_t stream = 0;
};

struct Manifest {
  std::string model, target, cpu, optimizer;
  bool clipping = true; ///< whether updates can scale gradients down by their global norm
  std::vector<std::string> cpuFeatures;
  int64_t arenaBytes = 0, persistentBytes = 0;
  /// Host memory counts on behind the arena: the offset arenaBytes is its first byte. States lie in its first part.
  int64_t hostBytes = 0, hostPersistentBytes = 0;
  /// Samples of a step, its micro-batches, tokens of a sample (0 when the data is not tokens).
  int64_t batch = 0, microbatches = 0, tokensPerSample = 0;
  double flopsPerStep = 0;
  /// Whether library calls must give the same bits each time, where an entry does not say.
  bool deterministic = true;
  /// The default of `--seed`: what `weft compile --init random:SEED` said.
  uint64_t seed = 0;
  std::vector<InputInfo> inputs;
  std::vector<ParamInfo> params;
  std::vector<StateInfo> states;
  /// The states whose first values come from a file, as parameters that are not trained: running statistics.
  std::vector<ParamInfo> statistics;
  /// The f32 master weights of narrow parameters: the parameters themselves, with type and place of the states.
  std::vector<ParamInfo> masters;
  std::vector<std::string> tasks;
  std::vector<MatmulDesc> matmuls;
  /// The scratchpad bytes that the plan gives each product.
  std::vector<int64_t> matmulScratch;
  std::vector<AttentionDesc> attentions;
  std::vector<TopKDesc> sorts;
  std::vector<ConvolutionDesc> convolutions;
  /// The scratchpad bytes that the plan gives each convolution.
  std::vector<int64_t> convolutionScratch;
  Mesh mesh;
  /// The letters of the placement, if the compiler says them.
  std::string placement;
  std::vector<CollectiveInfo> collectives;
  /// Streams of the tasks, the computing one first, and events of a task; 1 and 0 where the manifest says nothing.
  int64_t streams = 1, events = 0;
  std::vector<std::string> streamNames = {"compute"};
  std::map<std::string, int64_t> memory;
  std::vector<ScheduleEntry> schedule;
  int64_t kernelCount = 0;
  /// What only a device with code of its own has.
  DeviceProgram deviceCode;

  /// Whether tasks enqueue work on a device, rather than do it.
  bool onDevice() const { return target != "host"; }

  /// Parses and checks `text`, which is for `target`. Throws InternalError naming the field: only the compiler writes
  /// manifests.
  static Manifest parse(const char *text, int64_t bytes, const std::string &target = "host");

  /// What has values of its own outside of the executable, under people's names: parameters, then statistics.
  std::vector<const ParamInfo *> stored() const;
  /// The state or task of that name; null or -1 when there is none.
  const StateInfo *findState(const std::string &name) const;
  int findTask(const std::string &name) const;
  /// Where the rank with these coordinates has its part of `tensor`.
  Box boxOf(const TensorInfo &tensor, const std::vector<int64_t> &coordinates) const {
    return Box::of(tensor.shape, tensor.sharding, mesh, coordinates);
  }
  /// Bytes of all inputs, one after another.
  int64_t packedInputBytes() const;
  /// Samples of one micro-batch, of all ranks together.
  int64_t samplesPerMicrobatch() const { return batch / microbatches; }
};

} // namespace weft::rt

#endif // WEFT_CORE_MANIFEST_H
