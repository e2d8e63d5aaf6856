#include "algorithms/methods/federation_config.h"

namespace coppice {

void LocalConfig::visit(FieldVisitor& v) {
  v.field("epochs", epochs, "passes over a client's samples in one round", at_least(1));
  v.field("batch", batch, "samples a step", at_least(1));
  v.choice("last", last, {"drop-unless-only", "drop", "keep"}, "samples of an epoch that do not fill a batch");
  v.field("max_steps", max_steps, "most steps a round; 0 = as many as the epochs hold", at_least(0));
  v.field("prox_mu", prox_mu, "FedProx: strength of the pull towards the received weights", at_least(0));
  v.field("clip_norm", clip_norm, "largest l2 norm of a step's gradient; 0 = unbounded", at_least(0));
  v.field("recompute", recompute, "compute activations twice rather than keep them: less memory, more time, the same bits");
  v.field("selective", selective, "FL-PQSU: a client reports only where its loss is lower than at its last report");
}

void KrumAggregation::visit(FieldVisitor& v) {
  v.field("byzantine", byzantine, "clients assumed hostile (f); needs cohort >= 2f + 3", at_least(0));
  v.field("select", select, "reports averaged (m); 1 = Krum", at_least(1));
}

void EvaluationConfig::visit(FieldVisitor& v) {
  v.choice("precision", precision, {"f32", "bf16"}, "arithmetic of scoring, of judging candidate masks and of evaluation");
  v.field("batch", batch, "samples a measuring pass; bounds its memory", at_least(1));
}

void FederationConfig::visit(FieldVisitor& v) {
  v.field("cohort", cohort, "clients drawn in a training round", at_least(1));
  v.group("local", local, "what a client does with a plan");
  v.variant("optimizer", optimizer, "the client's optimizer, fresh in every round");
  v.variant("server", server, "how the cohort's mean change becomes the next model");
  v.variant("aggregation", aggregation, "how reports become one change");
  v.choice("correction", correction, {"none", "scaffold"}, "correction of client drift by control variates");
  v.variant("submodels", submodels, "which part of the model each client trains");
  v.variant("devices", devices, "what clients' devices are like: a virtual clock, and who cannot take part");
  v.choice("weight", weight, {"one", "samples"}, "weight of a client's report");
  v.choice("wire", wire, {"f32", "bf16", "f16", "i8"}, "number format of reports");
  v.choice("precision", precision, {"f32", "bf16"}, "arithmetic of local training; sums and master weights stay f32");
  v.group("evaluation", evaluation, "passes that score and measure");
  v.field("quorum", quorum, "fraction of the cohort whose reports a round needs", within(0, 1));
  v.field("divergence", divergence, "roll a round back when its loss exceeds this multiple of the least mean of five rounds; 0 = never",
          at_least(0));
}

}  // namespace coppice
