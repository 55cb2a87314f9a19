//===- Compare.cpp - Values of an executable against reference values -----===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/driver/Compare.h"
#include "weft/safetensors.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>

using namespace weft;
using State = ComparisonRow::State;

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

template <typename T> static T load(const char *data) {
  T value;
  memcpy(&value, data, sizeof(T)); // tensors in a file are not aligned
  return value;
}

static double halfToDouble(uint16_t bits) {
  int exponent = (bits >> 10) & 31;
  double fraction = bits & 1023;
  double magnitude = exponent == 0    ? std::ldexp(fraction, -24)
                     : exponent == 31 ? (fraction == 0 ? INFINITY : NAN)
                                      : std::ldexp(1024 + fraction, exponent - 25);
  return bits & 0x8000 ? -magnitude : magnitude;
}

static double bfloatToDouble(uint16_t bits) {
  uint32_t wide = static_cast<uint32_t>(bits) << 16;
  return load<float>(reinterpret_cast<const char *>(&wide));
}

/// The elements of a tensor; nothing if its type is not one that values are recorded in.
static std::optional<std::vector<double>> valuesOf(const SafetensorsEntry &entry) {
  double (*read)(const char *) = nullptr;
  if (entry.dtype == "F32")
    read = [](const char *p) { return static_cast<double>(load<float>(p)); };
  else if (entry.dtype == "F64")
    read = [](const char *p) { return load<double>(p); };
  else if (entry.dtype == "F16")
    read = [](const char *p) { return halfToDouble(load<uint16_t>(p)); };
  else if (entry.dtype == "BF16")
    read = [](const char *p) { return bfloatToDouble(load<uint16_t>(p)); };
  else if (entry.dtype == "I64")
    read = [](const char *p) { return static_cast<double>(load<int64_t>(p)); };
  else if (entry.dtype == "I32")
    read = [](const char *p) { return static_cast<double>(load<int32_t>(p)); };
  else
    return std::nullopt;
  int64_t stride = safetensorsElementBytes(entry.dtype);
  std::vector<double> values(entry.elements());
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = read(static_cast<const char *>(entry.data) + i * stride);
  return values;
}

static double norm(const std::vector<double> &values) {
  double sum = 0;
  for (double v : values)
    sum += v * v;
  return std::sqrt(sum);
}

/// |a - b| in the L2 norm; the vectors have one length.
static double distance(const std::vector<double> &a, const std::vector<double> &b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i)
    sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum);
}

/// A ratio that is 0 where both are 0.
static double ratio(double part, double whole) { return part == 0 ? 0 : part / whole; }

/// Whether an error is the larger one; one that is not a number is larger than any that is.
static bool isWorse(double error, double than) { return std::isnan(error) ? !std::isnan(than) : error > than; }

static ComparisonRow finish(std::string what, double error, double tolerance, std::string note) {
  return {std::move(what), isWorse(error, tolerance) ? State::Miss : State::Ok, error, std::move(note)};
}

static ComparisonRow fault(std::string what, std::string note) {
  return {std::move(what), State::Fault, 0, std::move(note)};
}

static std::string shapeText(const SafetensorsEntry &entry) {
  std::string text = "[";
  for (size_t i = 0; i < entry.shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(entry.shape[i]);
  return text + "]";
}

static std::string quoted(const std::string &name) { return "'" + name + "'"; }

//===----------------------------------------------------------------------===//
// One tensor: logits, loss, curve
//===----------------------------------------------------------------------===//

static ComparisonRow compareLogits(const SafetensorsFile &reference, const SafetensorsFile &record, double tolerance) {
  const SafetensorsEntry *r = reference.find("logits"), *g = record.find("logits");
  if (!r && !g)
    return {"logits", State::Absent, 0, "not an output of the model, not in the reference"};
  if (!r)
    return {"logits", State::Absent, 0, "not in the reference"};
  if (!g)
    return fault("logits", "in the reference, but the model has no such output");
  if (r->elements() != g->elements())
    return fault("logits", "shape " + shapeText(*g) + ", in the reference " + shapeText(*r));
  auto rv = valuesOf(*r), gv = valuesOf(*g);
  if (!rv || !gv)
    return fault("logits", "element type " + (rv ? g->dtype : r->dtype) + " cannot be compared");
  return finish("logits", ratio(distance(*gv, *rv), norm(*rv)), tolerance, "relative L2 error, " + shapeText(*r));
}

/// The worst relative error of the elements of two lists; `note` is about the worst one.
static ComparisonRow compareElements(const std::string &what, const SafetensorsEntry *r, const SafetensorsEntry *g,
                                     double tolerance, bool showIndex) {
  if (!r)
    return {what, State::Absent, 0, "not in the reference"};
  if (!g)
    return fault(what, "the executable recorded none");
  auto rv = valuesOf(*r), gv = valuesOf(*g);
  // A shorter run is compared as far as it went.
  size_t count = rv && gv ? std::min(rv->size(), gv->size()) : 0;
  if (count == 0)
    return fault(what, "recorded " + g->dtype + shapeText(*g) + ", the reference has " + r->dtype + shapeText(*r));
  size_t worst = 0;
  double worstError = 0;
  for (size_t i = 0; i < count; ++i)
    if (double error = ratio(std::abs((*gv)[i] - (*rv)[i]), std::abs((*rv)[i])); isWorse(error, worstError))
      worst = i, worstError = error;
  char text[128];
  snprintf(text, sizeof(text), "%.7g, reference %.7g", (*gv)[worst], (*rv)[worst]);
  std::string note = text;
  if (showIndex)
    note += ", at step " + std::to_string(worst + 1) + " of " + std::to_string(count);
  return finish(what, worstError, tolerance, note);
}

//===----------------------------------------------------------------------===//
// A tensor for each parameter: gradients, parameters
//===----------------------------------------------------------------------===//

namespace {
/// The reference and the recorded tensor of one parameter.
struct Pair {
  std::string name;
  const SafetensorsEntry *reference, *recorded;
};

/// The tensors under a prefix in both files, matched by any of a parameter's names.
struct Matching {
  std::vector<Pair> pairs;
  std::vector<std::string> notInModel, notInReference, notRecorded;
};
} // namespace

static bool sameTensor(const SafetensorsEntry &a, const SafetensorsEntry &b) {
  return a.dtype == b.dtype && a.shape == b.shape && memcmp(a.data, b.data, a.bytes) == 0;
}

/// `referencePrefix` and `recordPrefix` end in a slash.
static Matching match(const SafetensorsFile &reference, const std::string &referencePrefix,
                      const SafetensorsFile &record, const std::string &recordPrefix,
                      const std::vector<ParameterNames> &parameters) {
  Matching result;
  std::map<std::string, bool> used; // by name in the reference
  for (const SafetensorsEntry &entry : reference.tensors())
    if (entry.name.compare(0, referencePrefix.size(), referencePrefix) == 0)
      used[entry.name] = false;

  for (const ParameterNames &parameter : parameters) {
    if (!parameter.trainable)
      continue;
    const SafetensorsEntry *r = nullptr, *g = nullptr;
    for (const std::string &name : parameter.names) {
      if (const SafetensorsEntry *found = reference.find(referencePrefix + name)) {
        used[found->name] = true;
        r = r ? r : found;
      }
      if (!g)
        g = record.find(recordPrefix + name);
    }
    if (!r)
      result.notInReference.push_back(parameter.names.front());
    else if (!g)
      result.notRecorded.push_back(parameter.names.front());
    else
      result.pairs.push_back({parameter.names.front(), r, g});
  }
  // A tied parameter appears once in the model, under all its names in the reference, with the same values.
  for (auto &[name, isUsed] : used) {
    if (isUsed)
      continue;
    const SafetensorsEntry *entry = reference.find(name);
    bool tied = std::any_of(result.pairs.begin(), result.pairs.end(),
                            [&](const Pair &pair) { return sameTensor(*pair.reference, *entry); });
    if (!tied)
      result.notInModel.push_back(name.substr(referencePrefix.size()));
  }
  return result;
}

/// A few of the names, for a note.
static std::string listNames(const std::vector<std::string> &names) {
  std::string text;
  for (size_t i = 0; i < names.size() && i < 3; ++i)
    text += (i ? ", " : "") + quoted(names[i]);
  return names.size() > 3 ? text + " and " + std::to_string(names.size() - 3) + " more" : text;
}

/// Says what has no counterpart; empty if everything has one.
static std::string describeUnmatched(const Matching &matching) {
  std::string text;
  auto add = [&](const char *what, const std::vector<std::string> &names) {
    if (!names.empty())
      text += (text.empty() ? "" : "; ") + std::string(what) + " " + listNames(names);
  };
  add("in the reference but not trained by the model:", matching.notInModel);
  add("trained by the model but not in the reference:", matching.notInReference);
  add("not recorded by the executable:", matching.notRecorded);
  return text;
}

/// `floorFraction`: the reference's norm counts as at least this part of the norm of all of them together.
static ComparisonRow compareTensors(const std::string &what, const Matching &matching, double floorFraction,
                                    double tolerance) {
  if (std::string unmatched = describeUnmatched(matching); !unmatched.empty())
    return fault(what, unmatched);
  std::vector<std::vector<double>> references, recorded;
  double squares = 0;
  for (const Pair &pair : matching.pairs) {
    auto r = valuesOf(*pair.reference), g = valuesOf(*pair.recorded);
    if (!r || !g || pair.reference->shape != pair.recorded->shape)
      return fault(what, quoted(pair.name) + " is " + pair.recorded->dtype + shapeText(*pair.recorded) +
                             ", in the reference " + pair.reference->dtype + shapeText(*pair.reference));
    double size = norm(*r);
    squares += size * size;
    references.push_back(std::move(*r));
    recorded.push_back(std::move(*g));
  }
  double floor = floorFraction * std::sqrt(squares), worstError = 0;
  std::string worst = matching.pairs.front().name;
  for (size_t i = 0; i < references.size(); ++i) {
    double size = std::max(norm(references[i]), floor);
    if (double error = ratio(distance(recorded[i], references[i]), size); isWorse(error, worstError))
      worst = matching.pairs[i].name, worstError = error;
  }
  return finish(what, worstError, tolerance,
                std::to_string(references.size()) + " parameters, worst: " + quoted(worst));
}

static bool hasPrefix(const SafetensorsFile &file, const std::string &prefix) {
  return std::any_of(file.tensors().begin(), file.tensors().end(),
                     [&](const SafetensorsEntry &entry) { return entry.name.compare(0, prefix.size(), prefix) == 0; });
}

std::vector<ComparisonRow> weft::compareRecords(const SafetensorsFile &reference, const SafetensorsFile &record,
                                                const std::vector<ParameterNames> &parameters,
                                                const Tolerances &tolerances) {
  std::vector<ComparisonRow> rows;
  rows.push_back(compareLogits(reference, record, tolerances.logits));
  rows.push_back(compareElements("loss", reference.find("loss"), record.find("loss"), tolerances.loss, false));

  if (!hasPrefix(reference, "grad/"))
    rows.push_back({"gradients", State::Absent, 0, "not in the reference"});
  else
    rows.push_back(compareTensors("gradients", match(reference, "grad/", record, "grad/", parameters),
                                  tolerances.gradientFloor, tolerances.gradients));

  rows.push_back(compareElements("curve", reference.find("adamw_curve"), record.find("curve"), tolerances.curve, true));

  if (!hasPrefix(reference, "after20/"))
    rows.push_back({"parameters", State::Absent, 0, "not in the reference"});
  else if (const SafetensorsEntry *curve = record.find("curve"); curve && curve->elements() != 20)
    rows.push_back({"parameters", State::Absent, 0,
                    "the reference's are after 20 steps, not after " + std::to_string(curve->elements())});
  else
    rows.push_back(compareTensors("parameters", match(reference, "after20/", record, "param/", parameters), 0,
                                  tolerances.parameters));
  return rows;
}
