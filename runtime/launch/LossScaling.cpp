//===- LossScaling.cpp - How the loss of fp16 programs is scaled ----------===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "launch/LossScaling.h"

#include <cstring>
#include <sstream>

using namespace weft::rt;

bool weft::rt::hasLossScale(const Manifest &manifest) { return manifest.findState("loss_scale") != nullptr; }

void LossScaling::fill(std::array<double, 16> &hyper) const {
  hyper[11] = factor;
  hyper[12] = static_cast<double>(window);
  hyper[13] = least;
  hyper[14] = static_cast<double>(hysteresis);
  hyper[15] = fixed ? 0 : consecutive ? 2 : 1;
}

void LossScaling::initialise(const Manifest &manifest, ArenaMemory &arena) const {
  if (!hasLossScale(manifest))
    return;
  double scale = fixed.value_or(initial);
  arena.write(manifest.findState("loss_scale")->offset, sizeof(scale),
              [&](char *to) { memcpy(to, &scale, sizeof(scale)); });
  arena.write(manifest.findState("loss_scale_hysteresis")->offset, sizeof(hysteresis),
              [&](char *to) { memcpy(to, &hysteresis, sizeof(hysteresis)); });
}

std::string LossScaling::text() const {
  std::ostringstream text;
  text.precision(17);
  text << initial << ' ' << factor << ' ' << least << ' ' << window << ' ' << hysteresis << ' ' << consecutive << ' '
       << fixed.value_or(0);
  return text.str();
}
