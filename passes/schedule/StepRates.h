//===- StepRates.h - How fast a rank is -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SCHEDULE_STEPRATES_H
#define WEFT_PASSES_SCHEDULE_STEPRATES_H

#include <cstdint>

namespace weft {

/// How long library products take, by their size: tiles of rows x columns of a result, `units` of them at a time. A
/// wave of tiles takes as long however few there are. Where `units` is 1 and a tile one element, nothing but operations
/// counts.
struct ProductRates {
  double flopsPerSecond = 150e9;     ///< where every unit has a tile, of 16-bit operands
  double wideFlopsPerSecond = 150e9; ///< the same, of operands of 32 bits and more
  int64_t rows = 1, columns = 1, units = 1;
  double waveSeconds = 0; ///< of a wave, to fill and to write tiles
};

/// How fast a rank computes and moves data: what decisions about memory are weighed by. Two cores of a server.
struct StepRates {
  double flopsPerSecond = 150e9;          ///< of library products
  double kernelFlopsPerSecond = 37.5e9;   ///< of kernels
  double bytesPerSecond = 30e9;           ///< of kernels, read plus written
  double linkBytesPerSecond = 1e9;        ///< between ranks
  double hostBytesPerSecond = 10e9;       ///< between the arena and host memory, one way
  double hostKernelBytesPerSecond = 30e9; ///< of kernels on the host's processors, read plus written
  double collectiveSeconds = 50e-6;       ///< of a collective, however little it moves
  double wordSeconds = 4e-6;              ///< of all words that a rank exchanges with another about copies
  double copySeconds = 2e-6;              ///< of one copy to another rank's memory, however little
  double launchSeconds = 0;               ///< of a kernel or a call, however little it computes
  /// What computing loses beside a collective, as a part of the collective's time: one that a library carries, or copy
  /// engines. Ranks on processors communicate with what they compute with.
  double besideLibrary = 1, besideCopies = 1;
  ProductRates products = {}; ///< what halves of the samples are weighed by
};

} // namespace weft

#endif // WEFT_PASSES_SCHEDULE_STEPRATES_H
