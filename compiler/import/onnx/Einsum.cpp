//===- Einsum.cpp - ONNX's Einsum -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "compiler/import/onnx/NodeImport.h"

using namespace mlir;
using namespace weft;

using Shape = NodeImport::Shape;

namespace {
/// A tensor whose dimensions have letters. The dimensions of an ellipsis have the letters 1, 2, ... from the right, as
/// bytes below every printable one: in the order of the alphabet they come first.
struct Term {
  Value value;
  std::string labels;
};
} // namespace

/// What people read for a label.
static std::string labelName(char label) {
  return label < ' ' ? "a dimension of '...'" : "letter '" + std::string(1, label) + "'";
}

/// The labels of the `count` dimensions that an ellipsis stands for, first to last.
static std::string ellipsisLabels(int64_t count) {
  std::string labels;
  for (int64_t i = count; i > 0; --i)
    labels.push_back(static_cast<char>(i));
  return labels;
}

/// Keeps the diagonal of each pair of dimensions with one letter: they are made one, of which every (size+1)-th is
/// taken.
static void takeDiagonals(Build &e, Term &term) {
  for (size_t first = 0; first < term.labels.size(); ++first) {
    size_t second;
    while ((second = term.labels.find(term.labels[first], first + 1)) != std::string::npos) {
      int64_t size = tensorType(term.value).getDimSize(first);
      Shape perm;
      for (int64_t d = 0, rank = term.labels.size(); d < rank; ++d)
        if (d != static_cast<int64_t>(first) && d != static_cast<int64_t>(second))
          perm.push_back(d);
      Shape around(perm);
      perm.append({static_cast<int64_t>(first), static_cast<int64_t>(second)});
      Value moved = e.transpose(term.value, perm);
      Shape shape(tensorType(moved).getShape().drop_back(2));
      shape.push_back(size * size);
      Shape offsets(shape.size(), 0), strides(shape.size(), 1), sizes(shape);
      sizes.back() = size;
      strides.back() = size + 1;
      Value diagonal = e.slice(e.reshape(moved, shape), offsets, sizes, strides);
      // Back to where the first of the two was.
      Shape back;
      for (size_t d = 0; d < around.size() + 1; ++d)
        back.push_back(d < first ? d : d == first ? around.size() : d - 1);
      term.value = e.transpose(diagonal, back);
      term.labels.erase(second, 1);
    }
  }
}

/// Sums over the letters of `term` that are not in `keep`.
static void sumAway(Build &e, Term &term, const std::string &keep) {
  Shape dims;
  std::string left;
  for (auto [i, label] : llvm::enumerate(term.labels)) {
    if (keep.find(label) == std::string::npos)
      dims.push_back(i);
    else
      left.push_back(label);
  }
  term = {e.sum(term.value, dims), left};
}

/// The product of two terms with the letters in `keep` kept.
static FailureOr<Term> contract(NodeImport &n, Term a, Term b, const std::string &keep) {
  // A letter of one term only that nobody wants is summed before the product.
  sumAway(n.e, a, keep + b.labels);
  sumAway(n.e, b, keep + a.labels);
  Shape aBatch, bBatch, aContract, bContract, shape;
  std::string batch, aFree, bFree;
  for (auto [i, label] : llvm::enumerate(a.labels)) {
    size_t j = b.labels.find(label);
    if (j == std::string::npos) {
      aFree.push_back(label);
    } else if (keep.find(label) != std::string::npos) {
      aBatch.push_back(i);
      bBatch.push_back(j);
      batch.push_back(label);
    } else {
      aContract.push_back(i);
      bContract.push_back(j);
    }
  }
  for (char label : b.labels)
    if (a.labels.find(label) == std::string::npos)
      bFree.push_back(label);
  for (const Term *term : {&a, &b})
    for (auto [i, label] : llvm::enumerate(term->labels))
      if (batch.find(label) != std::string::npos ? term == &a
                                                 : (term == &a ? aFree : bFree).find(label) != std::string::npos)
        shape.push_back(tensorType(term->value).getDimSize(i));
  if (failed(n.checkShape(shape)))
    return failure();
  if (aContract.empty()) {
    // Nothing is summed: an elementwise product, which is part of the kernels around it.
    std::string labels = batch + aFree + bFree;
    Shape sizes;
    for (char label : labels) {
      const Term &term = a.labels.find(label) != std::string::npos ? a : b;
      sizes.push_back(tensorType(term.value).getDimSize(term.labels.find(label)));
    }
    auto spread = [&](const Term &term) {
      Shape perm, dims;
      for (auto [d, label] : llvm::enumerate(labels))
        if (size_t i = term.labels.find(label); i != std::string::npos) {
          perm.push_back(i);
          dims.push_back(d);
        }
      return n.e.broadcast(n.e.transpose(term.value, perm), dims, sizes);
    };
    return Term{n.e.mul(spread(a), spread(b)), labels};
  }
  return Term{n.e.dot(a.value, b.value, aBatch, bBatch, aContract, bContract), batch + aFree + bFree};
}

/// The labels of a term or of the result: letters, and "..." once. `rank`: how many dimensions it has; -1: those of an
/// ellipsis are `ellipsis`.
static FailureOr<std::string> parseLabels(NodeImport &n, StringRef text, int64_t rank, int64_t ellipsis,
                                          const std::string &equation) {
  size_t dots = text.find("...");
  std::string before = text.substr(0, dots).str(), after = dots == StringRef::npos ? "" : text.substr(dots + 3).str();
  for (char label : before + after)
    if (!llvm::isAlpha(label))
      return n.error() << "equation '" << equation << "' has '" << std::string(1, label)
                       << "' where letters, '...', ',' and '->' may be",
             failure();
  if (dots == StringRef::npos)
    return before;
  int64_t letters = before.size() + after.size();
  int64_t count = rank < 0 ? ellipsis : rank - letters;
  if (count < 0 || count >= ' ')
    return n.error() << "equation '" << equation << "': term '" << text << "' does not fit " << rank << " dimensions",
           failure();
  return before + ellipsisLabels(count) + after;
}

static LogicalResult einsum(NodeImport &n) {
  std::string equation = n.getString("equation", "");
  llvm::erase(equation, ' ');
  size_t arrow = equation.find("->");
  std::string left = equation.substr(0, arrow), output;
  SmallVector<StringRef> parts;
  StringRef(left).split(parts, ',');
  if (parts.size() != n.numInputs())
    return n.error() << "equation '" << equation << "' has " << parts.size() << " terms for " << n.numInputs()
                     << " operands";
  std::map<char, int64_t> sizes;
  std::map<char, int64_t> occurrences;
  SmallVector<Term> terms;
  int64_t ellipsis = 0;
  for (auto [i, text] : llvm::enumerate(parts)) {
    if (!n.has(i))
      return n.error() << "operand " << i << " is left out";
    if (failed(n.needSameElementType(0, i)))
      return failure();
    FailureOr<std::string> labels = parseLabels(n, text, n.rank(i), 0, equation);
    if (failed(labels))
      return failure();
    if (static_cast<int64_t>(labels->size()) != n.rank(i))
      return n.error() << "term '" << text << "' does not fit an operand of type " << n.type(i);
    Term term{n.input(i), *labels};
    for (auto [d, label] : llvm::enumerate(term.labels)) {
      ++occurrences[label];
      ellipsis = std::max<int64_t>(ellipsis, label < ' ' ? label : 0);
      int64_t &size = sizes.try_emplace(label, 1).first->second;
      int64_t own = n.shape(i)[d];
      if (size != 1 && own != 1 && size != own)
        return n.error() << "equation '" << equation << "': " << labelName(label) << " has sizes " << size << " and "
                         << own;
      size = size == 1 ? own : size;
      if (term.labels.find(label) != d && n.shape(i)[term.labels.find(label)] != own)
        return n.error() << "equation '" << equation << "': " << labelName(label) << " has sizes "
                         << n.shape(i)[term.labels.find(label)] << " and " << own << " in one term";
    }
    terms.push_back(std::move(term));
  }
  for (Term &term : terms) {
    takeDiagonals(n.e, term);
    // A size of 1 that is larger elsewhere repeats: the term does not depend on that letter.
    Shape kept;
    std::string labels;
    for (auto [d, label] : llvm::enumerate(term.labels)) {
      int64_t size = tensorType(term.value).getDimSize(d);
      if (size == 1 && sizes[label] != 1)
        continue;
      kept.push_back(size);
      labels.push_back(label);
    }
    term = {n.e.reshape(term.value, kept), labels};
  }
  if (arrow != std::string::npos) {
    FailureOr<std::string> labels = parseLabels(n, StringRef(equation).substr(arrow + 2), -1, ellipsis, equation);
    if (failed(labels))
      return failure();
    output = *labels;
  } else {
    // Without an arrow: the ellipsis, then the letters that occur once, in alphabetical order.
    output = ellipsisLabels(ellipsis);
    for (auto &[label, count] : occurrences)
      if (label >= ' ' && count == 1)
        output.push_back(label);
  }
  for (char label : output)
    if (!sizes.count(label) || llvm::count(output, label) != 1)
      return n.error() << "equation '" << equation << "': " << labelName(label)
                       << " of the result must occur once there and in an operand";
  Term result = terms.front();
  for (size_t i = 1; i < terms.size(); ++i) {
    std::string keep = output;
    for (const Term &later : ArrayRef(terms).drop_front(i + 1))
      keep += later.labels;
    FailureOr<Term> next = contract(n, result, terms[i], keep);
    if (failed(next))
      return failure();
    result = *next;
  }
  sumAway(n.e, result, output);
  Shape perm;
  for (char label : output)
    perm.push_back(result.labels.find(label));
  return n.done(n.e.transpose(result.value, perm));
}

void weft::registerEinsum(OpTable &table) { table.add("Einsum", einsum, 1, kAnyNumber); }
