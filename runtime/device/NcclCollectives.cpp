//===- NcclCollectives.cpp - Collectives by NCCL --------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "comm/Ranks.h"
#include "core/Error.h"
#include "core/Text.h"
#include "device/Cuda.h"
#include "device/DeviceCollectives.h"
#include "device/Kernels.h"
#include "weft/device_collective.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <nccl.h>
#include <thread>

using namespace weft;
using namespace weft::rt;

namespace {

/// A failure in the library's own words.
std::string wordsOf(ncclResult_t status, ncclComm_t communicator) {
  const char *last = ncclGetLastError(communicator);
  std::string text = ncclGetErrorString(status);
  return last && *last ? text + ": " + last : text;
}

void checkNccl(ncclResult_t status, const char *call) {
  if (status != ncclSuccess)
    throw InternalError(std::string(call) + ": " + wordsOf(status, nullptr));
}

ncclDataType_t typeOf(DType dtype) {
  switch (dtype) {
  case DType::F32:
    return ncclFloat32;
  case DType::F64:
    return ncclFloat64;
  case DType::F16:
    return ncclFloat16;
  case DType::BF16:
    return ncclBfloat16;
  case DType::I64:
    return ncclInt64;
  case DType::I32:
    return ncclInt32;
  default:
    // What is only moved, is moved as bytes; the manifest reduces nothing else.
    return ncclUint8;
  }
}

ncclRedOp_t operationOf(ReduceOperation reduce) {
  switch (reduce) {
  case ReduceOperation::Sum:
    return ncclSum;
  case ReduceOperation::Max:
    return ncclMax;
  case ReduceOperation::Min:
    return ncclMin;
  case ReduceOperation::Product:
    return ncclProd;
  }
  return ncclSum;
}

/// One collective of the manifest: where its members move, in which rounds.
struct PreparedCollective {
  CollectiveDesc desc;
  ncclComm_t communicator = nullptr; ///< null: this rank alone
  int64_t ranks = 1;
  ncclDataType_t type = ncclUint8;
  int64_t unit = 1; ///< elements of `type` in an element
  ncclRedOp_t operation = ncclSum;
  std::vector<DeviceMove> moves;
  std::vector<DeviceRound> rounds;
};

/// The addresses of one call.
struct Addresses {
  const void *const *inputs;
  void *const *outputs;
  char *scratch;

  const char *in(size_t member) const { return static_cast<const char *>(inputs[member]); }
  char *out(size_t member) const { return static_cast<char *>(outputs[member]); }
};

class NcclCollectives final : public DeviceCollectives {
public:
  NcclCollectives(const Manifest &manifest, Ranks &ranks);
  ~NcclCollectives() override;

  const char *run(int64_t index, const void *const *inputs, void *const *outputs, void *scratch,
                  cudaStream_t stream) noexcept override;
  std::string fault() override;
  void abort() noexcept override;
  int64_t communicators() const override { return static_cast<int64_t>(owned.size()); }

private:
  void connectWorld();
  ncclComm_t communicatorOver(const std::vector<int> &axes);
  void prepare(const CollectiveInfo &info);

  void check(ncclResult_t status) {
    if (first == ncclSuccess)
      first = status;
  }
  void moveDirect(const PreparedCollective &call, size_t member, const Addresses &at, cudaStream_t stream);
  void movePart(const PreparedCollective &call, const DevicePart &part, const Addresses &at, cudaStream_t stream);
  cudaError_t pack(const PreparedCollective &call, const DevicePart &part, const Addresses &at, cudaStream_t stream);
  cudaError_t unpack(const PreparedCollective &call, const DevicePart &part, const Addresses &at, cudaStream_t stream);
  void moveBlocks(const PreparedCollective &call, const char *from, int64_t fromStride, char *to, int64_t toStride,
                  int64_t count, cudaStream_t stream);

  const Manifest &manifest;
  Ranks &ranks;
  ncclComm_t world = nullptr;
  /// All communicators, the world's first, and those of lists of axes.
  std::vector<ncclComm_t> owned;
  std::map<std::vector<int>, ncclComm_t> byAxes;
  std::vector<PreparedCollective> calls;
  /// The first failure of a call under way.
  ncclResult_t first = ncclSuccess;
  std::string message;
  bool aborted = false;
};

} // namespace

NcclCollectives::NcclCollectives(const Manifest &manifest, Ranks &ranks) : manifest(manifest), ranks(ranks) {
  // Graphs that share a communicator are launched one after another here, and calls outside of graphs do not mix with
  // them: the library need not order them itself.
  setenv("NCCL_GRAPH_MIXING_SUPPORT", "0", /*overwrite=*/0);
  connectWorld();
  for (const CollectiveInfo &info : manifest.collectives)
    prepare(info);
}

NcclCollectives::~NcclCollectives() {
  if (aborted)
    return;
  // Children before what they share resources with.
  for (auto communicator = owned.rbegin(); communicator != owned.rend(); ++communicator)
    (void)ncclCommDestroy(*communicator);
}

/// Communicators share the resources of the world's: collectives are totally ordered, so no two need them at a time.
static ncclConfig_t makeConfig() {
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 1;
  config.splitShare = 1;
  return config;
}

void NcclCollectives::connectWorld() {
  ncclUniqueId id;
  if (ranks.rank() == 0) {
    checkNccl(ncclGetUniqueId(&id), "ncclGetUniqueId");
    ranks.store().set("nccl/id", std::string(id.internal, sizeof(id.internal)));
  } else {
    std::string bytes = ranks.store().get("nccl/id");
    if (bytes.size() != sizeof(id.internal))
      throw InternalError("rank 0 sent no identifier of NCCL's");
    memcpy(id.internal, bytes.data(), sizeof(id.internal));
  }
  ncclConfig_t config = makeConfig();
  ncclResult_t status =
      ncclCommInitRankConfig(&world, static_cast<int>(ranks.world()), id, static_cast<int>(ranks.rank()), &config);
  ranks.check();
  if (status == ncclInvalidUsage)
    throw InputError("NCCL cannot connect the GPUs: " + wordsOf(status, nullptr) +
                     "; each rank needs a GPU of its own (NCCL_DEBUG=WARN says more)");
  checkNccl(status, "ncclCommInitRankConfig");
  owned.push_back(world);
}

/// A communicator in which a rank's number is its place along `axes`. All ranks ask for the same in the same order.
ncclComm_t NcclCollectives::communicatorOver(const std::vector<int> &axes) {
  if (auto known = byAxes.find(axes); known != byAxes.end())
    return known->second;
  std::vector<int64_t> group = manifest.mesh.groupOf(ranks.rank(), axes);
  ncclComm_t communicator = nullptr;
  if (static_cast<int64_t>(group.size()) == ranks.world() && std::is_sorted(group.begin(), group.end())) {
    communicator = world;
  } else if (group.size() > 1) {
    int color = static_cast<int>(*std::min_element(group.begin(), group.end()));
    int key = static_cast<int>(std::find(group.begin(), group.end(), ranks.rank()) - group.begin());
    ncclConfig_t config = makeConfig();
    checkNccl(ncclCommSplit(world, color, key, &communicator, &config), "ncclCommSplit");
    owned.push_back(communicator);
  }
  byAxes[axes] = communicator;
  return communicator;
}

void NcclCollectives::prepare(const CollectiveInfo &info) {
  PreparedCollective call;
  call.desc = info;
  call.communicator = communicatorOver(info.axes);
  for (int axis : info.axes)
    call.ranks *= manifest.mesh.axes[axis].size;
  call.type = typeOf(info.dtype);
  call.unit = call.type == ncclUint8 ? info.elementBytes : 1;
  call.operation = operationOf(info.reduce);
  for (const CollectiveMember &member : info.members)
    call.moves.push_back(deviceMoveOf(info, member));
  int64_t scratch = 0;
  call.rounds = planDeviceRounds(info, call.ranks, scratch);
  calls.push_back(std::move(call));
}

/// Sends `count` elements to each rank and receives as many from each, blocks lying `fromStride` and `toStride` bytes
/// apart.
void NcclCollectives::moveBlocks(const PreparedCollective &call, const char *from, int64_t fromStride, char *to,
                                 int64_t toStride, int64_t count, cudaStream_t stream) {
  for (int64_t peer = 0; peer < call.ranks; ++peer) {
    check(ncclSend(from + peer * fromStride, count * call.unit, call.type, static_cast<int>(peer), call.communicator,
                   stream));
    check(ncclRecv(to + peer * toStride, count * call.unit, call.type, static_cast<int>(peer), call.communicator,
                   stream));
  }
}

/// Each dense piece from and to its place.
void NcclCollectives::moveDirect(const PreparedCollective &call, size_t member, const Addresses &at,
                                 cudaStream_t stream) {
  const DeviceMove &move = call.moves[member];
  const CollectiveMember &sizes = call.desc.members[member];
  const char *in = at.in(member);
  char *out = at.out(member);
  size_t count = static_cast<size_t>(move.pieceElements * call.unit);
  int64_t bytes = move.pieceElements * call.desc.elementBytes;
  for (int64_t piece = 0; piece < move.pieces; ++piece)
    switch (call.desc.kind) {
    case CollectiveKind::AllReduce:
      check(ncclAllReduce(in, out, count, call.type, call.operation, call.communicator, stream));
      break;
    case CollectiveKind::AllGather:
      check(ncclAllGather(in + piece * bytes, out + piece * call.ranks * bytes, count, call.type, call.communicator,
                          stream));
      break;
    case CollectiveKind::ReduceScatter:
      check(ncclReduceScatter(in + piece * call.ranks * bytes, out + piece * bytes, count, call.type, call.operation,
                              call.communicator, stream));
      break;
    case CollectiveKind::AllToAll: {
      // [outer, n, middle, inner] to [outer, middle, n, inner].
      int64_t outer = piece / sizes.middle, middle = piece % sizes.middle;
      moveBlocks(call, in + (outer * call.ranks * sizes.middle + middle) * bytes, sizes.middle * bytes,
                 out + piece * call.ranks * bytes, bytes, move.pieceElements, stream);
      break;
    }
    }
}

/// Rows of [n, row] become n blocks of rows in scratch memory.
cudaError_t NcclCollectives::pack(const PreparedCollective &call, const DevicePart &part, const Addresses &at,
                                  cudaStream_t stream) {
  const DeviceMove &move = call.moves[part.member];
  int64_t row = move.rowElements * call.desc.elementBytes;
  return launchSwapRows(at.in(part.member) + part.firstRow * call.ranks * row, at.scratch + part.offset, part.rows,
                        call.ranks, row, stream);
}

/// The place of the blocks that a part receives into scratch memory.
static char *receivedAt(const PreparedCollective &call, const DevicePart &part, char *scratch) {
  const DeviceMove &move = call.moves[part.member];
  int64_t bytes = part.rows * call.ranks * move.rowElements * call.desc.elementBytes;
  return scratch + part.offset + (move.packs ? bytes : 0);
}

/// And n blocks of rows become rows of [n, row]; of an all-to-all, rows of [middle, n, inner].
cudaError_t NcclCollectives::unpack(const PreparedCollective &call, const DevicePart &part, const Addresses &at,
                                    cudaStream_t stream) {
  const DeviceMove &move = call.moves[part.member];
  const CollectiveMember &sizes = call.desc.members[part.member];
  int64_t row = move.rowElements * call.desc.elementBytes, count = part.rows, width = row;
  if (call.desc.kind == CollectiveKind::AllToAll && sizes.outer > 1) {
    count *= sizes.middle;
    width /= sizes.middle;
  }
  return launchSwapRows(receivedAt(call, part, at.scratch), at.out(part.member) + part.firstRow * call.ranks * row,
                        call.ranks, count, width, stream);
}

/// What lies packed in scratch memory, or is dense at its place, to where the other side has it dense.
void NcclCollectives::movePart(const PreparedCollective &call, const DevicePart &part, const Addresses &at,
                               cudaStream_t stream) {
  const DeviceMove &move = call.moves[part.member];
  int64_t row = move.rowElements * call.desc.elementBytes, elements = part.rows * move.rowElements;
  size_t count = static_cast<size_t>(elements * call.unit);
  char *packed = at.scratch + part.offset, *received = receivedAt(call, part, at.scratch);
  switch (call.desc.kind) {
  case CollectiveKind::AllReduce:
    break; // is always dense
  case CollectiveKind::AllGather:
    check(
        ncclAllGather(at.in(part.member) + part.firstRow * row, received, count, call.type, call.communicator, stream));
    break;
  case CollectiveKind::ReduceScatter:
    check(ncclReduceScatter(packed, at.out(part.member) + part.firstRow * row, count, call.type, call.operation,
                            call.communicator, stream));
    break;
  case CollectiveKind::AllToAll: {
    // With one outer block, what goes to a rank is dense already, all its rows.
    const char *from = move.packs ? packed : at.in(part.member) + part.firstRow * row;
    int64_t stride = (move.packs ? part.rows : move.rows) * row;
    moveBlocks(call, from, stride, received, part.rows * row, elements, stream);
    break;
  }
  }
}

const char *NcclCollectives::run(int64_t index, const void *const *inputs, void *const *outputs, void *scratch,
                                 cudaStream_t stream) noexcept {
  const PreparedCollective &call = calls[static_cast<size_t>(index)];
  Addresses at{inputs, outputs, static_cast<char *>(scratch)};
  first = ncclSuccess;
  cudaError_t status = cudaSuccess;
  auto launch = [&](cudaError_t next) { status = status == cudaSuccess ? next : status; };
  if (call.ranks == 1) {
    for (size_t member = 0; member < call.moves.size(); ++member) {
      const DeviceMove &move = call.moves[member];
      if (at.in(member) != at.out(member))
        launch(cudaMemcpyAsync(at.out(member), at.in(member), move.pieces * move.pieceElements * call.desc.elementBytes,
                               cudaMemcpyDeviceToDevice, stream));
    }
    return status == cudaSuccess ? nullptr : cudaGetErrorString(status);
  }
  for (size_t round = 0; round < call.rounds.size(); ++round) {
    const DeviceRound &parts = call.rounds[round];
    for (const DevicePart &part : parts)
      if (call.moves[part.member].packs)
        launch(pack(call, part, at, stream));
    check(ncclGroupStart());
    for (size_t member = 0; round == 0 && member < call.moves.size(); ++member)
      if (call.moves[member].direct)
        moveDirect(call, member, at, stream);
    for (const DevicePart &part : parts)
      movePart(call, part, at, stream);
    check(ncclGroupEnd());
    for (const DevicePart &part : parts)
      if (call.moves[part.member].unpacks)
        launch(unpack(call, part, at, stream));
  }
  if (first != ncclSuccess) {
    message = wordsOf(first, call.communicator);
    return message.c_str();
  }
  return status == cudaSuccess ? nullptr : cudaGetErrorString(status);
}

std::string NcclCollectives::fault() {
  for (ncclComm_t communicator : owned) {
    ncclResult_t state = ncclSuccess;
    ncclResult_t asked = ncclCommGetAsyncError(communicator, &state);
    if (asked != ncclSuccess)
      return wordsOf(asked, communicator);
    if (state != ncclSuccess && state != ncclInProgress)
      return wordsOf(state, communicator);
  }
  return "";
}

void NcclCollectives::abort() noexcept {
  aborted = true;
  // Each waits for its graphs, and the kernels of others may have to end before these can be destroyed.
  std::vector<std::thread> threads;
  for (ncclComm_t communicator : owned)
    threads.emplace_back([communicator] { (void)ncclCommAbort(communicator); });
  for (std::thread &thread : threads)
    thread.join();
}

DeviceCollectives *weft_nccl_collectives(const Manifest &manifest, Ranks &ranks) {
  return new NcclCollectives(manifest, ranks);
}

const char *weft_nccl_version() {
  static const std::string text = [] {
    int version = 0;
    if (ncclGetVersion(&version) != ncclSuccess)
      return std::string("NCCL of an unknown version");
    // From 2.9 on two digits each.
    return format("NCCL %d.%d.%d", version / 10000, version / 100 % 100, version % 100);
  }();
  return text.c_str();
}
