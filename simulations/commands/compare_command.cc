#include <cstdio>
#include <memory>

#include "coordinator/report/compare_output.h"
#include "core/file.h"
#include "simulations/commands/commands.h"

namespace coppice {
namespace {

struct CompareArguments {
  std::vector<std::string> runs;
  CompareOptions options;
  std::string html, csv, latex;
};

}  // namespace

void add_compare_command(CLI::App& app, int& code) {
  auto arguments = std::make_shared<CompareArguments>();
  CLI::App* command = app.add_subcommand("compare", "Means and paired differences over runs of several seeds");
  command->add_option("runs", arguments->runs, "run folders, each FOLDER or LABEL=FOLDER")->required();
  command->add_option("--variants", arguments->options.variants, "models to compare (default: each run's result)");
  command->add_option("--baseline", arguments->options.baseline, "the arm differences are taken against");
  command->add_option("--html", arguments->html, "also write HTML to this file");
  command->add_option("--csv", arguments->csv, "also write CSV to this file");
  command->add_option("--latex", arguments->latex, "also write a LaTeX table to this file");
  command->footer("Example:\n  coppice compare adaptive=runs/a-1 adaptive=runs/a-2 random=runs/r-1 random=runs/r-2 --baseline random");
  command->callback([arguments, &code] {
    const Comparison comparison = compare_runs(read_runs(arguments->runs), arguments->options);
    std::fputs(compare_text(comparison).c_str(), stdout);
    if (!arguments->html.empty()) write_file_atomically(arguments->html, compare_html(comparison));
    if (!arguments->csv.empty()) write_file_atomically(arguments->csv, compare_csv(comparison));
    if (!arguments->latex.empty()) write_file_atomically(arguments->latex, compare_latex(comparison));
    code = 0;
  });
}

}  // namespace coppice
