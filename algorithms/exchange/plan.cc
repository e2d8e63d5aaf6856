#include "algorithms/exchange/plan.h"

namespace coppice {
namespace {

const std::vector<std::string> kSplits = {"train", "select", "test"};
const std::vector<std::string> kPrecisions = {"f32", "bf16"};
const std::vector<std::string> kAts = {"received", "trained"};

}  // namespace

FrozenModel frozen(std::shared_ptr<const ModelState> values) {
  const Digest digest = values->digest();
  return {std::move(values), digest};
}

void TrainTask::visit(FieldVisitor& v) {
  v.variant("optimizer", optimizer, "the client's optimizer");
  v.field("lr_scale", lr_scale, "factor on the learning rate");
  v.field("epochs", epochs, "passes over the samples", at_least(1));
  v.field("batch", batch, "samples a step", at_least(1));
  v.choice("last", last, {"drop-unless-only", "drop", "keep"}, "samples that do not fill a batch");
  v.field("max_steps", max_steps, "0 = as many as the epochs hold", at_least(0));
  v.field("prox_mu", prox_mu, "pull towards the received weights", at_least(0));
  v.field("clip_norm", clip_norm, "largest l2 norm of a gradient; 0 = unbounded", at_least(0));
  v.field("scaffold", scaffold, "correct client drift by control variates");
  v.field("loss_drop", loss_drop, "how far the loss fell, by variant");
  v.field("per_step", per_step, "change divided by the client's effective steps");
  v.variant("sparse", sparse, "what becomes of dropped weights");
  v.group("distill", distill, "learn from the plan's teacher, too");
  v.variant("adapter", adapter, "train the plan's adapters instead of its values");
  v.group("extrusion", extrusion, "push the smallest kept weights towards 0");
  v.group("lottery", lottery, "drop more of a mask of one's own");
  v.field("activations", activations, "kept fraction of a product's inputs in the backward pass", above_to(0, 1));
  v.field("rounds", rounds, "of the stage", at_least(1));
  v.choice("precision", precision, kPrecisions, "arithmetic");
  v.field("recompute", recompute, "activations twice rather than kept");
  v.field("selective", selective, "report only where the loss is lower than at the last report");
  v.group("release", release, "how the result leaves the client");
}

void EstimateTask::visit(FieldVisitor& v) {
  v.variant("importance", importance, "what is measured");
  v.choice("target", target, {"units", "elements"}, "of what");
  v.field("confidence", confidence, "also variances");
  v.field("edge", edge, "first and last layer too");
  v.choice("at", at, kAts, "at which weights");
  v.field("batches", batches, "0 = all", at_least(0));
  v.field("batch", batch, "samples a batch", at_least(1));
  v.choice("precision", precision, kPrecisions, "arithmetic");
  v.field("recompute", recompute, "activations twice rather than kept");
  v.group("release", release, "how the result leaves the client");
}

void MeasureTask::visit(FieldVisitor& v) {
  v.choice("split", split, kSplits, "on which samples");
  v.choice("at", at, kAts, "at which weights");
  v.field("batch", batch, "samples a batch", at_least(1));
  v.field("details", details, "also confusion counts and score histograms");
  v.choice("precision", precision, kPrecisions, "arithmetic");
  v.group("release", release, "how the result leaves the client");
}

void CollectTask::visit(FieldVisitor& v) {
  v.choice("statistic", statistic, {"batch_norm", "input_sums", "input_products"}, "of what");
  v.field("pooled", pooled, "batch norm: sums of x^2, else of variances");
  v.field("tensors", tensors, "entries of the base layout", at_least(0));
  v.field("first_block", first_block, "looked into", at_least(0));
  v.field("last_block", last_block, "looked into", at_least(0));
  v.field("batches", batches, "0 = all", at_least(0));
  v.field("batch", batch, "samples a batch", at_least(1));
  v.choice("precision", precision, kPrecisions, "arithmetic");
  v.group("release", release, "how the result leaves the client");
}

void GrowthTask::visit(FieldVisitor& v) {
  v.choice("what", what, {"gradients", "squares", "votes", "densities"}, "what is said of a weight");
  v.field("tensors", tensors, "entries of the base layout", at_least(0));
  v.field("counts", counts, "of each tensor: entries or votes to grow", at_least(0));
  v.field("drops", drops, "of each tensor: votes to drop", at_least(0));
  v.field("rate", rate, "densities: fraction of the kept weights that moves", within(0, 1));
  v.field("batches", batches, "batches of the gradient", at_least(1));
  v.field("batch", batch, "samples a batch", at_least(1));
  v.choice("at", at, kAts, "at which weights");
  v.group("release", release, "how the result leaves the client");
}

}  // namespace coppice
