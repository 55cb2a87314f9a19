//===- ControlServer.cpp - Who is there, who is gone, and why -------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "comm/Control.h"

#include "core/Text.h"

#include <algorithm>
#include <poll.h>

using namespace weft::rt;

/// After the first sign of a fault others may come that say more about it: a rank that is killed is seen first as a
/// broken connection by those that wait for it. Where what is known is not enough yet, it takes as long as a busy
/// machine may take.
static constexpr double kGraceSeconds = 0.5, kLongGraceSeconds = 5;
/// How long ranks have to leave after a fault, or after the end.
static constexpr double kLeaveSeconds = 2;

double weft::rt::beatPeriod(double timeout) { return std::clamp(timeout / 8, 0.05, 2.0); }

template <typename Time> static double secondsSince(Time time) {
  return std::chrono::duration<double>(Time::clock::now() - time).count();
}

ControlServer::ControlServer(Socket listening, const JobInfo &job) : listening(std::move(listening)), job(job) {
  start = lastBeat = lastLoop = Clock::now();
  thread = std::thread([this] { loop(); });
}

ControlServer::~ControlServer() {
  leaving = true;
  thread.join();
}

void ControlServer::loop() {
  std::vector<pollfd> polled;
  while (true) {
    polled.assign(1, {listening.get(), POLLIN, 0});
    for (const Peer &peer : peers)
      polled.push_back({peer.socket.get(), static_cast<short>(peer.gone ? 0 : POLLIN), 0});
    int period = static_cast<int>(std::min(beatPeriod(job.timeout), kGraceSeconds / 5) * 1000);
    poll(polled.data(), polled.size(), period);
    for (size_t i = 1; i < polled.size(); ++i)
      if (polled[i].revents != 0)
        read(peers[i - 1]);
    if (polled[0].revents != 0)
      accept();
    checkSilence();
    checkStop();
    decide();
    bool empty = std::all_of(peers.begin(), peers.end(), [](const Peer &peer) { return peer.gone; });
    bool late = (decided && secondsSince(*decided) > kLeaveSeconds) || (ended && secondsSince(*ended) > kLeaveSeconds);
    if (leaving && (empty || late))
      return;
  }
}

void ControlServer::accept() {
  while (Socket socket = acceptFrom(listening)) {
    peers.emplace_back();
    peers.back().socket = std::move(socket);
    peers.back().heard = Clock::now();
  }
}

void ControlServer::read(Peer &peer) {
  bool open = readSome(peer.socket, peer.in);
  peer.heard = Clock::now();
  Message message;
  while (!peer.gone && Message::decode(peer.in, message))
    handle(peer, message);
  if (open && !message.bad)
    return;
  peer.gone = true;
  peer.socket.close();
  // A stranger, or somebody who has said why it leaves, is no loss.
  if (peer.rank < 0 || peer.done || peer.reported || decided)
    return;
  lost.push_back(peer.rank);
  if (!firstFault)
    firstFault = Clock::now();
}

void ControlServer::send(Peer &peer, const Message &message) {
  // What comes from here is short, and a rank that does not read it is noticed by its silence.
  if (!peer.gone && peer.rank >= 0)
    writeAll(peer.socket, message.encode());
}

void ControlServer::broadcast(const Message &message) {
  for (Peer &peer : peers)
    send(peer, message);
}

const ControlServer::Peer *ControlServer::find(int64_t rank) const {
  for (const Peer &peer : peers)
    if (rank >= 0 && peer.rank == rank)
      return &peer;
  return nullptr;
}

void ControlServer::hello(Peer &peer, Message &message) {
  int64_t rank = message.takeNumber(), world = message.takeNumber();
  uint64_t hash = static_cast<uint64_t>(message.takeNumber()), options = static_cast<uint64_t>(message.takeNumber());
  std::string libraries = message.takeText(), fault;
  if (message.bad || rank < 0 || rank >= job.world || world != job.world)
    fault = format("rank %lld of %lld came to a job of %lld ranks", static_cast<long long>(rank),
                   static_cast<long long>(world), static_cast<long long>(job.world));
  else if (hash != job.hash)
    fault = format("rank %lld runs another executable than rank 0: their manifests differ; start the same file "
                   "everywhere",
                   static_cast<long long>(rank));
  else if (options != job.options)
    fault = format("rank %lld was started with other options than rank 0; give all ranks the same command line",
                   static_cast<long long>(rank));
  else if (libraries != job.libraries)
    fault = format("rank %lld has ", static_cast<long long>(rank)) + libraries + ", and rank 0 " + job.libraries +
            ": ranks need the same versions; give all of them the same container, or the same LD_LIBRARY_PATH";
  else if (find(rank))
    fault = format("rank %lld came twice; does another job use this port? Set MASTER_PORT to a port that is free",
                   static_cast<long long>(rank));
  peer.rank = rank;
  if (fault.empty()) {
    ++joined;
    return send(peer, Message(Message::Value).add("hello").add(""));
  }
  send(peer, Message(Message::Fault).add(int64_t(1)).add(int64_t(0)).add(fault));
  peer.reported = true;
  note(rank, {FaultReport::Failed, 1, -1, fault});
}

void ControlServer::handle(Peer &peer, Message message) {
  if (peer.rank < 0 && message.type != Message::Hello) {
    peer.gone = true;
    return;
  }
  switch (message.type) {
  case Message::Hello:
    return hello(peer, message);
  case Message::Set: {
    std::string key = message.takeText();
    const std::string &value = values[key] = message.takeText();
    for (int64_t rank : waiting[key])
      if (const Peer *other = find(rank))
        send(const_cast<Peer &>(*other), Message(Message::Value).add(key).add(value));
    waiting.erase(key);
    return;
  }
  case Message::Get: {
    std::string key = message.takeText();
    auto found = values.find(key);
    if (found == values.end())
      waiting[key].push_back(peer.rank);
    else
      send(peer, Message(Message::Value).add(key).add(found->second));
    return;
  }
  case Message::Beat:
    peer.begun = message.takeNumber();
    peer.index = message.takeNumber();
    peer.beat = Clock::now();
    return;
  case Message::Report: {
    FaultReport report;
    report.kind = static_cast<FaultReport::Kind>(message.takeNumber());
    report.code = message.takeNumber();
    report.peer = message.takeNumber();
    report.text = message.takeText();
    peer.reported = true;
    return note(peer.rank, report);
  }
  case Message::StopRequest:
    if (!stopping)
      broadcast(Message(Message::Hold));
    stopping = true;
    return;
  case Message::Step:
    peer.step = message.takeNumber();
    return;
  case Message::Goodbye:
    peer.done = true;
    if (!ended && joined == job.world &&
        std::all_of(peers.begin(), peers.end(), [](const Peer &p) { return p.done || p.rank < 0; })) {
      ended = Clock::now();
      broadcast(Message(Message::End));
    }
    return;
  default:
    return;
  }
}

void ControlServer::note(int64_t rank, FaultReport report) {
  reports.push_back({rank, std::move(report)});
  if (!firstFault)
    firstFault = Clock::now();
}

void ControlServer::checkSilence() {
  Clock::time_point now = Clock::now();
  double period = beatPeriod(job.timeout);
  // Whoever was stopped itself has heard nobody meanwhile.
  if (std::chrono::duration<double>(now - lastLoop).count() > 3 * period)
    for (Peer &peer : peers)
      peer.heard = now;
  lastLoop = now;
  if (std::chrono::duration<double>(now - lastBeat).count() >= period) {
    lastBeat = now;
    broadcast(Message(Message::Beat));
  }
  if (decided || ended)
    return;
  for (const Peer &peer : peers)
    if (peer.rank >= 0 && !peer.gone && secondsSince(peer.heard) > job.patience() &&
        std::find(silent.begin(), silent.end(), peer.rank) == silent.end()) {
      silent.push_back(peer.rank);
      if (!firstFault)
        firstFault = now;
    }
  if (joined < job.world && !firstFault && secondsSince(start) > job.timeout) {
    std::string missing;
    for (int64_t rank = 0, count = 0; rank < job.world; ++rank)
      if (!find(rank) && ++count <= 8)
        missing += (missing.empty() ? "" : ", ") + std::to_string(rank);
    note(0, {FaultReport::Failed, 1, -1,
             format("%lld of %lld ranks came within %g s; missing: %s", static_cast<long long>(joined),
                    static_cast<long long>(job.world), job.timeout, missing.c_str())});
  }
}

void ControlServer::checkStop() {
  if (!stopping || stopSent)
    return;
  int64_t last = 0;
  for (const Peer &peer : peers)
    if (peer.rank >= 0 && !peer.gone && !peer.done) {
      if (peer.step < 0)
        return;
      last = std::max(last, peer.step);
    }
  stopSent = true;
  broadcast(Message(Message::Stop).add(last));
}

/// Once, when the others have had time to notice that somebody is missing: where they are now, the next sign of life
/// may come too late to say.
void ControlServer::askWhere() {
  if (asked || !firstFault || secondsSince(*firstFault) < kGraceSeconds / 2)
    return;
  asked = Clock::now();
  broadcast(Message(Message::Beat).add(int64_t(1)));
}

void ControlServer::decide() {
  askWhere();
  if (decided || !firstFault)
    return;
  bool all = std::all_of(peers.begin(), peers.end(),
                         [](const Peer &peer) { return peer.gone || peer.reported || peer.rank < 0; });
  double grace = isConclusive() ? kGraceSeconds : kLongGraceSeconds;
  if (!(all && joined == job.world) && secondsSince(*firstFault) < grace)
    return;
  decided = Clock::now();
  findLaggards();
  JobFault fault = judge();
  broadcast(Message(Message::Fault).add(fault.code).add(fault.printer).add(fault.text));
}

/// Whether more reports would hardly change the decision.
bool ControlServer::isConclusive() const {
  auto any = [&](auto holds) {
    return std::any_of(reports.begin(), reports.end(), [&](const NotedReport &noted) { return holds(noted); });
  };
  // Those that wait for a lost rank will say in what.
  if (!lost.empty())
    return any(
        [&](const NotedReport &noted) { return std::find(lost.begin(), lost.end(), noted.report.peer) != lost.end(); });
  // Before the first collective all ranks do the same: what one finds wrong, others may be about to. What rank 0 says
  // is said of none in any case.
  auto failed = [](const NotedReport &noted) { return noted.report.kind == FaultReport::Failed; };
  if (any(failed))
    return any([&](const NotedReport &noted) { return failed(noted) && noted.rank == 0; }) ||
           (joined == job.world && std::all_of(peers.begin(), peers.end(), [](const Peer &peer) {
              return peer.gone || peer.reported || peer.rank < 0 || peer.begun > 0;
            }));
  // A connection breaks because its other end is gone, which will be seen. Whoever waited in vain has waited long.
  return !any([](const NotedReport &noted) { return noted.report.kind == FaultReport::Broken; });
}

/// ", after 12 collectives" or ", in all_reduce of 'x'", by the last sign of life.
std::string ControlServer::whereIs(int64_t rank) const {
  const Peer *peer = find(rank);
  if (!peer || (peer->begun == 0 && peer->index < 0))
    return "before its first collective";
  if (peer->index >= 0)
    return "in " + job.describe(peer->index);
  return format("after %lld collectives", static_cast<long long>(peer->begun));
}

/// A rank that is gone: those that waited for it know best where.
JobFault ControlServer::judgeLost(int64_t rank, const std::string &how) const {
  std::string text = format("rank %lld %s", static_cast<long long>(rank), how.c_str());
  for (const NotedReport &noted : reports)
    if (noted.report.kind != FaultReport::Failed && noted.report.peer == rank)
      return {1, 0,
              text + format("; rank %lld waited for it in ", static_cast<long long>(noted.rank)) + noted.report.text};
  for (const Peer &peer : peers)
    if (asked && peer.rank >= 0 && peer.rank != rank && !peer.gone && peer.index >= 0 && peer.beat >= *asked)
      return {1, 0,
              text + format("; rank %lld waited in ", static_cast<long long>(peer.rank)) + job.describe(peer.index)};
  return {1, 0, text + ", " + whereIs(rank)};
}

/// A rank that waits on a device knows its collective, not for whom it waits: for one that is less far, if there is
/// one.
void ControlServer::findLaggards() {
  for (NotedReport &noted : reports) {
    const Peer *reporter = find(noted.rank);
    if (noted.report.kind != FaultReport::Stuck || noted.report.peer >= 0 || !reporter)
      continue;
    int64_t least = reporter->begun;
    for (const Peer &peer : peers)
      if (peer.rank >= 0 && peer.rank != noted.rank && peer.begun < least) {
        least = peer.begun;
        noted.report.peer = peer.rank;
      }
  }
}

/// The cause, of all that is known, from the surest to the least sure.
JobFault ControlServer::judge() const {
  const NotedReport *failed = nullptr;
  for (const NotedReport &noted : reports)
    if (noted.report.kind == FaultReport::Failed && (!failed || noted.rank < failed->rank))
      failed = &noted;
  if (failed) {
    // What several ranks say is about the job, not about one of them.
    int64_t same = 0;
    for (const NotedReport &noted : reports)
      same += noted.report.text == failed->report.text;
    bool general = same > 1 || failed->rank == 0 || failed->report.text.compare(0, 5, "rank ") == 0;
    return {failed->report.code, 0,
            (general ? "" : format("rank %lld: ", static_cast<long long>(failed->rank))) + failed->report.text};
  }
  std::string waited = format("has not answered for %g s (stopped, or its machine does not respond)", job.patience());
  // A rank that others wait for may be silent already, without its time being over.
  for (const NotedReport &noted : reports)
    if (const Peer *peer = find(noted.report.peer);
        peer && !peer->gone && secondsSince(peer->heard) > 4 * beatPeriod(job.timeout))
      return judgeLost(peer->rank, waited);
  if (!lost.empty())
    return judgeLost(*std::min_element(lost.begin(), lost.end()), "was lost: its process ended");
  if (!silent.empty())
    return judgeLost(*std::min_element(silent.begin(), silent.end()), waited);
  // All are alive. Of those that others wait for, the one that is the least far holds them up.
  const NotedReport *best = nullptr;
  int64_t least = INT64_MAX;
  for (const NotedReport &noted : reports)
    if (const Peer *peer = find(noted.report.peer)) {
      int64_t progress = peer->begun + (peer->reported ? int64_t(1) << 40 : 0);
      if (progress < least) {
        least = progress;
        best = &noted;
      }
    }
  if (!best)
    return {1, 0, reports.empty() ? "a rank was lost" : reports.front().report.text};
  std::string pair = format("rank %lld", static_cast<long long>(best->rank));
  if (best->report.kind == FaultReport::Broken)
    return {1, 0,
            "the connection of " + pair +
                format(" and rank %lld broke in ", static_cast<long long>(best->report.peer)) + best->report.text};
  return {1, 0,
          format("rank %lld did not come within %g s, ", static_cast<long long>(best->report.peer), job.patience()) +
              whereIs(best->report.peer) + "; " + pair + " waited for it in " + best->report.text};
}
