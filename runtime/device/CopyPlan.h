//===- CopyPlan.h - What copy engines do for a collective -------*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A collective as a list of steps on one stream or two. It knows of no device: tests
// carry it out with threads (docs/communication.md, "By copy engines").
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_DEVICE_COPYPLAN_H
#define WEFT_DEVICE_COPYPLAN_H

#include "weft/copy_collective.h"

namespace weft::rt {

/// What a rank tells another by a word in the other's memory: 1 says it, and who has waited for it sets it to 0 again.
enum class CopyFlag {
  Ready,    ///< "write to my memory"
  Arrived0, ///< "all that I write to you is there", of even rounds
  Arrived1, ///< of odd rounds
  Free0,    ///< "the scratch memory of that round may be written again"
  Free1,
};
inline constexpr int64_t kCopyFlags = 5;

/// Where a copy goes to: the output of the same member, or scratch memory.
enum class CopyTarget { Output, Scratch };

/// `rows` rows of `width` bytes, whose beginnings lie a pitch apart on each side; all in bytes.
struct CopyBox {
  int64_t rows = 1, width = 0, from = 0, fromPitch = 0, to = 0, toPitch = 0;
};

/// One thing that a stream does.
struct CopyStep {
  enum Kind {
    Fork,   ///< the second stream goes on when the first has come here
    Join,   ///< and the first when the second has
    Signal, ///< sets `flag` in the memory of `peer`
    Await,  ///< waits for the flag that `peer` sets, and clears it
    Copy,   ///< from this rank's input to `peer`'s memory, which may be its own
    Reduce, ///< parts in scratch memory, and this rank's own, into the output
  };
  Kind kind = Fork;
  int stream = 0;
  /// A place in the group.
  int64_t peer = 0;
  CopyFlag flag = CopyFlag::Ready;
  size_t member = 0;
  CopyTarget target = CopyTarget::Output;
  CopyBox box;
  /// Of a reduction: this rank's rows in its input are `box.from` on, those in the output `box.to` on; the first other
  /// rank's lie from `scratch` on, dense, the next one's `slotBytes` later.
  int64_t scratch = 0;
};

/// A collective as the rank at place `self` carries it out.
struct CopyPlan {
  std::vector<CopyStep> steps;
  int64_t ranks = 1, self = 0, slotBytes = 0;
};

/// `roundBytes`: what a rank receives in one round of a reduction; `asideBytes`: when there is a second stream.
CopyPlan planCopies(const CollectiveDesc &desc, int64_t ranks, int64_t self, int64_t roundBytes = kCopyRoundBytes,
                    int64_t asideBytes = kCopyAsideBytes);

} // namespace weft::rt

#endif // WEFT_DEVICE_COPYPLAN_H
