#include <cstdio>
#include <memory>

#include "coordinator/any_model.h"
#include "coordinator/latency.h"
#include "core/human_text.h"
#include "core/text_table.h"
#include "models/model.h"
#include "simulations/commands/commands.h"
#include "simulations/scenario.h"

namespace coppice {

void add_bench_command(CLI::App& app, int& code) {
  auto models = std::make_shared<std::vector<std::string>>();
  auto batches = std::make_shared<std::vector<std::int64_t>>(std::vector<std::int64_t>{1, 64});
  CLI::App* command = app.add_subcommand("bench", "Measure the latency of models here, one thread, float32");
  command->add_option("models", *models, "runs, model folders or packed models")->required();
  command->add_option("--batch", *batches, "batch sizes");
  command->footer("Example:\n  coppice bench runs/a runs/b --batch 1 64");
  command->callback([models, batches, &code] {
    std::vector<std::string> headings = {"model", "parameters", "FLOPs"};
    for (const std::int64_t batch : *batches) headings.push_back("ms, batch " + std::to_string(batch));
    TextTable table(headings);
    for (const std::string& path : *models) {
      const ModelState state = read_any_model(path);
      const auto model = make_model(state.config);
      const Cost cost = model->cost(model->structure().full_widths());
      std::vector<std::string> row = {path, count_text(static_cast<double>(cost.params)),
                                      count_text(2.0 * static_cast<double>(cost.macs))};
      for (const std::int64_t batch : *batches) {
        row.push_back(fixed_text(measure_latency_ms(*model, state, input_shape_of(state.config), batch), 3));
      }
      table.add_row(std::move(row));
    }
    std::fputs(table.text().c_str(), stdout);
    code = 0;
  });
}

}  // namespace coppice
