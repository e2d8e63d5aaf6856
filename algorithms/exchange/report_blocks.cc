#include "algorithms/exchange/report_blocks.h"

#include "algorithms/exchange/submodel.h"
#include "algorithms/importance/importance.h"
#include "core/error.h"
#include "models/model_ports.h"
#include "models/measures.h"

namespace coppice {
namespace {

std::int64_t released_values(const RoundPlan& plan, const Release& release, const ArenaEntry& entry, int tensor) {
  if (release.select != Release::Select::kPlanSupport || !plan.mask || plan.mask->keeps_all(tensor)) return entry.numel;
  return plan.mask->bits(tensor).count();
}

struct Collector {
  const RoundPlan& plan;
  const Model& model;
  std::vector<ReportBlock>& blocks;

  void add(std::string name, std::int64_t count) { blocks.push_back({std::move(name), count}); }

  void operator()(const TrainTask& task) {
    const ArenaLayout& base = plan.adapters ? plan.adapters->layout() : *model.base_layout();
    for (int i = 0; i < base.size(); ++i) {
      add("train/delta/" + base[i].name, released_values(plan, task.release, base[i], i));
    }
    if (const auto* zerofl = std::get_if<ZeroFlConfig>(&task.sparse); zerofl != nullptr && averages_senders(*zerofl)) {
      for (int i = 0; i < base.size(); ++i) {
        if (sent_count(*zerofl, plan.mask.get(), i, base[i].numel) < base[i].numel) add(kSentBlocks + base[i].name, base[i].numel);
      }
    }
    const ArenaLayout& moments = *model.moments_layout();
    const std::vector<std::string> norms = plan.adapters ? std::vector<std::string>{} : norm_names(moments);
    for (std::size_t i = 0; i < norms.size(); ++i) {
      const std::int64_t channels = moments[static_cast<int>(2 * i)].numel;
      add("train/mean/" + norms[i], channels);
      add("train/square/" + norms[i], channels);
    }
    if (task.scaffold) {
      for (int i = 0; i < base.size(); ++i) {
        add("train/control/" + base[i].name, released_values(plan, task.release, base[i], i));
      }
    }
    if (task.per_step) add("train/effective", 1);
    if (!plan.assignment.empty() || (plan.part && !plan.personal)) {  // of all clients, or as one of them sees it
      for (const Variant& variant : plan.variants) {
        add(held_block(variant), 1);
        if (task.loss_drop) add(drop_block(variant), 1);
      }
    }
    if (plan.personal) {
      for (const PatternMatrix& matrix : model.structure().matrices) add(held_block(base[matrix.tensor]), base[matrix.tensor].numel);
    }
    for (const char* name : {"weight", "loss", "hits", "samples", "steps"}) add(std::string("train/") + name, 1);
  }

  void operator()(const EstimateTask& task) {
    for (const ScoreBlock& block : score_blocks(task.importance, model, score_request(task))) {
      add("estimate/" + block.name, block.count);
    }
  }

  void operator()(const MeasureTask& task) {
    for (const Variant& variant : effective_variants(plan)) {
      const std::string prefix = "measure/" + variant.name;
      for (const char* name : {"/loss", "/hits", "/count"}) add(prefix + name, 1);
      if (task.details) {
        add(prefix + "/details", static_cast<std::int64_t>(MeasureSums(plan.loss, outputs_of(model)).flat().size()));
      }
    }
  }

  void operator()(const CollectTask& task) {
    if (task.statistic != CollectTask::Statistic::kBatchNorm) return add_inputs(task);
    const ArenaLayout& moments = *model.moments_layout();
    const std::vector<std::string> norms = norm_names(moments);
    for (const Variant& variant : effective_variants(plan)) {
      const std::string prefix = "collect/" + variant.name;
      for (std::size_t i = 0; i < norms.size(); ++i) {
        const std::int64_t channels = moments[static_cast<int>(2 * i)].numel;
        add(prefix + "/sum/" + norms[i], channels);
        add(prefix + "/square/" + norms[i], channels);
        add(prefix + "/count/" + norms[i], 1);
      }
    }
  }

  void add_inputs(const CollectTask& task) {
    const ArenaLayout& base = *model.base_layout();
    for (const std::int64_t tensor : task.tensors) {
      const ArenaEntry& entry = base[static_cast<int>(tensor)];
      const std::int64_t columns = entry.numel / entry.shape.front();
      if (task.statistic == CollectTask::Statistic::kInputProducts) {
        add("collect//product/" + entry.name, columns * (columns + 1) / 2);
      } else {
        add("collect//sum/" + entry.name, columns);
        add("collect//positions/" + entry.name, 1);
      }
    }
  }

  void operator()(const GrowthTask& task) {
    const ArenaLayout& base = *model.base_layout();
    for (const std::int64_t tensor : task.tensors) {
      const ArenaEntry& entry = base[static_cast<int>(tensor)];
      add("growth/" + entry.name, task.what == GrowthTask::What::kDensities ? 1 : entry.numel);
      if (!task.drops.empty()) {
        add("growth/drop/" + entry.name, plan.mask && !plan.mask->keeps_all(static_cast<int>(tensor))
                                             ? plan.mask->bits(static_cast<int>(tensor)).count() : entry.numel);
      }
    }
    add("growth/weight", 1);
  }
};

}  // namespace

ScoreRequest score_request(const EstimateTask& task) {
  const bool local = needs_local_form(task.release.transform);
  return {.target = task.target, .form = local ? ScoreForm::kLocal : ScoreForm::kSigned, .confidence = task.confidence,
          .edge = task.edge};
}

std::vector<ReportBlock> report_blocks(const RoundPlan& plan, const Model& model) {
  std::vector<ReportBlock> blocks;
  for (const Task& task : plan.tasks) std::visit(Collector{plan, model, blocks}, task);
  return blocks;
}

std::vector<Variant> effective_variants(const RoundPlan& plan) {
  return plan.variants.empty() ? std::vector<Variant>{Variant{}} : plan.variants;
}

std::vector<std::string> norm_names(const ArenaLayout& moments) {
  std::vector<std::string> names;
  for (int i = 0; i < moments.size(); i += 2) {
    const std::string& name = moments[i].name;
    names.push_back(name.substr(0, name.rfind('.')));
  }
  return names;
}

std::int64_t outputs_of(const Model& model) { return ports_of(model.config()).outputs; }

}  // namespace coppice
