// The program's commands. Each adds itself to the command line and, when chosen, leaves its exit code in `code`. Those that read configs
// know what the program adds to the built-in choices; `extensions` outlives them.
#pragma once

#include <CLI/CLI.hpp>

#include "core/extensions.h"

namespace coppice {

void add_run_command(CLI::App& app, const Extensions& extensions, int& code);
void add_sweep_command(CLI::App& app, const Extensions& extensions, int& code);
void add_check_command(CLI::App& app, const Extensions& extensions, int& code);
void add_init_command(CLI::App& app, const Extensions& extensions, int& code);
void add_prune_command(CLI::App& app, const Extensions& extensions, int& code);
void add_data_command(CLI::App& app, const Extensions& extensions, int& code);
void add_eval_command(CLI::App& app, const Extensions& extensions, int& code);
void add_generate_command(CLI::App& app, int& code);
void add_bench_command(CLI::App& app, int& code);
void add_inspect_command(CLI::App& app, int& code);
void add_export_command(CLI::App& app, int& code);
void add_compare_command(CLI::App& app, int& code);
void add_topics_command(CLI::App& app, const Extensions& extensions, int& code);
void add_list_command(CLI::App& app, int& code);
void add_new_command(CLI::App& app, int& code);

}  // namespace coppice
