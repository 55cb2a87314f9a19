//===- PlacementTest.cpp - Ranks and groups, rank for rank ----------------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The tables are those of the feature specification.
//
//===----------------------------------------------------------------------===//

#include "compiler/plan/Placement.h"

#include <algorithm>
#include <gtest/gtest.h>

using namespace weft;

namespace {

Placement make(const std::string &strategy, const std::string &mesh) {
  std::string error;
  std::optional<Degrees> degrees = Degrees::parse(mesh, 0, error);
  EXPECT_TRUE(degrees) << error;
  std::optional<Placement> placement = Placement::create(strategy, *degrees, error);
  EXPECT_TRUE(placement) << error;
  return *placement;
}

/// "000 001 ...": the indices along D, P and T of every rank.
std::string indices(const Placement &placement) {
  std::string text;
  for (int64_t rank = 0; rank < placement.size(); ++rank) {
    text += rank ? " " : "";
    for (char letter : {'D', 'P', 'T'})
      text += std::to_string(placement.coordinate(rank, letter));
  }
  return text;
}

std::string places(const Placement &placement, const std::vector<RankGroup> &groups) {
  std::string text;
  for (int64_t rank = 0; rank < placement.size(); ++rank)
    text += (rank ? " " : "") + std::to_string(placeIn(groups, rank));
  return text;
}

using Groups = std::vector<RankGroup>;

std::string parseError(const std::string &mesh, int64_t world = 0) {
  std::string error;
  EXPECT_FALSE(Degrees::parse(mesh, world, error)) << mesh;
  return error;
}

std::string createError(const std::string &strategy, const std::string &mesh) {
  std::string error;
  EXPECT_FALSE(Placement::create(strategy, *Degrees::parse(mesh, 0, error), error)) << strategy;
  return error;
}

} // namespace

// Eight ranks, every degree 2, under the four strategies of the table.
TEST(Placement, EightRanks) {
  struct {
    const char *strategy, *indices;
    Groups tensor, pipeline;
  } rows[] = {
      {"DPT", "000 001 010 011 100 101 110 111", {{0, 1}, {2, 3}, {4, 5}, {6, 7}}, {{0, 2}, {1, 3}, {4, 6}, {5, 7}}},
      {"PTD", "000 100 001 101 010 110 011 111", {{0, 2}, {1, 3}, {4, 6}, {5, 7}}, {{0, 4}, {1, 5}, {2, 6}, {3, 7}}},
      {"DTP", "000 010 001 011 100 110 101 111", {{0, 2}, {1, 3}, {4, 6}, {5, 7}}, {{0, 1}, {2, 3}, {4, 5}, {6, 7}}},
      {"TPD", "000 100 010 110 001 101 011 111", {{0, 4}, {1, 5}, {2, 6}, {3, 7}}, {{0, 2}, {1, 3}, {4, 6}, {5, 7}}},
  };
  for (const auto &row : rows) {
    Placement placement = make(row.strategy, "dp=2,pp=2,tp=2");
    EXPECT_EQ(indices(placement), row.indices) << row.strategy;
    EXPECT_EQ(placement.tensorGroups(), row.tensor) << row.strategy;
    EXPECT_EQ(placement.pipelineGroups(), row.pipeline) << row.strategy;
  }
  EXPECT_EQ(indices(make("cluster", "dp=2,pp=2,tp=2")), rows[0].indices);
  EXPECT_EQ(indices(make("spread", "dp=2,pp=2,tp=2")), rows[3].indices);
}

// The place of each rank among the ranks of its stage, and of its model.
TEST(Placement, DataAndModelRanks) {
  struct {
    const char *strategy, *data, *model;
  } rows[] = {
      {"DTP", "0 0 1 1 2 2 3 3", "0 1 2 3 0 1 2 3"},
      {"DPT", "0 1 0 1 2 3 2 3", "0 1 2 3 0 1 2 3"},
      {"PTD", "0 1 2 3 0 1 2 3", "0 0 1 1 2 2 3 3"},
  };
  for (const auto &row : rows) {
    Placement placement = make(row.strategy, "dp=2,pp=2,tp=2");
    EXPECT_EQ(places(placement, placement.dataGroups()), row.data) << row.strategy;
    EXPECT_EQ(places(placement, placement.modelGroups()), row.model) << row.strategy;
  }
}

// Two and four partitions without tensor parallelism on eight ranks.
TEST(Placement, PipelineOnly) {
  Placement spread = make("spread", "dp=4,pp=2"), cluster = make("cluster", "dp=4,pp=2");
  EXPECT_EQ(spread.modelGroups(), (Groups{{0, 4}, {1, 5}, {2, 6}, {3, 7}}));
  EXPECT_EQ(spread.dataGroups(), (Groups{{0, 1, 2, 3}, {4, 5, 6, 7}}));
  EXPECT_EQ(cluster.modelGroups(), (Groups{{0, 1}, {2, 3}, {4, 5}, {6, 7}}));
  EXPECT_EQ(cluster.dataGroups(), (Groups{{0, 2, 4, 6}, {1, 3, 5, 7}}));
  EXPECT_EQ(make("spread", "dp=2,pp=4").modelGroups(), (Groups{{0, 2, 4, 6}, {1, 3, 5, 7}}));
  EXPECT_EQ(make("cluster", "dp=2,pp=4").modelGroups(), (Groups{{0, 1, 2, 3}, {4, 5, 6, 7}}));
}

// Sharded data parallelism with tensor parallelism: 32 ranks, TP 4, groups of 4 share.
TEST(Placement, ShardedDataParallel) {
  Placement placement = make("cluster", "dp=8,tp=4,shard=4");
  Groups tensor = placement.tensorGroups(), shards = placement.shardGroups(), replicas = placement.replicaGroups();
  ASSERT_EQ(tensor.size(), 8u);
  EXPECT_EQ(tensor.front(), (RankGroup{0, 1, 2, 3}));
  EXPECT_EQ(tensor.back(), (RankGroup{28, 29, 30, 31}));
  EXPECT_EQ(placement.reducedDataGroups().front(), (RankGroup{0, 4, 8, 12, 16, 20, 24, 28}));
  EXPECT_NE(std::find(shards.begin(), shards.end(), RankGroup{0, 4, 8, 12}), shards.end());
  EXPECT_NE(std::find(shards.begin(), shards.end(), RankGroup{16, 20, 24, 28}), shards.end());
  for (const RankGroup &whole : placement.reducedDataGroups())
    for (int64_t rank : whole) {
      EXPECT_EQ(placeIn(shards, rank), placeIn({whole}, rank) % 4);
      EXPECT_EQ(placeIn(replicas, rank), placeIn({whole}, rank) / 4);
    }
  std::vector<Placement::Axis> axes = placement.axes();
  ASSERT_EQ(axes.size(), 3u);
  EXPECT_EQ(axes[0].name, "replica");
  EXPECT_EQ(axes[1].name, "shard");
  EXPECT_EQ(axes[2].name, "tp");
}

// The identities of the specification, and that groups of a kind hold every rank once, for many degrees and orders.
TEST(Placement, Identities) {
  for (const char *mesh : {"dp=2,pp=3,tp=4", "dp=6,tp=2,shard=3", "dp=2,pp=2,tp=2,cp=2,ep=3", "pp=5", "dp=4,ep=2"}) {
    std::string letters = "CDEPT";
    do {
      Placement p = make(letters, mesh);
      const Degrees &d = p.degrees();
      int64_t dp = static_cast<int64_t>(p.dataGroups().front().size());
      int64_t mp = static_cast<int64_t>(p.modelGroups().front().size());
      EXPECT_EQ(mp * d.data, p.size());
      EXPECT_EQ(d.pipeline * dp, p.size());
      EXPECT_EQ(d.pipeline * d.tensor * d.data * d.context * d.expert, p.size());
      EXPECT_EQ(dp, d.data * d.tensor * d.context * d.expert);
      EXPECT_EQ(mp, d.pipeline * d.tensor * d.context * d.expert);
      for (const Groups &groups :
           {p.tensorGroups(), p.pipelineGroups(), p.contextGroups(), p.expertGroups(), p.reducedDataGroups(),
            p.dataGroups(), p.modelGroups(), p.shardGroups(), p.replicaGroups()}) {
        RankGroup all;
        for (const RankGroup &group : groups) {
          EXPECT_TRUE(std::is_sorted(group.begin(), group.end()));
          EXPECT_EQ(group.size(), groups.front().size());
          all.insert(all.end(), group.begin(), group.end());
        }
        std::sort(all.begin(), all.end());
        ASSERT_EQ(static_cast<int64_t>(all.size()), p.size());
        for (int64_t rank = 0; rank < p.size(); ++rank)
          ASSERT_EQ(all[rank], rank);
      }
    } while (std::next_permutation(letters.begin(), letters.end()));
  }
}

// Expert and context ranks stand before T where nothing else is said; those of degree 1 are not shown.
TEST(Placement, DefaultOrderOfExpertAndContext) {
  EXPECT_EQ(make("cluster", "dp=2,tp=2,cp=2,ep=2").letters(), "DPECT");
  EXPECT_EQ(make("spread", "dp=2,tp=2,cp=2,ep=2").letters(), "TCEPD");
  EXPECT_EQ(make("DPT", "dp=2,tp=2,cp=2,ep=2").letters(), "DPECT");
  EXPECT_EQ(make("TPD", "dp=2,tp=2,cp=2").letters(), "CTPD");
  EXPECT_EQ(make("cluster", "dp=2,tp=2").letters(), "DPT");
  EXPECT_EQ(make("CDPT", "dp=2,cp=2").letters(), "CDPT");
  EXPECT_EQ(make("DT", "dp=2,tp=2").letters(), "DT");
}

// The number of ranks gives the degree of data parallelism, or must be what the degrees multiply to.
TEST(Placement, World) {
  std::string error;
  EXPECT_EQ(Degrees::parse("tp=2,pp=2", 16, error)->data, 4);
  EXPECT_EQ(Degrees::parse("", 3, error)->data, 3);
  EXPECT_EQ(Degrees::parse("dp=2,tp=2", 4, error)->data, 2);
  EXPECT_EQ(
      parseError("dp=2,pp=2,tp=2", 16),
      "the degrees dp=2, pp=2, tp=2 multiply to 8, not to the 16 ranks there are; leave dp out to have what remains");
  EXPECT_EQ(parseError("tp=3", 8), "the degrees tp=3 are 3 ranks, which do not divide the 8 there are");
}

// One clear error for everything that cannot be placed.
TEST(Placement, Errors) {
  EXPECT_EQ(parseError("dp=2,xp=3"),
            "'xp=3' in the mesh is none of dp, pp, tp, cp, ep and shard with a number, as in dp=2,tp=4");
  EXPECT_EQ(parseError("dp=0"), "'dp=0' in the mesh is not a positive number, as in dp=2");
  EXPECT_EQ(parseError("dp=-1"), "'dp=-1' in the mesh is not a positive number, as in dp=2");
  EXPECT_EQ(parseError("tp"), "'tp' in the mesh is not a positive number, as in tp=2");
  EXPECT_EQ(parseError("dp=2,"),
            "'' in the mesh is none of dp, pp, tp, cp, ep and shard with a number, as in dp=2,tp=4");
  EXPECT_EQ(parseError("dp=2,dp=2"), "the mesh has dp twice");
  EXPECT_EQ(parseError("dp=6,shard=4"), "shard=4 does not divide dp=6");
  EXPECT_EQ(parseError("dp=999999999,tp=999999999"), "the degrees dp=999999999 are more than 1048576 ranks");
  EXPECT_EQ(createError("DXT", "dp=2"),
            "placement 'DXT' has 'X', which is none of D, P, T, C and E, nor is it cluster or spread");
  EXPECT_EQ(createError("DPD", "dp=2"), "placement 'DPD' has 'D' twice");
  EXPECT_EQ(createError("PT", "dp=2,tp=2"), "placement 'PT' lacks 'D', and dp is 2");
}
