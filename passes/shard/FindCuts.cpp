//===- FindCuts.cpp - Which dimensions a mesh is to cut -*- C++ -*-===//
//
// Part of the Weft Project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "passes/shard/FindCuts.h"
#include "dialects/weft/Build.h"
#include "passes/shard/Factors.h"
#include "passes/shard/Preferences.h"
#include "passes/shard/Region.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;
using namespace weft;
using dist::Mesh;

Value FoundCut::value() const {
  if (auto read = dyn_cast<ReadOp>(op))
    return read.getResult();
  return op->getOperand(operand);
}

namespace {

/// Looks for the constraints of one task.
class Finder {
public:
  Finder(func::FuncOp function, int64_t tp, bool remark) : function(function), tp(tp), remark(remark) {}

  LogicalResult heads();
  void hidden();
  void vocabulary();
  /// Dimension `dim` of what norms read.
  void norms(int64_t dim, StringRef what);

  SmallVector<FoundCut> cuts;

private:
  void add(OpOperand &operand, int64_t dim, int64_t priority, StringRef what);

  func::FuncOp function;
  int64_t tp;
  bool remark;
};

} // namespace

void Finder::add(OpOperand &operand, int64_t dim, int64_t priority, StringRef what) {
  Operation *op = operand.getOwner();
  auto type = cast<RankedTensorType>(operand.get().getType());
  int64_t size = type.getDimSize(dim), held = llvm::divideCeil(size, tp), padding = held * tp - size;
  cuts.push_back({op, static_cast<int64_t>(operand.getOperandNumber()), dim, "tp", what.str(), priority});
  if (remark && padding)
    op->emitRemark() << what << " of " << size << " are not a multiple of tp=" << tp << ": each rank of 'tp' has "
                     << held << " of them with padding, " << tensorBytes(type) / size * padding
                     << " bytes of it in all, over all samples";
}

/// The degrees of tensor parallelism under which heads divide: where key/value heads do not, they are repeated.
static std::string possibleDegrees(int64_t heads, int64_t groups) {
  std::string degrees;
  for (int64_t tp = 1; tp <= heads; ++tp)
    if (groups == 1 ? heads % tp == 0 : heads % std::lcm(groups, tp) == 0)
      degrees += (degrees.empty() ? "" : ", ") + std::to_string(tp);
  return degrees;
}

/// Whether an op treats all elements alike, and does not change the shape.
static bool isElementwise(Operation *op) {
  if (op->getNumResults() != 1 || op->hasTrait<OpTrait::ConstantLike>())
    return false;
  OpFactors factors(op);
  if (!factors.isKnown() || factors.getNumTensors() < 2)
    return false;
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  for (const ShardingRule::Factor &factor : factors.getRule().factors)
    if (factor.kind != ShardingRule::FactorKind::Parallel)
      return false;
  for (Value operand : op->getOperands()) {
    auto other = dyn_cast<RankedTensorType>(operand.getType());
    if (!other || (other.getRank() != 0 && other.getShape() != type.getShape()))
      return false;
  }
  return true;
}

/// A parameter, as it is or seen through a change of its shape.
static bool isParameter(Value value) {
  Operation *op = value.getDefiningOp();
  while (op && isa<TransposeOp, ReshapeOp, dist::ConstrainOp>(op))
    op = op->getOperand(0).getDefiningOp();
  auto read = dyn_cast_or_null<ReadOp>(op);
  return read && isa_and_nonnull<ParamOp>(SymbolTable::lookupNearestSymbolFrom(read, read.getSymbolAttr()));
}

/// Whether the forward pass makes something of a value, element by element or sliced along other dimensions, that has a
/// dimension which products with activations do not mix: heads, in [batch, head, query, key].
static bool isBatchOfProducts(Value value, int64_t dim, llvm::SmallDenseSet<Value> &seen) {
  return seen.insert(value).second && llvm::any_of(value.getUses(), [&](OpOperand &use) {
           Operation *user = use.getOwner();
           if (regionOf(user->getLoc()) != "forward")
             return false;
           if (auto dot = dyn_cast<DotGeneralOp>(user)) {
             bool isLhs = use.getOperandNumber() == 0;
             return llvm::is_contained(isLhs ? dot.getLhsBatch() : dot.getRhsBatch(), dim) &&
                    !isParameter(isLhs ? dot.getRhs() : dot.getLhs());
           }
           bool isSame = isElementwise(user) || isa<SliceOp>(user);
           return isSame && tensorType(user->getResult(0)).getDimSize(dim) == tensorType(value).getDimSize(dim) &&
                  isBatchOfProducts(user->getResult(0), dim, seen);
         });
}

/// Query heads are cut together with the key/value heads they use. Attention that is none of the kinds that have an op
/// (with a bias that is trained, capped logits or sinks) is a softmax of [batch, head, query, key] between products.
LogicalResult Finder::heads() {
  for (SoftmaxOp softmax : function.getOps<SoftmaxOp>()) {
    RankedTensorType type = tensorType(softmax.getInput());
    llvm::SmallDenseSet<Value> seen;
    if (regionOf(softmax.getLoc()) != "forward" || type.getRank() != 4 || type.getDimSize(1) == 1 ||
        !isBatchOfProducts(softmax.getResult(), 1, seen))
      continue;
    if (type.getDimSize(1) % tp != 0)
      return softmax.emitError() << "attention of " << type.getDimSize(1) << " heads cannot be cut into tp=" << tp
                                 << " equal parts; choose one of tp=" << possibleDegrees(type.getDimSize(1), 1);
    add(softmax.getInputMutable(), 1, kTensorPriority, "attention heads");
  }
  for (AttentionOp attention : function.getOps<AttentionOp>()) {
    int64_t groups = tensorType(attention.getK()).getDimSize(2), heads = tensorType(attention.getQ()).getDimSize(2);
    if (heads % tp != 0 || (groups != 1 && groups % tp != 0)) {
      InFlightDiagnostic error = attention.emitError()
                                 << "attention of " << heads << " heads" << (groups == heads ? "" : " with ");
      if (groups != heads)
        error << groups << " key/value heads";
      return error << " cannot be cut into tp=" << tp
                   << " equal parts; choose one of tp=" << possibleDegrees(heads, groups);
    }
    add(attention.getQMutable(), 2, kTensorPriority, "attention heads");
  }
  return success();
}

static bool isProjection(Operation *op) {
  auto dot = dyn_cast_or_null<DotGeneralOp>(op);
  return dot && dot.getLhsBatch().empty() && dot.getRhsContract().size() == 1 && isParameter(dot.getRhs());
}

/// If an op takes a part of what a product with a packed weight makes, [..., parts, element], with all elements: that
/// product, or the addition of its bias; null if not.
static Operation *wholeOfPart(Operation *op) {
  if (auto reshape = dyn_cast<ReshapeOp>(op))
    op = reshape.getInput().getDefiningOp<SliceOp>();
  auto slice = dyn_cast_or_null<SliceOp>(op);
  if (!slice)
    return nullptr;
  RankedTensorType from = tensorType(slice.getInput()), to = tensorType(slice.getResult());
  int64_t last = from.getRank() - 1;
  Operation *whole = slice.getInput().getDefiningOp();
  auto isPacked = [](Operation *op) {
    auto dot = dyn_cast_or_null<DotGeneralOp>(op);
    return dot && isProjection(dot) && tensorType(dot.getRhs()).getRank() == 3;
  };
  bool makesParts = isPacked(whole) ||
                    (isa_and_nonnull<arith::AddFOp>(whole) && llvm::any_of(whole->getOperands(), [&](Value operand) {
                       return isPacked(operand.getDefiningOp());
                     }));
  return makesParts && to.getDimSize(last) == from.getDimSize(last) ? whole : nullptr;
}

/// Whether nothing but products, in the end, reads what is made of a value element by element: it is inside of an MLP.
/// A residual addition, or a norm, reads what is between blocks. `known` is for all values of a task.
static bool isInside(Value value, DenseMap<Value, bool> &known) {
  if (auto it = known.find(value); it != known.end())
    return it->second;
  auto isRead = [&](Operation *user) { return isProjection(user) && cast<DotGeneralOp>(user).getLhs() == value; };
  auto goesOn = [](Operation *user) {
    return isElementwise(user) || isa<SliceOp>(user) || (isa<ReshapeOp>(user) && wholeOfPart(user));
  };
  SmallVector<Operation *> users;
  for (Operation *user : value.getUsers())
    if (regionOf(user->getLoc()) == "forward" && !isRead(user))
      users.push_back(user);
  // What ends it is next to it, as a rule.
  bool is = llvm::all_of(users, goesOn) &&
            llvm::all_of(users, [&](Operation *user) { return isInside(user->getResult(0), known); });
  return known[value] = is;
}

/// A product with a parameter of what elementwise ops made of products with parameters: its contracted dimension is
/// hidden.
void Finder::hidden() {
  DenseMap<Value, bool> inside;
  for (DotGeneralOp dot : function.getOps<DotGeneralOp>()) {
    // What the backward pass multiplies follows.
    if (!isProjection(dot) || regionOf(dot.getLoc()) != "forward")
      continue;
    SmallVector<Value> worklist = {dot.getLhs()};
    llvm::SmallDenseSet<Value> seen;
    bool found = false, between = false, isAllInside = true;
    while (!worklist.empty() && isAllInside) {
      Operation *op = worklist.pop_back_val().getDefiningOp();
      if (!op || !seen.insert(op->getResult(0)).second)
        continue;
      // Numbers and biases that are repeated may be so for others as well.
      if (op->hasTrait<OpTrait::ConstantLike>() || isa<BroadcastOp>(op))
        continue;
      // A residual is none of what is hidden.
      isAllInside = isInside(op->getResult(0), inside);
      found |= between && isProjection(op);
      if (Operation *whole = wholeOfPart(op)) {
        worklist.push_back(whole->getResult(0));
        continue;
      }
      if (!isElementwise(op))
        continue;
      between = true;
      llvm::append_range(worklist, op->getOperands());
    }
    int64_t dim = dot.getLhsContract()[0];
    if (found && isAllInside && dim == tensorType(dot.getLhs()).getRank() - 1)
      add(dot.getLhsMutable(), dim, kTensorPriority, "hidden elements");
  }
}

void Finder::vocabulary() {
  for (CrossEntropyOp loss : function.getOps<CrossEntropyOp>())
    add(loss.getLogitsMutable(), tensorType(loss.getLogits()).getRank() - 1, kTensorPriority,
        "vocabulary entries of the head");
  for (GatherOp gather : function.getOps<GatherOp>()) {
    auto argument = dyn_cast<BlockArgument>(gather.getIndices());
    if (!argument || gather.getAxis() != 0 || !isParameter(gather.getInput()))
      continue;
    auto role = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), "weft.role");
    if (role && role.getValue() == "tokens")
      add(gather.getInputMutable(), 0, kTensorPriority, "vocabulary entries of the embedding");
  }
}

int64_t weft::headsMadeOf(Operation *norm) {
  if (!isa<LayerNormOp, RmsNormOp>(norm))
    return 0;
  ArrayRef<int64_t> from = tensorType(norm->getResult(0)).getShape();
  for (Operation *user : norm->getUsers()) {
    auto reshape = dyn_cast<ReshapeOp>(user);
    ArrayRef<int64_t> to = reshape ? tensorType(reshape.getResult()).getShape() : ArrayRef<int64_t>();
    if (to.size() == from.size() + 1 && to.drop_back(2) == from.drop_back() && to[to.size() - 2] > 1)
      return to[to.size() - 2];
  }
  return 0;
}

void Finder::norms(int64_t dim, StringRef what) {
  for (Operation &op : function.getBody().front())
    if (isa<LayerNormOp, RmsNormOp>(op) && tensorType(op.getOperand(0)).getRank() == 3 &&
        tensorType(op.getOperand(0)).getDimSize(dim) > 1 && headsMadeOf(&op) == 0)
      add(op.getOpOperand(0), dim, kSequencePriority, what);
}

FailureOr<SmallVector<FoundCut>> weft::findCuts(func::FuncOp function, const Mesh &mesh, Between between, bool remark) {
  int64_t axis = mesh.indexOf("tp");
  if (axis < 0)
    return SmallVector<FoundCut>();
  Finder finder(function, mesh.sizes[axis], remark);
  if (failed(finder.heads()))
    return failure();
  finder.hidden();
  finder.vocabulary();
  // What norms read is [batch, position, element].
  if (between == Between::Positions)
    finder.norms(1, "positions between blocks");
  else if (between == Between::Samples)
    finder.norms(0, "samples between blocks");
  return std::move(finder.cuts);
}

//===----------------------------------------------------------------------===//
// --shard-param
//===----------------------------------------------------------------------===//

bool weft::matches(const ParameterCut &cut, ParamOp param) {
  llvm::Expected<llvm::GlobPattern> pattern = llvm::GlobPattern::create(cut.pattern);
  if (!pattern) {
    llvm::consumeError(pattern.takeError());
    return false;
  }
  if (pattern->match(param.getSymName()))
    return true;
  ArrayAttr aliases = param.getAliasesAttr();
  return aliases && llvm::any_of(aliases.getAsRange<StringAttr>(),
                                 [&](StringAttr alias) { return pattern->match(alias.getValue()); });
}

FailureOr<ParameterCut> weft::parseParameterCut(ModuleOp module, const Mesh &mesh, StringRef text) {
  ParameterCut cut;
  cut.text = text.str();
  auto complain = [&]() { return module.emitError("--shard-param '") << text << "': "; };
  auto [pattern, how] = text.rsplit('=');
  auto [axis, dim] = how.split(':');
  cut.pattern = pattern.str();
  cut.axis = axis.str();
  if (pattern.empty() || (dim != "none" && dim.getAsInteger(10, cut.dim)) || (dim != "none" && cut.dim < 0)) {
    complain() << "it is PATTERN=AXIS:DIM or PATTERN=AXIS:none, as in 'h.*.mlp.c_fc.weight=tp:1'";
    return failure();
  }
  if (axis != "tp" && axis != "shard") {
    complain() << "parameters are cut on 'tp' and 'shard', not on '" << axis << "'";
    return failure();
  }
  int64_t index = mesh.indexOf(axis);
  if (index < 0) {
    complain() << "the mesh has no axis '" << axis << "'";
    return failure();
  }
  llvm::Expected<llvm::GlobPattern> glob = llvm::GlobPattern::create(pattern);
  if (!glob) {
    complain() << llvm::toString(glob.takeError());
    return failure();
  }
  bool any = false;
  for (ParamOp param : module.getOps<ParamOp>()) {
    if (!matches(cut, param))
      continue;
    any = true;
    auto type = cast<RankedTensorType>(param.getType());
    if (cut.dim < 0)
      continue;
    if (cut.dim >= type.getRank()) {
      complain() << "'" << param.getSymName() << "' of " << type << " has no dimension " << cut.dim
                 << "; its first is 0, and 'none' leaves it whole";
      return failure();
    }
  }
  if (any)
    return cut;
  complain() << "no parameter has such a name";
  return failure();
}
