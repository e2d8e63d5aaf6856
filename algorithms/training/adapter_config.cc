#include "algorithms/training/adapter_config.h"

#include <algorithm>
#include <sstream>

#include "core/error.h"

namespace coppice {

std::vector<ParamId> adapted_weights(const LoraConfig& config, const Model& model) {
  std::vector<ParamId> inner;
  for (const PatternMatrix& matrix : model.structure().matrices) {
    if (!matrix.edge) inner.push_back(matrix.tensor);
  }
  std::sort(inner.begin(), inner.end());
  if (config.targets == "all") return inner;
  const std::shared_ptr<const ArenaLayout> layout = model.base_layout();
  std::vector<ParamId> chosen;
  std::istringstream targets(config.targets);
  for (std::string target; std::getline(targets >> std::ws, target, ',');) {
    const std::size_t before = chosen.size();
    std::copy_if(inner.begin(), inner.end(), std::back_inserter(chosen),
                 [&](ParamId tensor) { return (*layout)[tensor].name.find(target) != std::string::npos; });
    if (chosen.size() == before) {
      std::vector<std::string> names;
      for (const ParamId tensor : inner) names.push_back((*layout)[tensor].name);
      throw InputError("adapter.targets: " + unknown_name("part of a matrix's name", target, names));
    }
  }
  std::sort(chosen.begin(), chosen.end());
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  return chosen;
}

void LoraConfig::visit(FieldVisitor& v) {
  v.field("rank", rank, "of the change of a matrix", at_least(1));
  v.field("alpha", alpha, "the change is alpha / rank * B A", above(0));
  v.field("targets", targets, "all = every matrix but the first and last layer; or parts of their names: q_proj, v_proj");
}

}  // namespace coppice
