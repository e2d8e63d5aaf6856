#include <cstdio>
#include <filesystem>
#include <memory>

#include "coordinator/any_model.h"
#include "coordinator/report/closing_table.h"
#include "core/human_text.h"
#include "core/text_table.h"
#include "models/model.h"
#include "models/packed/packed_model.h"
#include "simulations/commands/commands.h"

namespace coppice {
namespace {

void print_packed_size(const std::string& path) {
  const auto bytes = static_cast<double>(std::filesystem::file_size(path));
  const double least = least_bytes(read_packed_file(path));
  std::printf("%s: %.0f bytes; entropy bound %.0f; ratio %s\n", path.c_str(), bytes, least, fixed_text(bytes / least, 3).c_str());
}

}  // namespace

void add_inspect_command(CLI::App& app, int& code) {
  auto path = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("inspect", "Show what a run or a model is made of");
  command->add_option("path", *path, "a run, a model folder or a packed model")->required();
  command->footer("Example:\n  coppice inspect runs/quickstart-1a2b3c4d5e6f");
  command->callback([path, &code] {
    if (std::filesystem::exists(*path + "/summary.json")) {
      std::fputs(closing_table(read_summary(*path), *path + "/report.html").c_str(), stdout);
    }
    const ModelState state = read_any_model(*path);
    const std::string packed = path->ends_with(".packed") ? *path : *path + "/model/model.packed";
    if (std::filesystem::exists(packed)) print_packed_size(packed);
    const auto model = make_model(state.config);
    const PrunableStructure structure = model->structure();
    const Cost cost = model->cost(structure.full_widths());
    std::printf("%s: %s parameters, %s FLOPs a sample, weights %s\n", family_of(state.config).c_str(),
                count_text(static_cast<double>(cost.params)).c_str(),
                count_text(2.0 * static_cast<double>(cost.macs)).c_str(), state.digest().short_hex().c_str());
    TextTable families({"family", "kind", "units"});
    for (const Family& family : structure.families) {
      families.add_row({family.name, family.kind, std::to_string(family.num_groups)});
    }
    std::fputs(families.text().c_str(), stdout);
    if (!structure.barriers.empty()) {
      TextTable barriers({"operation that no unit is cut through"});
      for (const std::string& name : structure.barriers) barriers.add_row({name});
      std::fputs(barriers.text().c_str(), stdout);
    }
    TextTable tensors({"tensor", "shape", "zeros"});
    for (int i = 0; i < state.base.layout().size(); ++i) {
      const ArenaEntry& entry = state.base.layout()[i];
      std::string shape;
      for (const std::int64_t size : entry.shape) shape += (shape.empty() ? "" : " x ") + std::to_string(size);
      std::int64_t zeros = 0;
      for (const float w : state.base.floats(i)) zeros += w == 0.0F ? 1 : 0;
      tensors.add_row({entry.name, shape, std::to_string(zeros)});
    }
    std::fputs(tensors.text().c_str(), stdout);
    code = 0;
  });
}

}  // namespace coppice
