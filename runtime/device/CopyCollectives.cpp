//===- CopyCollectives.cpp - Collectives by copy engines ------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "device/CopyCollectives.h"

#include "comm/Ranks.h"
#include "core/Error.h"
#include "core/Text.h"
#include "device/CopyKernels.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <set>
#include <unistd.h>

using namespace weft;
using namespace weft::rt;

/// The operations of one batch that the driver takes.
static constexpr size_t kMostOperations = 256;

namespace {

/// What a rank tells the others of its group: how its memory is reached.
struct Description {
  /// A machine's number since it was started; ranks with the same are on one host.
  char host[64];
  int64_t process, device, arenaBytes;
  uint64_t arena, flags;
  cudaIpcMemHandle_t arenaHandle, flagsHandle;
  /// Whether there are handles.
  int64_t exported;
};

} // namespace

/// The addresses of one call.
struct CopyCollectives::Call {
  const void *const *inputs;
  void *const *outputs;
  char *scratch;
};

static std::string hostName() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string name;
  std::getline(file, name);
  return name;
}

CopyCollectives::CopyCollectives(const Manifest &manifest, Ranks &ranks, char *arena, int64_t bytes)
    : manifest(manifest), ranks(ranks), arena(arena), bytes(bytes), plans(manifest.collectives.size()) {
  auto wanted = [](const CollectiveInfo &info) { return info.carrier == Carrier::Copy; };
  if (std::none_of(manifest.collectives.begin(), manifest.collectives.end(), wanted))
    return;
  checkCuda(cudaGetDevice(&device), "cudaGetDevice");
  publish();
  std::map<std::vector<int>, std::string> known;
  for (size_t i = 0; i < plans.size(); ++i) {
    const CollectiveInfo &info = manifest.collectives[i];
    std::vector<int64_t> group = manifest.mesh.groupOf(ranks.rank(), info.axes);
    int64_t size = static_cast<int64_t>(group.size());
    if (!wanted(info) || !canCopy(info, size))
      continue;
    auto [fault, isNew] = known.try_emplace(info.axes);
    if (isNew)
      fault->second = agree(info.axes, group);
    if (!fault->second.empty()) {
      why = fault->second;
      continue;
    }
    int64_t self = std::find(group.begin(), group.end(), ranks.rank()) - group.begin();
    plans[i] = Prepared{info, info.dtype, planCopies(info, size, self), std::move(group)};
  }
}

CopyCollectives::~CopyCollectives() {
  ended = true;
  if (ending.joinable())
    ending.join();
  for (void *memory : mapped)
    (void)cudaIpcCloseMemHandle(memory);
}

int64_t CopyCollectives::carried() const {
  return std::count_if(plans.begin(), plans.end(), [](const auto &plan) { return plan.has_value(); });
}

//===----------------------------------------------------------------------===//
// Starting
//===----------------------------------------------------------------------===//

/// Makes this rank's flags, and tells the others where its memory is.
void CopyCollectives::publish() {
  int64_t words = kCopyFlags * ranks.world();
  flags = DeviceMemory(words * 4);
  ones = PinnedMemory(words * 4);
  std::fill_n(reinterpret_cast<uint32_t *>(ones.data()), words, 1u);
  int least = 0, greatest = 0;
  checkCuda(cudaDeviceGetStreamPriorityRange(&least, &greatest), "cudaDeviceGetStreamPriorityRange");
  for (Stream *stream : {&side, &last})
    checkCuda(cudaStreamCreateWithPriority(stream->out(), cudaStreamNonBlocking, greatest),
              "cudaStreamCreateWithPriority");
  forked = makeEvent();
  joined = makeEvent();
  // Once with ones: what ends the waits of a job that has failed is then known to work.
  checkCuda(cudaMemcpyAsync(flags.data(), ones.data(), words * 4, cudaMemcpyHostToDevice, last.get()),
            "cudaMemcpyAsync");
  checkCuda(cudaMemsetAsync(flags.data(), 0, words * 4, last.get()), "cudaMemsetAsync");
  checkCuda(cudaStreamSynchronize(last.get()), "cudaStreamSynchronize");
  ranks.store().set("copy/" + std::to_string(ranks.rank()), describeSelf());
}

std::string CopyCollectives::describeSelf() const {
  Description self = {};
  std::string host = hostName();
  std::copy_n(host.begin(), std::min(host.size(), sizeof(self.host) - 1), self.host);
  self.process = getpid();
  self.device = device;
  self.arenaBytes = bytes;
  self.arena = reinterpret_cast<uint64_t>(arena);
  self.flags = reinterpret_cast<uint64_t>(flags.data());
  self.exported = cudaIpcGetMemHandle(&self.arenaHandle, arena) == cudaSuccess &&
                  cudaIpcGetMemHandle(&self.flagsHandle, flags.data()) == cudaSuccess;
  (void)cudaGetLastError();
  return std::string(reinterpret_cast<const char *>(&self), sizeof(self));
}

char *CopyCollectives::map(const cudaIpcMemHandle_t &handle) {
  void *memory = nullptr;
  if (cudaIpcOpenMemHandle(&memory, handle, cudaIpcMemLazyEnablePeerAccess) != cudaSuccess) {
    (void)cudaGetLastError();
    return nullptr;
  }
  mapped.push_back(memory);
  return static_cast<char *>(memory);
}

CopyCollectives::Peer CopyCollectives::open(int64_t rank) {
  Peer peer;
  if (rank == ranks.rank())
    return Peer{arena, reinterpret_cast<uint32_t *>(flags.data()), ""};
  std::string text = ranks.store().get("copy/" + std::to_string(rank));
  Description other;
  if (text.size() != sizeof(other))
    throw InternalError("rank " + std::to_string(rank) + " does not say where its memory is");
  memcpy(&other, text.data(), sizeof(other));
  std::string who = format("rank %lld and rank %lld ", static_cast<long long>(std::min(rank, ranks.rank())),
                           static_cast<long long>(std::max(rank, ranks.rank())));
  std::string host = hostName();
  if (host.empty() || host != other.host) {
    peer.why = who + "are on different hosts";
    return peer;
  }
  // An offset here is an offset there: the manifests are the same, and so are the arenas.
  if (other.arenaBytes != bytes)
    throw InternalError(who + "have arenas of different sizes");
  if (other.process == getpid()) {
    cudaError_t enabled =
        other.device == device ? cudaSuccess : cudaDeviceEnablePeerAccess(static_cast<int>(other.device), 0);
    (void)cudaGetLastError();
    if (enabled == cudaSuccess || enabled == cudaErrorPeerAccessAlreadyEnabled) {
      peer.arena = reinterpret_cast<char *>(other.arena);
      peer.flags = reinterpret_cast<uint32_t *>(other.flags);
    }
  } else if (other.exported) {
    peer.arena = map(other.arenaHandle);
    peer.flags = reinterpret_cast<uint32_t *>(map(other.flagsHandle));
  }
  if (!peer.arena || !peer.flags)
    peer.why = who + "do not reach each other's memory";
  return peer;
}

const CopyCollectives::Peer &CopyCollectives::peer(int64_t rank) {
  auto known = peers.find(rank);
  if (known == peers.end())
    known = peers.emplace(rank, open(rank)).first;
  return known->second;
}

/// Whether streams can write and wait for words; "" if so.
std::string CopyCollectives::tryFlags() {
  if (!batchMemOp) {
    void *found = nullptr;
    cudaDriverEntryPointQueryResult result;
    cudaError_t status =
        cudaGetDriverEntryPointByVersion("cuStreamBatchMemOp", &found, 12000, cudaEnableDefault, &result);
    (void)cudaGetLastError();
    if (status != cudaSuccess || result != cudaDriverEntryPointSuccess)
      return "the driver has no cuStreamBatchMemOp";
    batchMemOp = reinterpret_cast<decltype(batchMemOp)>(found);
  }
  CUstreamBatchMemOpParams operations[3] = {};
  auto word = reinterpret_cast<CUdeviceptr>(flags.data());
  for (auto [i, operation, value] : {std::tuple(0, CU_STREAM_MEM_OP_WRITE_VALUE_32, 1u),
                                     {1, CU_STREAM_MEM_OP_WAIT_VALUE_32, 1u},
                                     {2, CU_STREAM_MEM_OP_WRITE_VALUE_32, 0u}}) {
    operations[i].writeValue.operation = operation;
    operations[i].writeValue.address = word;
    operations[i].writeValue.value = value;
  }
  operations[1].waitValue.flags = CU_STREAM_WAIT_VALUE_EQ;
  bool works =
      batchMemOp(last.get(), 3, operations, 0) == CUDA_SUCCESS && cudaStreamSynchronize(last.get()) == cudaSuccess;
  return works ? "" : "rank " + std::to_string(ranks.rank()) + "'s GPU does not wait for words in memory";
}

/// Opens the memory of the group's ranks. "" if all of them could, else the same of the reasons everywhere.
std::string CopyCollectives::agree(const std::vector<int> &axes, const std::vector<int64_t> &group) {
  std::string mine;
  for (int64_t rank : group)
    if (const Peer &other = peer(rank); mine.empty())
      mine = other.why;
  // Nobody writes to another's flags before all have agreed.
  if (mine.empty())
    mine = tryFlags();
  std::string key = "copy/agree";
  for (int axis : axes)
    key += "/" + manifest.mesh.axes[axis].name;
  ranks.store().set(key + "/" + std::to_string(ranks.rank()), mine.empty() ? "yes" : mine);
  for (int64_t rank : group)
    if (std::string said = ranks.store().get(key + "/" + std::to_string(rank)); said != "yes")
      return said;
  return "";
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

uint32_t *CopyCollectives::flagOf(const Peer &peer, CopyFlag flag, int64_t sender) const {
  return peer.flags + static_cast<int64_t>(flag) * ranks.world() + sender;
}

/// Signals and waits that follow each other on one stream are one batch; `next` becomes the step behind them.
CUresult CopyCollectives::tell(const Prepared &call, size_t &next, cudaStream_t stream) {
  std::vector<CUstreamBatchMemOpParams> operations;
  auto add = [&](CUstreamBatchMemOpType operation, uint32_t *word, uint32_t value, unsigned how) {
    CUstreamBatchMemOpParams one = {};
    one.writeValue.operation = operation;
    one.writeValue.address = reinterpret_cast<CUdeviceptr>(word);
    one.writeValue.value = value;
    one.writeValue.flags = how;
    operations.push_back(one);
  };
  int on = call.plan.steps[next].stream;
  for (; next < call.plan.steps.size() && operations.size() + 2 <= kMostOperations; ++next) {
    const CopyStep &step = call.plan.steps[next];
    if ((step.kind != CopyStep::Signal && step.kind != CopyStep::Await) || step.stream != on)
      break;
    int64_t rank = call.group[step.peer];
    if (step.kind == CopyStep::Signal) {
      add(CU_STREAM_MEM_OP_WRITE_VALUE_32, flagOf(peers.at(rank), step.flag, ranks.rank()), 1,
          CU_STREAM_WRITE_VALUE_DEFAULT);
      continue;
    }
    uint32_t *word = flagOf(peers.at(ranks.rank()), step.flag, rank);
    add(CU_STREAM_MEM_OP_WAIT_VALUE_32, word, 1, CU_STREAM_WAIT_VALUE_EQ);
    add(CU_STREAM_MEM_OP_WRITE_VALUE_32, word, 0, CU_STREAM_WRITE_VALUE_DEFAULT);
  }
  return batchMemOp(stream, static_cast<unsigned>(operations.size()), operations.data(), 0);
}

cudaError_t CopyCollectives::copy(const Prepared &call, const CopyStep &step, const Call &at, cudaStream_t stream) {
  const char *from = static_cast<const char *>(at.inputs[step.member]) + step.box.from;
  // The same place in the other's arena.
  char *here = step.target == CopyTarget::Scratch ? at.scratch : static_cast<char *>(at.outputs[step.member]);
  char *to = peers.at(call.group[step.peer]).arena + (here - arena) + step.box.to;
  const CopyBox &box = step.box;
  if (copiesOfRows(box.rows, box.width) < box.rows)
    return cudaMemcpy2DAsync(to, box.toPitch, from, box.fromPitch, box.width, box.rows, cudaMemcpyDeviceToDevice,
                             stream);
  cudaError_t status = cudaSuccess;
  for (int64_t row = 0; row < box.rows && status == cudaSuccess; ++row)
    status = cudaMemcpyAsync(to + row * box.toPitch, from + row * box.fromPitch, box.width, cudaMemcpyDeviceToDevice,
                             stream);
  return status;
}

cudaError_t CopyCollectives::reduce(const Prepared &call, const CopyStep &step, const Call &at, cudaStream_t stream) {
  PartReduction what;
  what.own = static_cast<const char *>(at.inputs[step.member]) + step.box.from;
  what.others = at.scratch + step.scratch;
  what.out = static_cast<char *>(at.outputs[step.member]) + step.box.to;
  what.rows = step.box.rows;
  what.width = step.box.width / call.desc.elementBytes;
  what.ownPitch = step.box.fromPitch;
  what.outPitch = step.box.toPitch;
  what.stride = call.plan.slotBytes;
  what.ranks = call.plan.ranks;
  what.self = call.plan.self;
  return launchReduceParts(call.dtype, call.desc.reduce, what, stream);
}

const char *CopyCollectives::run(int64_t index, const void *const *inputs, void *const *outputs, void *scratch,
                                 cudaStream_t stream) noexcept {
  const Prepared &call = *plans[static_cast<size_t>(index)];
  Call at{inputs, outputs, static_cast<char *>(scratch)};
  auto inside = [&](const void *address) { return address >= arena && address < arena + bytes; };
  for (size_t member = 0; member < call.desc.members.size(); ++member)
    if (!inside(outputs[member]) || (call.plan.slotBytes > 0 && !inside(scratch)))
      return "a tensor of a collective lies outside of the arena, where other ranks do not find it";
  cudaError_t status = cudaSuccess;
  CUresult told = CUDA_SUCCESS;
  const std::vector<CopyStep> &steps = call.plan.steps;
  for (size_t next = 0; next < steps.size() && status == cudaSuccess && told == CUDA_SUCCESS;) {
    const CopyStep &step = steps[next];
    cudaStream_t on = step.stream ? side.get() : stream;
    if (step.kind == CopyStep::Signal || step.kind == CopyStep::Await) {
      told = tell(call, next, on);
      continue;
    }
    ++next;
    switch (step.kind) {
    case CopyStep::Fork:
      status = cudaEventRecord(forked.get(), stream);
      status = status == cudaSuccess ? cudaStreamWaitEvent(side.get(), forked.get(), 0) : status;
      break;
    case CopyStep::Join:
      status = cudaEventRecord(joined.get(), side.get());
      status = status == cudaSuccess ? cudaStreamWaitEvent(stream, joined.get(), 0) : status;
      break;
    case CopyStep::Copy:
      status = copy(call, step, at, on);
      break;
    default:
      status = reduce(call, step, at, on);
      break;
    }
  }
  if (told != CUDA_SUCCESS) {
    message = "cuStreamBatchMemOp: error " + std::to_string(told);
    return message.c_str();
  }
  return status == cudaSuccess ? nullptr : cudaGetErrorString(status);
}

/// Whoever waits for a word finds it set, again and again, until nothing waits any more.
void CopyCollectives::abort() noexcept {
  if (!flags.data() || ending.joinable())
    return;
  ending = std::thread([this] {
    (void)cudaSetDevice(device);
    while (!ended) {
      (void)cudaMemcpyAsync(flags.data(), ones.data(), kCopyFlags * ranks.world() * 4, cudaMemcpyHostToDevice,
                            last.get());
      (void)cudaStreamSynchronize(last.get());
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  });
}
