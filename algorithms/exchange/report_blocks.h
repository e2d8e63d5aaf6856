// Names and sizes of the blocks that a plan's reports are made of.
//
//   train     train/delta/<tensor>      sum of weight * (trained - received), on the release's support; of adapters, where the plan
//                                       brings some: then no moments are trained
//             train/mean/<norm>         sum of weight * running mean         (moments are pooled by these three,
//             train/square/<norm>       sum of weight * (running var + mean^2)  law of total variance)
//             train/sent/<tensor>       sum of weight of those who sent a value (ZeroFL's top_k_w), of tensors that nobody sends whole
//             train/control/<tensor>    change of the client's control variate (SCAFFOLD only)
//             train/weight, train/loss (sum over samples), train/hits (models/measures.h), train/samples (over all steps), train/steps
//             train/effective           sum of weight * effective steps (per_step only)
//             train/held/<variant>      sum of weight, of those who trained a part; train/drop/<variant> of weight * fall of the loss
//             train/held/<tensor>       sum of weight where a client's personal mask keeps an entry (of matrices)
//   estimate  estimate/<block>          as the estimator declares, its weight among them
//   measure   measure/<variant>/loss, /hits, /count and, with details, /details (models/measures.h)
//   collect   collect/<variant>/sum/<norm>, /square/<norm>, /count/<norm>
//             of inputs: collect//sum/<tensor>, one a column, and collect//positions/<tensor>
//             collect//product/<tensor>  the lower triangle of X^T X by rows; a probe sends its diagonal alone, which bounds the rest
//   growth    growth/<tensor>           sum of weight * gradient at released positions, of weight * mean squared gradient everywhere, or
//                                       of the weights of clients that vote to grow a weight; growth/weight
//             growth/drop/<tensor>      of the weights of clients that vote to drop a kept weight, on the plan's support
//
// <variant> is the variant's name, "" where the plan has none. A probe reports kExponentBins counts for each block instead.
#pragma once

#include <string>
#include <vector>

#include "algorithms/exchange/answer.h"
#include "algorithms/exchange/plan.h"
#include "models/model.h"

namespace coppice {

inline constexpr const char* kSentBlocks = "train/sent/";

std::vector<ReportBlock> report_blocks(const RoundPlan& plan, const Model& model);

// The variants a plan asks about: its own list, or one unnamed variant that stands for the plan's mask and moments.
std::vector<Variant> effective_variants(const RoundPlan& plan);

// Signed sums where the coordinator takes |.| of the total; client-level scores where a client transforms its own first.
ScoreRequest score_request(const EstimateTask& task);

// Width of the model's logits.
std::int64_t outputs_of(const Model& model);

// Norm names in order: the moments layout's "<norm>.running_mean" without the suffix.
std::vector<std::string> norm_names(const ArenaLayout& moments);

}  // namespace coppice
