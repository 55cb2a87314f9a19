//===- ProfileReport.cpp - A profile for people and for viewers -----------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "core/ProfileReport.h"

#include "checkpoint/AtomicFile.h"
#include "core/Text.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

using namespace weft::rt;

/// Lines of the table before the rest is put together.
static constexpr size_t kLines = 30;

std::string weft::rt::layerPattern(const std::string &location) {
  // What follows the scope is the node's own name, which has a number.
  std::string scope = location.substr(0, location.find_first_of("/,"));
  std::string pattern;
  for (size_t i = 0; i < scope.size();) {
    size_t end = std::min(scope.find('.', i), scope.size());
    bool number = end > i && std::all_of(scope.begin() + i, scope.begin() + end, [](char c) { return isdigit(c); });
    pattern += (number ? "*" : scope.substr(i, end - i)) + (end < scope.size() ? "." : "");
    i = end + 1;
  }
  return pattern;
}

/// Also those that compute an activation with it.
static bool isProduct(const ScheduleEntry &entry) { return entry.op.find("matmul") != std::string::npos; }

/// "1024x3072x768" with its batch, for a product; what attention works on; else nothing.
static std::string sizesOf(const Manifest &manifest, const ScheduleEntry &entry) {
  auto call = static_cast<size_t>(entry.call);
  if (isProduct(entry) && call < manifest.matmuls.size()) {
    const weft::MatmulDesc &desc = manifest.matmuls[call];
    std::string text;
    for (int64_t size : desc.batch)
      text += std::to_string(size) + "*";
    return text + std::to_string(desc.m) + "x" + std::to_string(desc.n) + "x" + std::to_string(desc.k);
  }
  if (entry.op.compare(0, 9, "attention") == 0 && call < manifest.attentions.size()) {
    const AttentionDesc &desc = manifest.attentions[call];
    return format("%lldx%lld T%lld D%lld", static_cast<long long>(desc.batch), static_cast<long long>(desc.heads),
                  static_cast<long long>(desc.queries), static_cast<long long>(desc.head));
  }
  return "";
}

static const char *kindOf(const ScheduleEntry &entry) {
  return isProduct(entry) ? "product" : entry.op == "attention_grad" ? "attention gradient" : entry.op.c_str();
}

namespace {
/// Entries that are one line of the table; sums over all steps.
struct Line {
  std::string what;
  int64_t nanoseconds = 0, calls = 0;
  double flops = 0, bytes = 0;

  void add(const ScheduleEntry &entry, int64_t duration) {
    nanoseconds += duration;
    flops += entry.flops;
    bytes += entry.bytes;
    ++calls;
  }
};
} // namespace

/// Nanoseconds in which some collective runs and nothing is computed. Streams of a step share one clock.
static int64_t exposedTime(const Manifest &manifest, const Profile &profile) {
  // Where each entry begins and ends: how many collectives, and how many others, there are from then on.
  struct Change {
    int64_t at;
    int collectives, others;
  };
  std::vector<Change> changes;
  for (const Profile::Event &event : profile.events()) {
    if (event.entry < 0)
      continue;
    bool collective = manifest.schedule[event.entry].op == "collective";
    changes.push_back({event.start, collective, !collective});
    changes.push_back({event.start + event.duration, -int(collective), -int(!collective)});
  }
  std::sort(changes.begin(), changes.end(), [](const Change &a, const Change &b) { return a.at < b.at; });
  int64_t exposed = 0, last = 0;
  int collectives = 0, others = 0;
  for (const Change &change : changes) {
    if (collectives > 0 && others == 0)
      exposed += change.at - last;
    collectives += change.collectives;
    others += change.others;
    last = change.at;
  }
  return exposed;
}

static std::string share(double rate, double limit) {
  return limit > 0 ? format("%4.0f %%", 100 * rate / limit) : std::string("     -");
}

static std::string print(const Line &line, double steps, double stepMs, const ProfileMachine &machine) {
  double seconds = std::max(line.nanoseconds * 1e-9, 1e-12), ms = line.nanoseconds * 1e-6 / steps;
  double gflops = line.flops / seconds * 1e-9, gbytes = line.bytes / seconds * 1e-9;
  return format("%8.2f %5.1f %6.0f %8.1f %s %7.1f %s  %s\n", ms, 100 * ms / stepMs,
                static_cast<double>(line.calls) / steps, gflops, share(gflops, machine.peak).c_str(), gbytes,
                share(gbytes, machine.copy).c_str(), line.what.c_str());
}

std::string weft::rt::profileTable(const Manifest &manifest, const Profile &profile, const ProfileMachine &machine) {
  std::map<std::string, Line> lines, kinds;
  int64_t stepTime = 0, taskTime = 0;
  for (const Profile::Event &event : profile.events()) {
    if (event.entry == Profile::kStep)
      stepTime += event.duration;
    else if (event.entry < 0)
      taskTime += event.duration;
    if (event.entry < 0)
      continue;
    const ScheduleEntry &entry = manifest.schedule[event.entry];
    std::string what = kindOf(entry), sizes = sizesOf(manifest, entry);
    // Equal kernels are one line wherever they are launched; the layers of the first one tell people what it is.
    std::string key = entry.op == "kernel" ? "kernel " + entry.what
                                           : what + " " + sizes + " " + entry.region + ": " + layerPattern(entry.loc);
    Line &line = lines[key];
    if (line.what.empty())
      line.what = entry.op == "kernel" ? key + " " + entry.region + ": " + layerPattern(entry.loc) : key;
    line.add(entry, event.duration);
    kinds[what].what = what;
    kinds[what].add(entry, event.duration);
  }
  auto byTime = [](const std::map<std::string, Line> &from) {
    std::vector<Line> sorted;
    for (const auto &[key, line] : from)
      sorted.push_back(line);
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Line &a, const Line &b) { return a.nanoseconds > b.nanoseconds; });
    return sorted;
  };
  double steps = std::max<double>(1, static_cast<double>(profile.steps()));
  double stepMs = std::max(stepTime * 1e-6 / steps, 1e-9);
  std::string where =
      machine.where.empty() ? format("%d thread%s", machine.threads, machine.threads == 1 ? "" : "s") : machine.where;
  std::string text = format("profile of %lld step%s, %s: %.1f ms a step; this machine now: %.1f GFLOP/s of "
                            "%s, %.1f GB/s of copying\n",
                            static_cast<long long>(profile.steps()), profile.steps() == 1 ? "" : "s", where.c_str(),
                            stepMs, machine.peak, machine.peakOf.c_str(), machine.copy);
  if (!machine.way.empty())
    text += "measured by " + machine.way + "\n";
  std::string head = "      ms     %  calls  GFLOP/s   peak    GB/s   copy  what\n";
  text += head;
  for (const Line &line : byTime(kinds))
    text += print(line, steps, stepMs, machine);
  if (!manifest.collectives.empty()) {
    int64_t exposed = exposedTime(manifest, profile);
    text += format(
        "%8.2f %5.1f                                           exposed: collectives with nothing computed beside "
        "them\n",
        exposed * 1e-6 / steps, 100.0 * exposed / std::max<int64_t>(stepTime, 1));
  }
  text += format("%8.2f %5.1f                                           outside of tasks: data, step loop\n\n",
                 (stepTime - taskTime) * 1e-6 / steps, 100.0 * (stepTime - taskTime) / std::max<int64_t>(stepTime, 1));
  text += head;
  std::vector<Line> sorted = byTime(lines);
  Line rest;
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (i < kLines) {
      text += print(sorted[i], steps, stepMs, machine);
      continue;
    }
    rest.nanoseconds += sorted[i].nanoseconds;
    rest.calls += sorted[i].calls;
    rest.flops += sorted[i].flops;
    rest.bytes += sorted[i].bytes;
  }
  if (sorted.size() > kLines) {
    rest.what = std::to_string(sorted.size() - kLines) + " others";
    text += print(rest, steps, stepMs, machine);
  }
  return text;
}

std::string weft::rt::writeTrace(const Manifest &manifest, const Profile &profile, const ProfileMachine &machine,
                                 const std::string &path) {
  using json = nlohmann::ordered_json;
  AtomicFile file(path);
  bool good = file.open();
  auto write = [&](const std::string &text) { good = good && file.write(text.data(), text.size()); };
  std::string separator;
  auto event = [&](const json &value) {
    // A name of a damaged model may be no UTF-8.
    write(separator + value.dump(-1, ' ', false, json::error_handler_t::replace));
    separator = ",\n";
  };
  write("{\"traceEvents\": [\n");
  event({{"ph", "M"},
         {"name", "process_name"},
         {"pid", machine.rank},
         {"args", {{"name", manifest.model + ", rank " + std::to_string(machine.rank)}}}});
  for (size_t stream = 0; stream < manifest.streamNames.size(); ++stream)
    event({{"ph", "M"},
           {"name", "thread_name"},
           {"pid", machine.rank},
           {"tid", stream},
           {"args", {{"name", manifest.streamNames[stream]}}}});
  for (const Profile::Event &at : profile.events()) {
    json value = {{"ph", "X"}, {"pid", machine.rank}, {"tid", 0}, {"ts", at.start * 1e-3}, {"dur", at.duration * 1e-3}};
    if (at.entry == Profile::kStep) {
      value["name"] = "step " + std::to_string(at.step + 1) + " of the profile";
      value["cat"] = "step";
    } else if (at.entry < 0) {
      value["name"] = manifest.tasks[-1 - at.entry];
      value["cat"] = "task";
    } else {
      const ScheduleEntry &entry = manifest.schedule[at.entry];
      double seconds = std::max<int64_t>(at.duration, 1) * 1e-9;
      value["tid"] = entry.stream;
      value["name"] = entry.what.empty() ? entry.op : entry.what;
      value["cat"] = entry.op;
      value["args"] = {{"layer", entry.loc},
                       {"region", entry.region},
                       {"gflop", entry.flops * 1e-9},
                       {"mb", entry.bytes * 1e-6},
                       {"gflop_per_s", entry.flops / seconds * 1e-9},
                       {"gb_per_s", entry.bytes / seconds * 1e-9}};
      if (std::string sizes = sizesOf(manifest, entry); !sizes.empty())
        value["args"]["shape"] = sizes;
    }
    event(value);
  }
  json metadata = {{"model", manifest.model},    {"target", manifest.target},        {"cpu", manifest.cpu},
                   {"threads", machine.threads}, {"device", machine.where},          {"measured_by", machine.way},
                   {"steps", profile.steps()},   {"peak_gflop_per_s", machine.peak}, {"copy_gb_per_s", machine.copy}};
  write("\n],\n\"metadata\": " + metadata.dump(-1, ' ', false, json::error_handler_t::replace) + "}\n");
  return good && file.commit() ? "" : file.error();
}
