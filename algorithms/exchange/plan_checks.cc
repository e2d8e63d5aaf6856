#include "algorithms/exchange/plan_checks.h"

#include "algorithms/exchange/report_blocks.h"
#include "core/error.h"

namespace coppice {
namespace {

void check_entries(const char* key, const std::vector<std::int64_t>& tensors, const ArenaLayout& base) {
  for (const std::int64_t tensor : tensors) {
    if (tensor >= base.size()) {
      throw InputError(std::string("plan: ") + key + ": found " + std::to_string(tensor) + "; the model has " +
                       std::to_string(base.size()) + " tensors");
    }
  }
}

void check_growth(const GrowthTask& task, const ArenaLayout& base) {
  check_entries("growth.tensors", task.tensors, base);
  const bool dense = task.release.select == Release::Select::kDense;
  if (task.what == GrowthTask::What::kDensities) {
    if (!dense || !task.counts.empty() || !task.drops.empty()) {
      throw InputError("plan: growth.release.select: found counts, drops or another than dense with densities; expected none");
    }
    return;
  }
  if (dense != (task.what == GrowthTask::What::kSquares) || (task.release.select == Release::Select::kPrivateTopK && task.batches != 1) ||
      (task.what == GrowthTask::What::kVotes && task.release.select != Release::Select::kPrivateTopK)) {
    throw InputError("plan: growth.release.select: found one that does not go with growth.what and growth.batches; expected dense for "
                     "squares, private_top_k of 1 batch for votes");
  }
  if (task.counts.size() != (dense ? 0 : task.tensors.size()) || (!task.drops.empty() && task.drops.size() != task.tensors.size())) {
    throw InputError("plan: growth.counts, growth.drops: expected one a tensor");
  }
}

}  // namespace

void check_tasks(const std::vector<Task>& tasks, const Model& model) {
  const ArenaLayout& base = *model.base_layout();
  for (const Task& task : tasks) {
    const auto* training = std::get_if<TrainTask>(&task);
    if (training != nullptr && training->scaffold && !std::holds_alternative<SgdConfig>(training->optimizer)) {
      throw InputError("plan: train.optimizer: found an adaptive one with scaffold; expected sgd");
    }
    if (training != nullptr &&
        (training->release.select == Release::Select::kPrivateTopK) != std::holds_alternative<ZeroFlConfig>(training->sparse)) {
      throw InputError("plan: train.release.select: expected private_top_k with train.sparse zerofl, and with no other");
    }
    if (training != nullptr && training->extrusion) {
      check_entries("train.extrusion.tensors", training->extrusion->tensors, base);
      if (training->extrusion->counts.size() != training->extrusion->tensors.size()) {
        throw InputError("plan: train.extrusion.counts: expected one a tensor");
      }
    }
    if (training != nullptr && training->per_step && !std::holds_alternative<SgdConfig>(training->optimizer)) {
      throw InputError("plan: train.optimizer: found an adaptive one with per_step; expected sgd");
    }
    if (const auto* growth = std::get_if<GrowthTask>(&task)) check_growth(*growth, base);
    if (const auto* collect = std::get_if<CollectTask>(&task)) {
      check_entries("collect.tensors", collect->tensors, base);
      for (const std::int64_t tensor : collect->tensors) {
        if (const ArenaEntry& entry = base[static_cast<int>(tensor)]; entry.shape.size() < 2) {
          throw InputError("plan: collect.tensors: found " + coppice::quoted(entry.name) + "; expected matrices");
        }
      }
      if (collect->last_block < collect->first_block || collect->last_block >= model.num_blocks()) {
        throw InputError("plan: collect.last_block: found " + std::to_string(collect->last_block) + "; expected first_block to " +
                         std::to_string(model.num_blocks() - 1));
      }
    }
  }
}

void check_teacher(const RoundPlan& plan, const Model& model) {
  for (const Task& task : plan.tasks) {
    const auto* training = std::get_if<TrainTask>(&task);
    if (training == nullptr || !training->distill) continue;
    if (!plan.teacher.values || plan.loss != LossKind::kCrossEntropy) {
      throw InputError("plan: train.distill: found no teacher, or a loss without classes; expected a teacher and cross_entropy");
    }
    if (outputs_of(*make_model(plan.teacher.values->config)) != outputs_of(model)) {
      throw InputError("plan: train.distill: the teacher has other outputs than the model");
    }
  }
}

void check_lottery(const RoundPlan& plan) {
  for (const Task& task : plan.tasks) {
    const auto* training = std::get_if<TrainTask>(&task);
    if (training == nullptr || !training->lottery) continue;
    if (!plan.personal || !plan.origin.values) {
      throw InputError("plan: train.lottery: found shared masks, or no model to go back to; expected personal masks and an origin");
    }
  }
}

}  // namespace coppice
