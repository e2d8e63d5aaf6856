#include <cstdio>
#include <filesystem>
#include <memory>

#include "core/config_docs.h"
#include "core/error.h"
#include "core/file.h"
#include "simulations/commands/commands.h"
#include "simulations/run_config.h"

namespace coppice {
namespace {

// A config that shows every stage of the main job.
RunConfig starting_point() {
  RunConfig config;
  config.run.name = "experiment";
  config.federation.precision = Precision::kBF16;
  WarmupConfig warmup;
  FinetuneConfig finetune;
  finetune.rounds = 40;
  finetune.schedule = CosineSchedule{};
  PruneConfig prune;
  prune.budget.budget.flops = 0.4;
  prune.budget.floor = 0.5;
  config.stages = {warmup, ScoreConfig{}, prune, finetune, ExportConfig{}};
  return config;
}

}  // namespace

void add_init_command(CLI::App& app, const Extensions& extensions, int& code) {
  auto file = std::make_shared<std::string>("coppice.yaml");
  auto reference = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("init", "Write an annotated config to start from");
  command->add_option("file", *file, "where to (default: coppice.yaml); '-' prints it");
  command->add_flag("--reference", *reference, "print the table of all settings instead, in Markdown");
  command->footer("Example:\n  coppice init mine.yaml && coppice check mine.yaml");
  command->callback([file, reference, &extensions, &code] {
    RunConfig config = starting_point();
    const VisitConfig visit = [&config](FieldVisitor& v) { config.visit(v); };
    code = 0;
    if (*reference) {
      std::fputs(write_markdown(visit, extensions).c_str(), stdout);
      return;
    }
    const std::string text = write_annotated_yaml(visit, extensions);
    if (*file == "-") {
      std::fputs(text.c_str(), stdout);
      return;
    }
    if (std::filesystem::exists(*file)) throw InputError("'" + *file + "' exists; expected a new file");
    write_file_atomically(*file, text);
    std::printf("wrote %s; next: coppice check %s\n", file->c_str(), file->c_str());
  });
}

}  // namespace coppice
