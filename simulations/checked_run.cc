#include "simulations/checked_run.h"

#include "core/config_yaml.h"
#include "simulations/data_check.h"
#include "simulations/public_data.h"

namespace coppice {

CheckedRun RunChecker::check(const RunConfig& config, int ranks, const std::string& file) {
  check_settings(config, file);
  RunConfig of_source;
  of_source.data.source = config.data.source;
  const std::string source = write_config(of_source);
  if (source != source_) {
    loaded_ = load_data(config.data.source);
    source_ = source;
  }
  CheckedRun run{deal_scenario_data(config, loaded_), first_state(config, file), nullptr, nullptr};
  check_data(run.data);
  run.model = make_model(run.state.track(kMainTrack).values->config);
  check_model_fits(*run.model, run.data.clients->train->spec(), file);
  check_scenario(config, run.data, *run.model, ranks, file);
  run.public_data = load_public_data(config, run.data, *run.model, file);
  return run;
}

}  // namespace coppice
