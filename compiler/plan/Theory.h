//===- Theory.h - What collectives ought to move -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The formulas of docs/partitioning.md, "How much is sent": from sizes, degrees and what the plan says of products,
// without a look at the partitioned program.
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_COMPILER_PLAN_THEORY_H
#define WEFT_COMPILER_PLAN_THEORY_H

#include "compiler/plan/Plan.h"
#include "llvm/ADT/StringMap.h"

namespace weft {

/// What the formulas need to know of a step on one device.
struct StepFacts {
  /// How the step reads a parameter.
  struct Use {
    bool forward = false, backward = false, update = false;
    std::vector<int64_t> sliced; ///< the shape of a slice that is all that is read of it; empty: everything is
    int64_t rows = 0;            ///< of that slice, if they are positions; else 0
    int64_t gradient = -1;       ///< parameters with the same number have one gradient, as biases of what is added have
    bool isBetween = false;      ///< for what has all positions
    bool isOfHeads = false;      ///< as the scale of a norm of each head, which ranks of `tp` have some of
    bool isOfShared = false;     ///< scales or shifts what has been normalised once for several scales
    bool norm = false;           ///< as a norm's scale or shift: its gradient is a sum in f32 until it is reduced
    double shared = 0; ///< bytes of the sum that its gradient is made of, if activations' gradients are made of it too
  };
  llvm::StringMap<Use> uses;
  /// A product of activations with a parameter, or a lookup in one. Bytes are those of one micro-batch.
  struct Product {
    std::string parameter, layer;
    std::vector<int64_t> summed; ///< dimensions of the parameter that it sums over, or chooses in
    int64_t cotangent = -1;      ///< products with the same number have the same gradient of what they make; -1: none
    int64_t input = -1;          ///< products with the same number read the same activations; -1: a lookup
    double inputBytes = 0, outputBytes = 0; ///< of a lookup, its input is what it chooses by
    int64_t positions = 0;                  ///< of both; 0: they have none
    bool hasDataGradient = false, hasWeightGradient = false;
    int64_t turn = 0;               ///< place in the backward pass of the data's gradient
    bool isOutputReadAgain = false; ///< by the backward pass
    bool hasSamples = true;         ///< a lookup of numbers that are given has none
    bool isHead = false;            ///< makes the logits
    bool isFlat = false;            ///< what it makes has samples and positions in one dimension
    bool isWidened = false;         ///< what it makes is added to others in a wider type
    int64_t shared = -1;            ///< products with the same number read what was normalised once, scaled differently
    double unitBytes = 0;           ///< of the weight, if it is several units that a parameter was declared in
    int64_t chosenBy = -1;          ///< lookups with the same number choose by the same tensor
  };
  std::vector<Product> products; ///< in the order of the forward pass
  /// Bytes of one micro-batch of what has positions and is sliced to less than half of them, as the token that a
  /// classifier reads is.
  double tokens = 0;
  /// Bytes of what is put together of parts along the positions.
  double joined = 0;
  int64_t positions = 0; ///< between blocks
  /// Keys or values that are repeated for more query heads.
  struct Repeated {
    int64_t heads = 0;
    double bytes = 0; ///< repeated
  };
  std::vector<Repeated> repeated;
  /// What has samples and positions made one dimension, as the tokens of a mixture of experts have.
  struct Flattened {
    int64_t value = -1;   ///< its number as a product's input
    int64_t product = -1; ///< that makes it, as an index; -1: none does
    double bytes = 0;
  };
  std::vector<Flattened> flattened;
  /// Bytes of what is taken apart into samples and positions again.
  double unflattened = 0;
  /// A norm of all queries, or all keys, of a position.
  struct HeadNorm {
    int64_t heads = 0; ///< that are made of it
    double bytes = 0;  ///< of the sums of its rows, an f32 number for each row
  };
  std::vector<HeadNorm> headNorms;
  /// Bytes of what is counted along the positions, as some models count their position ids.
  double counted = 0;
  /// Bytes of sums over samples that activations are made with, and their gradients: those of batch norm.
  double sampleSums = 0, gradientSums = 0;
  /// Bytes of one f32 number for each row of logits in one micro-batch.
  double rows = 0;
  /// Bytes of its labels.
  double labels = 0;
  /// Bytes of the numbers that are summed up over all samples for the loss.
  double numbers = 16;
  /// Bytes of an element of an accumulated gradient of a 16- or 32-bit parameter.
  int64_t accumulatorBytes = 4;
};

/// Fills in `theory` of the plan's collectives. What theory has and the program lacks is added, with a count of 0.
void addTheory(Plan &plan, const StepFacts &facts);

} // namespace weft

#endif // WEFT_COMPILER_PLAN_THEORY_H
