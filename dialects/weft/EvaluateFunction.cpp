//===- EvaluateFunction.cpp - Running a function on literals -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "dialects/weft/EvaluateFunction.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace weft;

namespace {

/// One run: the values so far.
class Run {
public:
  Run(LookupFn lookup, SinkFn sink) : lookup(lookup), sink(sink) {}

  void set(Value value, Literal literal) { values[value] = std::move(literal); }
  const Literal &get(Value value) const { return values.find(value)->second; }

  LogicalResult evaluate(Operation &op) {
    if (auto read = dyn_cast<ReadOp>(op))
      return evaluate(read);
    if (auto write = dyn_cast<WriteOp>(op)) {
      const Literal &value = get(write.getValue());
      written[write.getSymbol()] = value;
      if (sink)
        sink(write.getSymbol(), value);
      return success();
    }
    auto evaluator = dyn_cast<EvaluateOpInterface>(op);
    if (!evaluator)
      return op.emitOpError("has no reference evaluation");
    SmallVector<Literal> operands, results;
    for (Value operand : op.getOperands())
      operands.push_back(get(operand));
    if (failed(evaluator.evaluate(operands, results)))
      return op.emitOpError("cannot be evaluated on these operands");
    assert(results.size() == op.getNumResults() && "one literal per result");
    for (auto [value, literal] : llvm::zip_equal(op.getResults(), results)) {
      assert(value.getType() == literal.getType() && "evaluation gave another type");
      set(value, std::move(literal));
    }
    return success();
  }

private:
  LogicalResult evaluate(ReadOp read) {
    auto found = written.find(read.getSymbol());
    if (found != written.end()) {
      set(read.getResult(), found->second);
      return success();
    }
    std::optional<Literal> literal;
    if (lookup)
      literal = lookup(read.getSymbol());
    if (!literal)
      return read.emitOpError() << "reads @" << read.getSymbol() << ", which has no value";
    if (literal->getType() != read.getType())
      return read.emitOpError() << "reads @" << read.getSymbol() << " as " << read.getType() << ", its value is "
                                << literal->getType();
    set(read.getResult(), std::move(*literal));
    return success();
  }

  LookupFn lookup;
  SinkFn sink;
  DenseMap<Value, Literal> values;
  llvm::StringMap<Literal> written;
};

} // namespace

LogicalResult weft::evaluateFunction(func::FuncOp function, ArrayRef<Literal> arguments,
                                     SmallVectorImpl<Literal> &results, LookupFn lookup, SinkFn sink) {
  if (!function.getBody().hasOneBlock())
    return function.emitOpError("cannot be evaluated: it has not exactly one block");
  Block &block = function.getBody().front();
  if (block.getNumArguments() != arguments.size())
    return function.emitOpError() << "takes " << block.getNumArguments() << " arguments, not " << arguments.size();
  Run run(lookup, sink);
  for (auto [argument, literal] : llvm::zip_equal(block.getArguments(), arguments)) {
    if (argument.getType() != literal.getType())
      return function.emitOpError() << "takes " << argument.getType() << " as argument " << argument.getArgNumber()
                                    << ", not " << literal.getType();
    run.set(argument, literal);
  }
  for (Operation &op : block.without_terminator())
    if (failed(run.evaluate(op)))
      return failure();
  for (Value value : block.getTerminator()->getOperands())
    results.push_back(run.get(value));
  return success();
}
