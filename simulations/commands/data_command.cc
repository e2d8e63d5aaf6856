#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "core/config_yaml.h"
#include "core/error.h"
#include "core/file.h"
#include "data/inspect.h"
#include "simulations/commands/commands.h"
#include "simulations/commands/named_source.h"
#include "simulations/data_check.h"
#include "simulations/data_page.h"
#include "simulations/token_text.h"

namespace coppice {
namespace {

constexpr std::int64_t kShown = 24;  // examples

struct DataArguments {
  NamedSource what;
  std::vector<std::string> overrides;
  bool json = false;
  std::int64_t clients = 20;
  std::string html;
  std::string tokenizer;
  std::string out;
};

bool is_config(const std::string& what) { return what.ends_with(".yaml") || what.ends_with(".yml"); }

// Data by a config, dealt to its clients; or by itself.
struct FoundData {
  LoadedData loaded;
  std::optional<RunConfig> config;
  std::optional<DataContract> contract;
  std::string contract_file;
};

FoundData find_data(const DataArguments& arguments, const Extensions& extensions) {
  FoundData found;
  const bool by_config = is_config(arguments.what.name);
  if (by_config && !arguments.what.targets.empty()) throw InputError("--target: a config has its own; --set data.source.targets=... changes them");
  if (by_config) found.config = read_config<RunConfig>(arguments.what.name, arguments.overrides, extensions);
  found.loaded = load_data(found.config ? found.config->data.source : source_of(arguments.what, extensions));
  found.contract_file = contract_file(found.config ? found.config->data.contract : "", found.loaded);
  if (!found.contract_file.empty()) found.contract = read_contract(found.contract_file);
  return found;
}

// What the check at a run's start says.
std::string verdict(const FoundData& found) {
  if (!found.contract) return "";
  const std::string name = found.contract_file + " (digest " + found.contract->digest().short_hex() + ")";
  try {
    RunConfig config;
    if (found.config) {
      config = *found.config;
    } else {
      config.data.partition = IidPartition{.clients = 1};
      config.data.contract = found.contract_file;
    }
    check_data(deal_scenario_data(config, found.loaded));
  } catch (const InputError& broken) {
    return "broken: " + std::string(broken.what()) + "; the contract is " + name;
  }
  return "kept: " + name;
}

std::vector<ShownExample> choose_examples(const LoadedData& loaded, const std::optional<Partition>& partition) {
  std::vector<ShownExample> shown;
  if (partition) {
    for (std::int64_t c = 0; c < std::min(kShown, partition->num_clients()); ++c) shown.push_back({partition->samples_of(c).front(), c});
    return shown;
  }
  const std::int64_t all = loaded.train->size();
  for (std::int64_t i = 0; i < std::min(kShown, all); ++i) shown.push_back({i * all / std::min(kShown, all), -1});
  return shown;
}

void inspect_data(const DataArguments& arguments, const Extensions& extensions) {
  if (!arguments.html.empty() && std::filesystem::exists(arguments.html)) {
    throw InputError("--html: '" + arguments.html + "' exists already; nothing is overwritten");
  }
  const FoundData found = find_data(arguments, extensions);
  const DataContract* contract = found.contract ? &*found.contract : nullptr;
  std::optional<Partition> partition;
  if (found.config) partition = make_partition(found.config->data.partition, *found.loaded.train, run_seed(*found.config));
  DataSummary summary = partition ? summarize(found.loaded, *partition, arguments.clients) : summarize(found.loaded);
  summary.examples_looked_at = look_at_examples(found.loaded, contract);
  summary.contract = verdict(found);
  std::fputs((arguments.json ? to_json(summary) : to_text(summary)).c_str(), stdout);
  if (arguments.html.empty()) return;
  std::optional<Tokenizer> tokenizer;
  if (!arguments.tokenizer.empty()) tokenizer = read_tokenizer(arguments.tokenizer);
  const std::vector<ShownExample> shown = choose_examples(found.loaded, partition);
  std::vector<std::string> texts;
  if (found.loaded.train->spec().kind == ExampleSpec::Kind::kTokens) {
    for (const ShownExample& example : shown) {
      texts.push_back(token_text(*found.loaded.train, example.index, contract, tokenizer));
      if (texts.back().empty()) texts.back() = "(--tokenizer FOLDER shows the text)";
    }
  }
  write_file_atomically(arguments.html, data_page(arguments.what.name, found.loaded, summary, shown, texts));
}

void write_contract(const DataArguments& arguments, const Extensions& extensions) {
  const FoundData found = find_data(arguments, extensions);
  const DataContract contract = found.contract ? *found.contract : contract_of(found.loaded);
  const std::string text = to_json(contract);
  if (arguments.out.empty()) {
    std::fputs(text.c_str(), stdout);
    return;
  }
  if (std::filesystem::exists(arguments.out)) throw InputError("--out: '" + arguments.out + "' exists already; nothing is overwritten");
  write_file_atomically(arguments.out, text);
  std::printf("%s: digest %s\n", arguments.out.c_str(), contract.digest().hex().c_str());
}

CLI::App* add_subject(CLI::App* data, const char* name, const char* help, const std::shared_ptr<DataArguments>& arguments) {
  CLI::App* command = data->add_subcommand(name, help);
  command->add_option("what", arguments->what.name, "a config (its data section is read) or a data set by name, file or folder")->required();
  add_target_options(*command, arguments->what);
  command->add_option("--set", arguments->overrides, "override one setting of the config: a.b=c")->allow_extra_args(false);
  return command;
}

}  // namespace

void add_data_command(CLI::App& app, const Extensions& extensions, int& code) {
  CLI::App* data = app.add_subcommand("data", "Look at data sets, and say what data must be like");
  data->require_subcommand(1);
  auto arguments = std::make_shared<DataArguments>();
  CLI::App* inspect = add_subject(data, "inspect", "Clients, classes, columns, examples, duplicates and the contract's verdict", arguments);
  inspect->add_option("--clients", arguments->clients, "most clients to list")->check(CLI::NonNegativeNumber);
  inspect->add_option("--html", arguments->html, "also write a page with pictures to this file");
  inspect->add_option("--tokenizer", arguments->tokenizer, "folder with the tokenizer.json that --html decodes tokens by");
  inspect->add_flag("--json", arguments->json, "for machines");
  inspect->footer("Example:\n  coppice data inspect configs/quickstart.yaml --set data.partition.alpha=0.1 --html data.html");
  inspect->callback([arguments, &extensions, &code] {
    inspect_data(*arguments, extensions);
    code = 0;
  });
  CLI::App* contract = add_subject(data, "contract", "Write the contract that data keeps: column types, ranges, missing values, classes",
                                   arguments);
  contract->add_option("--out", arguments->out, "file to write; else it is printed");
  contract->footer("Example:\n  coppice data contract configs/mine.yaml --out contract.json");
  contract->callback([arguments, &extensions, &code] {
    write_contract(*arguments, extensions);
    code = 0;
  });
}

}  // namespace coppice
