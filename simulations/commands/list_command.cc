#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "coordinator/report/run_summary.h"
#include "core/error.h"
#include "core/human_text.h"
#include "core/text_table.h"
#include "simulations/commands/commands.h"

namespace coppice {

void add_list_command(CLI::App& app, int& code) {
  auto folder = std::make_shared<std::string>("runs");
  CLI::App* command = app.add_subcommand("list", "List runs with their results");
  command->add_option("folder", *folder, "folder that holds runs (default: runs)");
  command->footer("Example:\n  coppice list runs");
  command->callback([folder, &code] {
    namespace fs = std::filesystem;
    if (!fs::is_directory(*folder)) throw InputError("'" + *folder + "': found no such folder; expected one that holds runs");
    std::vector<std::string> runs;
    for (const auto& entry : fs::directory_iterator(*folder)) {
      if (fs::exists(entry.path() / "config.yaml")) runs.push_back(entry.path().string());
    }
    std::sort(runs.begin(), runs.end());
    TextTable table({"run", "seed", "result", "accuracy", "parameters", "FLOPs"});
    for (const std::string& run : runs) {
      if (!fs::exists(run + "/summary.json")) {
        table.add_row({run, "", "not finished"});
        continue;
      }
      const RunSummary summary = read_summary(run);
      const VariantFigures& result = result_of(summary);
      table.add_row({run, std::to_string(summary.seed), result.name, fixed_text(100.0 * result.accuracy, 2) + " %",
                     count_text(static_cast<double>(result.parameters)), count_text(static_cast<double>(result.flops))});
    }
    std::fputs(table.text().c_str(), stdout);
    code = 0;
  });
}

}  // namespace coppice
