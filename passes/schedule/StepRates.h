//===- StepRates.h - How fast a rank is -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef WEFT_PASSES_SCHEDULE_STEPRATES_H
#define WEFT_PASSES_SCHEDULE_STEPRATES_H

namespace weft {

/// How fast a rank computes and moves data: what decisions about memory are weighed by. Two cores of a server.
struct StepRates {
  double flopsPerSecond = 150e9;          ///< of library products
  double kernelFlopsPerSecond = 37.5e9;   ///< of kernels
  double bytesPerSecond = 30e9;           ///< of kernels, read plus written
  double linkBytesPerSecond = 1e9;        ///< between ranks
  double hostBytesPerSecond = 10e9;       ///< between the arena and host memory, one way
  double hostKernelBytesPerSecond = 30e9; ///< of kernels on the host's processors, read plus written
  double collectiveSeconds = 50e-6;       ///< of a collective, however little it moves
  double copySeconds = 5e-6;              ///< of one copy to another rank's memory, however little
};

} // namespace weft

#endif // WEFT_PASSES_SCHEDULE_STEPRATES_H
