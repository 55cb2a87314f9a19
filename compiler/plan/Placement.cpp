//===- Placement.cpp - The order in which ranks are laid out --------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/plan/Placement.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>

using namespace weft;

/// The most ranks that are placed: enough for any machine, few enough to be listed.
static constexpr int64_t kMostRanks = int64_t(1) << 20;

namespace {

/// What a letter stands for.
struct Letter {
  char letter;
  const char *axis;
  int64_t Degrees::*degree;
};

constexpr Letter kLetters[] = {{'D', "dp", &Degrees::data},
                               {'P', "pp", &Degrees::pipeline},
                               {'T', "tp", &Degrees::tensor},
                               {'C', "cp", &Degrees::context},
                               {'E', "ep", &Degrees::expert}};

const Letter *find(char letter) {
  for (const Letter &known : kLetters)
    if (known.letter == letter)
      return &known;
  return nullptr;
}

} // namespace

/// "dp=2, tp=4", without degrees of 1.
static std::string describeDegrees(const Degrees &degrees) {
  std::string text;
  for (const Letter &letter : kLetters)
    if (degrees.*letter.degree > 1)
      text += (text.empty() ? "" : ", ") + std::string(letter.axis) + "=" + std::to_string(degrees.*letter.degree);
  return text.empty() ? "dp=1" : text;
}

std::optional<Degrees> Degrees::parse(const std::string &text, int64_t world, std::string &error) {
  Degrees degrees;
  std::vector<std::string> given;
  for (size_t begin = 0; begin <= text.size() && !text.empty();) {
    size_t end = std::min(text.find(',', begin), text.size());
    std::string part = text.substr(begin, end - begin), name = part.substr(0, part.find('='));
    std::string digits = name.size() < part.size() ? part.substr(name.size() + 1) : "";
    begin = end + 1;
    int64_t *degree = name == "shard" ? &degrees.shard : nullptr;
    for (const Letter &letter : kLetters)
      if (name == letter.axis)
        degree = &(degrees.*letter.degree);
    if (!degree) {
      error = "'" + part + "' in the mesh is none of dp, pp, tp, cp, ep and shard with a number, as in dp=2,tp=4";
      return std::nullopt;
    }
    bool number = !digits.empty() && digits.size() < 10 && std::all_of(digits.begin(), digits.end(), [](char c) {
      return std::isdigit(static_cast<unsigned char>(c));
    });
    if (!number || (*degree = std::strtoll(digits.c_str(), nullptr, 10)) < 1) {
      error = "'" + part + "' in the mesh is not a positive number, as in " + name + "=2";
      return std::nullopt;
    }
    if (std::find(given.begin(), given.end(), name) != given.end()) {
      error = "the mesh has " + name + " twice";
      return std::nullopt;
    }
    given.push_back(name);
    if (degrees.size() > kMostRanks) {
      error = "the degrees " + describeDegrees(degrees) + " are more than " + std::to_string(kMostRanks) + " ranks";
      return std::nullopt;
    }
  }
  bool dataGiven = std::find(given.begin(), given.end(), "dp") != given.end();
  if (world > 0 && world % degrees.size() != 0) {
    error = "the degrees " + describeDegrees(degrees) + " are " + std::to_string(degrees.size()) +
            " ranks, which do not divide the " + std::to_string(world) + " there are";
    return std::nullopt;
  }
  if (world > 0 && dataGiven && degrees.size() != world) {
    error = "the degrees " + describeDegrees(degrees) + " multiply to " + std::to_string(degrees.size()) +
            ", not to the " + std::to_string(world) + " ranks there are; leave dp out to have what remains";
    return std::nullopt;
  }
  if (world > 0)
    degrees.data = world / (degrees.size() / degrees.data);
  if (degrees.shard > 0 && degrees.data % degrees.shard != 0) {
    error = "shard=" + std::to_string(degrees.shard) + " does not divide dp=" + std::to_string(degrees.data);
    return std::nullopt;
  }
  return degrees;
}

std::optional<Placement> Placement::create(const std::string &strategy, const Degrees &degrees, std::string &error) {
  std::string order = strategy == "cluster" ? "DPECT" : strategy == "spread" ? "TCEPD" : strategy;
  std::string place = "placement '" + strategy + "'";
  for (size_t i = 0; i < order.size(); ++i) {
    if (!find(order[i])) {
      error = place + " has '" + order[i] + "', which is none of D, P, T, C and E, nor is it cluster or spread";
      return std::nullopt;
    }
    if (order.find(order[i]) != i) {
      error = place + " has '" + order[i] + "' twice";
      return std::nullopt;
    }
  }
  bool named = strategy == "cluster" || strategy == "spread";
  for (const Letter &letter : kLetters) {
    bool there = order.find(letter.letter) != std::string::npos, counts = degrees.*letter.degree > 1;
    bool late = letter.letter == 'C' || letter.letter == 'E';
    if (named && late && !counts)
      order.erase(order.find(letter.letter), 1);
    if (there || !counts)
      continue;
    if (!late) {
      error = place + " lacks '" + letter.letter + "', and " + letter.axis + " is " +
              std::to_string(degrees.*letter.degree);
      return std::nullopt;
    }
  }
  // Expert and context ranks exchange more than data ranks and less than tensor ranks: they stand before T.
  for (char letter : {'C', 'E'})
    if (order.find(letter) == std::string::npos && degrees.*find(letter)->degree > 1) {
      size_t before = order.find('T');
      if (letter == 'E' && before != std::string::npos && before > 0 && order[before - 1] == 'C')
        --before;
      order.insert(before == std::string::npos ? order.size() : before, 1, letter);
    }
  return Placement(order, degrees);
}

int64_t Placement::coordinate(int64_t rank, char letter) const {
  for (size_t i = order.size(); i-- > 0;) {
    int64_t size = sizes.*find(order[i])->degree;
    if (order[i] == letter)
      return rank % size;
    rank /= size;
  }
  // A letter that was left out has one index.
  return 0;
}

std::vector<RankGroup> Placement::groups(const std::string &varying) const {
  // The key of a group is the rank with the indices of all varying letters taken away.
  std::vector<RankGroup> result;
  std::vector<int64_t> groupOf(size(), -1);
  for (int64_t rank = 0; rank < size(); ++rank) {
    int64_t key = rank, stride = 1;
    for (size_t i = order.size(); i-- > 0;) {
      if (varying.find(order[i]) != std::string::npos)
        key -= coordinate(rank, order[i]) * stride;
      stride *= sizes.*find(order[i])->degree;
    }
    if (groupOf[key] < 0) {
      groupOf[key] = static_cast<int64_t>(result.size());
      result.emplace_back();
    }
    result[groupOf[key]].push_back(rank);
  }
  return result;
}

/// Cuts every RDP group: shard rank is its place modulo the size of a shard group, replica the place divided by it.
std::vector<RankGroup> Placement::splitData(bool shards) const {
  std::vector<RankGroup> result;
  int64_t size = sizes.shardSize();
  for (const RankGroup &whole : reducedDataGroups()) {
    std::vector<RankGroup> parts(shards ? sizes.replicas() : size);
    for (size_t place = 0; place < whole.size(); ++place)
      parts[shards ? place / size : place % size].push_back(whole[place]);
    result.insert(result.end(), parts.begin(), parts.end());
  }
  std::sort(result.begin(), result.end());
  return result;
}

std::vector<RankGroup> Placement::shardGroups() const { return splitData(true); }
std::vector<RankGroup> Placement::replicaGroups() const { return splitData(false); }

std::vector<Placement::Axis> Placement::axes() const {
  std::vector<Axis> result;
  for (char letter : order) {
    bool split = letter == 'D' && sizes.replicas() > 1 && sizes.shardSize() > 1;
    if (split) {
      result.push_back({"replica", sizes.replicas()});
      result.push_back({"shard", sizes.shardSize()});
    } else if (int64_t size = sizes.*find(letter)->degree; size > 1) {
      result.push_back({find(letter)->axis, size});
    }
  }
  return result;
}

int64_t weft::placeIn(const std::vector<RankGroup> &groups, int64_t rank) {
  for (const RankGroup &group : groups)
    if (auto found = std::lower_bound(group.begin(), group.end(), rank); found != group.end() && *found == rank)
      return found - group.begin();
  return -1;
}

/// "0-3 4-7", "0,2,4,6 1,3,5,7": runs of consecutive ranks as ranges.
static std::string describeGroups(const std::vector<RankGroup> &groups) {
  std::string text;
  for (const RankGroup &group : groups) {
    text += text.empty() ? "" : " ";
    bool consecutive = group.back() - group.front() + 1 == static_cast<int64_t>(group.size()) && group.size() > 2;
    if (consecutive) {
      text += std::to_string(group.front()) + "-" + std::to_string(group.back());
      continue;
    }
    for (size_t i = 0; i < group.size(); ++i)
      text += (i ? "," : "") + std::to_string(group[i]);
  }
  return text;
}

std::string Placement::describe() const {
  bool sharded = sizes.shard > 0;
  struct Column {
    const char *title;
    std::vector<int64_t> values;
  };
  std::vector<Column> columns;
  auto addCoordinate = [&](const char *title, char letter) {
    columns.push_back({title, {}});
    for (int64_t rank = 0; rank < size(); ++rank)
      columns.back().values.push_back(coordinate(rank, letter));
  };
  auto addPlace = [&](const char *title, const std::vector<RankGroup> &groups) {
    columns.push_back({title, std::vector<int64_t>(size())});
    for (const RankGroup &group : groups)
      for (size_t place = 0; place < group.size(); ++place)
        columns.back().values[group[place]] = static_cast<int64_t>(place);
  };
  addCoordinate("rdp_rank", 'D');
  addCoordinate("pp_rank", 'P');
  addCoordinate("tp_rank", 'T');
  if (sizes.context > 1)
    addCoordinate("cp_rank", 'C');
  if (sizes.expert > 1)
    addCoordinate("ep_rank", 'E');
  addPlace("dp_rank", dataGroups());
  addPlace("mp_rank", modelGroups());
  if (sharded) {
    addPlace("shard", shardGroups());
    addPlace("replica", replicaGroups());
  }

  std::string text = "placement " + order + ": " + std::to_string(size()) + " ranks, " + describeDegrees(sizes) +
                     (sharded ? ", shard=" + std::to_string(sizes.shard) : "") +
                     "; the last letter varies fastest\n\nrank";
  for (const Column &column : columns)
    text += "  " + std::string(column.title);
  text += "\n";
  for (int64_t rank = 0; rank < size(); ++rank) {
    char cell[32];
    snprintf(cell, sizeof(cell), "%4lld", static_cast<long long>(rank));
    text += cell;
    for (const Column &column : columns) {
      snprintf(cell, sizeof(cell), "  %*lld", static_cast<int>(std::string(column.title).size()),
               static_cast<long long>(column.values[rank]));
      text += cell;
    }
    text += "\n";
  }
  text += "\n";
  auto line = [&](const char *name, const char *meaning, const std::vector<RankGroup> &groups) {
    char head[64];
    snprintf(head, sizeof(head), "%-8s %-28s ", name, meaning);
    text += head + describeGroups(groups) + "\n";
  };
  line("TP", "same samples, cut tensors", tensorGroups());
  line("PP", "stages of one model", pipelineGroups());
  if (sizes.context > 1)
    line("CP", "parts of one sequence", contextGroups());
  if (sizes.expert > 1)
    line("EP", "experts of one layer", expertGroups());
  line("RDP", "same part of the model", reducedDataGroups());
  line("DP", "same stage", dataGroups());
  line("MP", "one model", modelGroups());
  if (sharded) {
    line("shard", "share one set of states", shardGroups());
    line("replica", "hold the same shard", replicaGroups());
  }
  return text;
}
