// From a config to everything a run is made of: the data of its clients, its first state and its stages.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "algorithms/methods/method.h"
#include "client/client_data.h"
#include "data/contract.h"
#include "simulations/run_config.h"

namespace coppice {

struct ScenarioData {
  std::shared_ptr<const ClientData> clients;
  std::string note;
  LossKind loss = LossKind::kCrossEntropy;
  std::optional<DataContract> contract;  // that the data is to keep
  std::vector<SourceFile> sources;       // what the data was converted from, where it says
  bool trusted = false;                  // nothing more is read at the start than has to be
};

// Loads and deals the data; every rank does this for itself and gets the same. Throws InputError.
ScenarioData load_scenario_data(const RunConfig& config);
// The file of the contract that data is to keep: `setting`, or else what lies beside the data; "" for none.
std::string contract_file(const std::string& setting, const LoadedData& loaded);
// The second half alone.
ScenarioData deal_scenario_data(const RunConfig& config, const LoadedData& loaded);

// Where the data's examples and the model's input and outputs do not fit together: InputError naming model.input or
// model.outputs with what the data asks for.
void check_model_fits(const Model& model, const ExampleSpec& spec, const std::string& file);

// The clients of a run and, where the config says what they are like, their devices.
Population population_of(const RunConfig& config, const ScenarioData& data);

// Shape of one sample that the architecture takes, as data sets store it (images H, W, C; tokens: a length of 32).
std::vector<std::int64_t> input_shape_of(const ModelConfig& config);

// The weights a run starts from: fresh ones from the seed, or those of a model folder.
ModelState first_values(const RunConfig& config);

// Under the units that a prune stage names. Throws InputError, naming `file`, where the model has none such.
State first_state(const RunConfig& config, const std::string& file);

// In the order of the config; a prune stage of several steps is as many cuts with scores between them.
std::vector<std::unique_ptr<Method>> make_stages(const RunConfig& config, const Population& population, LossKind loss);

// What can be known before a round is run: that patterns divide layers, budgets can be met, cohorts can be drawn, ranks have
// work. Throws InputError.
void check_scenario(const RunConfig& config, const ScenarioData& data, const Model& model, int ranks,
                    const std::string& file);

// The seed that data is dealt by: the run's, whatever the stage.
Seed run_seed(const RunConfig& config);

}  // namespace coppice
