//===- Ranks.cpp - This rank among the others -----------------------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "comm/Ranks.h"

#include "comm/Reduce.h"
#include "core/Error.h"
#include "core/Text.h"

#include <algorithm>
#include <cstring>

using namespace weft;
using namespace weft::rt;

/// A group of ranks, its links over the arena, and one link more while a tensor is gathered.
struct Ranks::Connected {
  std::vector<int64_t> ranks;
  std::unique_ptr<Group> group;
  GroupLinks links;
  std::unique_ptr<Link> gathering;
};

/// The slots of the links: two for collectives, one for gathered tensors.
enum Slot : uint64_t { kFirst, kSecond, kGathering };

Ranks::Ranks(const Manifest &manifest) : manifest(manifest), place(manifest.mesh.axes.size(), 0) {}

Ranks::Ranks(const Manifest &manifest, uint64_t hash, uint64_t options, const LaunchInfo &launch, double timeout,
             TransportFactory factory, std::string libraries)
    : manifest(manifest), job{launch.rank, launch.world, hash, options, timeout, std::move(libraries), nullptr},
      place(manifest.mesh.coordinatesOf(launch.rank)) {
  if (job.world == 1)
    return;
  if (!factory)
    throw InternalError("this executable has a mesh of several ranks and no transport; it was linked without "
                        "libweft_comm.a");
  job.describe = [this](int64_t place) { return describe(place); };
  int64_t count = static_cast<int64_t>(manifest.collectives.size());
  for (const std::string &name : manifest.tasks) {
    scheduled.emplace_back();
    for (size_t i = 0; i < manifest.schedule.size(); ++i)
      if (const ScheduleEntry &entry = manifest.schedule[i];
          entry.task == name && entry.op == "collective" && entry.call >= 0 && entry.call < count)
        scheduled.back().push_back(static_cast<int64_t>(i));
  }
  if (job.rank == 0)
    server = std::make_unique<ControlServer>(
        launch.listening >= 0 ? Socket(launch.listening) : listenOn(launch.masterPort), job);
  client = std::make_unique<ControlClient>(launch.masterAddress, launch.masterPort, job);
  onUnnoticed(nullptr);
  try {
    transport.reset(factory(*client, client->localAddress().c_str(), static_cast<int64_t>(job.patience() * 1000)));
  } catch (const FaultError &) {
    throw;
  } catch (const std::exception &error) {
    throw InputError("cannot use the network at " + client->localAddress() + ": " + error.what());
  }
}

Ranks::~Ranks() {
  // Links before their groups, groups before the transport, and that before the store it was made from.
  release();
  transport.reset();
  client.reset();
  server.reset();
}

// What a rank is in, as a number that all ranks understand: an entry of `collectives`; one beyond them, gathering;
// beyond that, an entry of the schedule, which says for whom the collective is.

std::string Ranks::describe(int64_t place) const {
  int64_t count = static_cast<int64_t>(manifest.collectives.size()), entry = place - count - 1;
  if (place >= 0 && place < count)
    return manifest.collectives[place].describe(manifest.mesh);
  if (entry < 0 || entry >= static_cast<int64_t>(manifest.schedule.size()))
    return "gathering values to be saved";
  const ScheduleEntry &call = manifest.schedule[entry];
  CollectiveInfo named = manifest.collectives[call.call];
  named.what = call.what;
  named.loc = call.loc;
  return named.describe(manifest.mesh) + " (task " + call.task + ")";
}

int64_t Ranks::placeOf(int64_t index) noexcept {
  if (task < 0 || callsOfTask >= scheduled[task].size())
    return index;
  int64_t entry = scheduled[task][callsOfTask++];
  // Code and schedule are one compiler's; if they disagree, the code is what runs.
  return manifest.schedule[entry].call == index ? static_cast<int64_t>(manifest.collectives.size()) + 1 + entry : index;
}

void Ranks::onUnnoticed(std::function<void(const JobFault &)> callback) {
  if (client)
    client->onFault([this] { abortAll(); }, std::move(callback));
}

void Ranks::abortAll() noexcept {
  std::lock_guard<std::mutex> lock(connecting);
  aborted = true;
  for (auto &[axes, connected] : groups) {
    connected->links.abort();
    if (connected->gathering)
      connected->gathering->abort();
  }
  if (abortCallback)
    abortCallback();
}

void Ranks::onAbort(std::function<void()> callback) {
  std::lock_guard<std::mutex> lock(connecting);
  abortCallback = std::move(callback);
  if (aborted && abortCallback)
    abortCallback();
}

KeyValueStore &Ranks::store() { return *client; }

void Ranks::follow(std::function<CollectiveProgress()> source) {
  if (client)
    client->follow(std::move(source));
}

void Ranks::tell(const FaultReport &report) { client->tell(report); }

/// Runs what transfers between ranks; a transfer that fails is reported, and becomes FaultError. `peers` are the ranks
/// by place, for the message.
template <typename Call> void Ranks::guard(int64_t index, const std::vector<int64_t> &peers, Call call) {
  check();
  client->enter(index);
  try {
    call();
  } catch (const TransferError &error) {
    FaultReport report;
    report.kind = error.kind == TransferError::TimedOut ? FaultReport::Stuck : FaultReport::Broken;
    report.peer = error.peer >= 0 ? peers[error.peer] : -1;
    report.text = job.describe(index);
    throw FaultError(client->report(report));
  }
  client->leave();
}

Ranks::Connected &Ranks::groupOf(std::vector<int> axes) {
  std::sort(axes.begin(), axes.end());
  // Only this thread changes the map; the other one, which aborts, sees whole groups.
  if (auto found = groups.find(axes); found != groups.end())
    return *found->second;
  auto connected = std::make_unique<Connected>();
  connected->ranks = manifest.mesh.groupOf(job.rank, axes);
  int size = static_cast<int>(connected->ranks.size());
  int self = static_cast<int>(std::find(connected->ranks.begin(), connected->ranks.end(), job.rank) -
                              connected->ranks.begin());
  connected->links.place = self;
  connected->links.first.resize(size);
  connected->links.second.resize(size);
  if (size > 1) {
    std::string name = std::to_string(connected->ranks.front());
    for (int axis : axes)
      name += "," + manifest.mesh.axes[axis].name;
    try {
      connected->group = transport->connect(name, self, size);
    } catch (const TransferError &error) {
      // Whoever did not come is found by the server, if it is gone.
      throw FaultError(client->report({FaultReport::Broken, 1, -1,
                                       format("rank %lld cannot connect with the other ranks of its group over ",
                                              static_cast<long long>(job.rank)) +
                                           name.substr(name.find(',') + 1) + ": " + error.what()}));
    }
    // Without an arena in this process' memory there are only transfers from elsewhere.
    for (int peer = 0; arena && peer < size; ++peer)
      if (peer != self) {
        connected->links.first[peer] = connected->group->link(peer, kFirst, arena, arenaBytes);
        connected->links.second[peer] = connected->group->link(peer, kSecond, arena, arenaBytes);
      }
  }
  std::lock_guard<std::mutex> lock(connecting);
  return *(groups[axes] = std::move(connected));
}

void Ranks::connect(char *memory, int64_t bytes) {
  arena = memory;
  arenaBytes = bytes;
  for (const CollectiveInfo &collective : manifest.collectives) {
    Connected &connected = groupOf(collective.axes);
    members.push_back(manifest.mesh.groupOf(job.rank, collective.axes));
    std::vector<int> order;
    for (int64_t rank : members.back())
      order.push_back(
          static_cast<int>(std::find(connected.ranks.begin(), connected.ranks.end(), rank) - connected.ranks.begin()));
    exchanges.push_back(std::make_unique<Exchange>(collective, collective.dtype, connected.links, std::move(order)));
  }
  check();
}

void Ranks::goodbye() {
  if (client)
    client->goodbye();
  saidGoodbye = true;
}

void Ranks::release() noexcept {
  std::lock_guard<std::mutex> lock(connecting);
  exchanges.clear();
  groups.clear();
}

bool Ranks::run(int64_t index, const void *const *inputs, void *const *outputs, void *scratch) noexcept {
  if (!client) {
    exchanges[index]->run(inputs, outputs, scratch);
    return true;
  }
  try {
    guard(placeOf(index), members[index], [&] { exchanges[index]->run(inputs, outputs, scratch); });
    return true;
  } catch (const std::exception &) {
    // The job's fault is kept by the client.
    return false;
  }
}

/// One transfer of a part of a gathered tensor between this rank and another: `move` starts it on a link and waits.
template <typename Move> void Ranks::transfer(Connected &world, int64_t peer, void *memory, int64_t bytes, Move move) {
  if (bytes == 0)
    return;
  guard(static_cast<int64_t>(manifest.collectives.size()), world.ranks, [&] {
    std::unique_ptr<Link> link = world.group->link(static_cast<int>(peer), kGathering, memory, bytes);
    {
      std::lock_guard<std::mutex> lock(connecting);
      world.gathering = std::move(link);
      if (aborted)
        world.gathering->abort();
    }
    try {
      move(*world.gathering);
    } catch (TransferError &error) {
      error.peer = static_cast<int>(peer);
      throw;
    }
  });
  std::lock_guard<std::mutex> lock(connecting);
  world.gathering.reset();
}

void Ranks::collect(const TensorInfo &tensor, const void *local, void *whole) {
  std::vector<int> axes = tensor.sharding.unreduced, all;
  for (const std::vector<int> &dim : tensor.sharding.dims)
    axes.insert(axes.end(), dim.begin(), dim.end());
  for (size_t axis = 0; axis < manifest.mesh.axes.size(); ++axis)
    all.push_back(static_cast<int>(axis));
  // Ranks in which the other axes are 0 hold one copy of everything. In ascending order, so that the first part of a
  // sum comes first.
  std::vector<int64_t> owners = manifest.mesh.groupOf(0, axes);
  std::sort(owners.begin(), owners.end());
  Connected &world = groupOf(all);
  if (job.rank != 0) {
    if (std::binary_search(owners.begin(), owners.end(), job.rank))
      transfer(world, 0, const_cast<void *>(local), tensor.bytes, [&](Link &link) {
        link.send(local, tensor.bytes);
        link.waitSent();
      });
    return;
  }
  std::vector<char> part(tensor.bytes), sum(tensor.sharding.unreduced.empty() ? 0 : tensor.bytes);
  for (int64_t owner : owners) {
    const void *from = local;
    if (owner != 0) {
      transfer(world, owner, part.data(), tensor.bytes, [&](Link &link) {
        link.receive(part.data(), tensor.bytes);
        link.waitReceived();
      });
      from = part.data();
    }
    std::vector<int64_t> coordinates = manifest.mesh.coordinatesOf(owner);
    Box box = manifest.boxOf(tensor, coordinates);
    bool adds = std::any_of(tensor.sharding.unreduced.begin(), tensor.sharding.unreduced.end(),
                            [&](int axis) { return coordinates[axis] != 0; });
    int64_t width = elementBytes(tensor.dtype);
    if (adds) {
      box.extract(whole, sum.data(), width);
      const void *terms[] = {sum.data(), from};
      reduceParts(tensor.dtype, ReduceOperation::Sum, terms, 2, sum.data(), tensor.elements());
      from = sum.data();
    }
    box.insert(from, whole, width);
  }
}

void Ranks::gather(const TensorInfo &tensor, const void *local, void *whole) {
  if (job.world > 1 && (tensor.sharding.cut() || !tensor.sharding.unreduced.empty()))
    return collect(tensor, local, whole);
  if (job.rank == 0)
    std::copy_n(static_cast<const char *>(local), tensor.bytes, static_cast<char *>(whole));
}

void Ranks::requestStop() {
  if (client)
    client->requestStop();
}

bool Ranks::stepDone(int64_t done) { return client && client->stepDone(done); }

std::optional<JobFault> Ranks::fault() { return client ? client->fault() : std::nullopt; }

void Ranks::check() {
  if (std::optional<JobFault> known = fault())
    throw FaultError(*known);
}

JobFault Ranks::fail(int64_t code, const std::string &text) {
  if (!client)
    return {code, job.rank, text};
  return client->report({FaultReport::Failed, code, -1, text});
}
