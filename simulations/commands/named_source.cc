#include "simulations/commands/named_source.h"

#include <filesystem>
#include <map>

#include "core/error.h"

namespace coppice {

namespace {

const std::map<std::string, CsvSource::Task> kTasks = {
    {"class", CsvSource::Task::kClass}, {"multi-label", CsvSource::Task::kMultiLabel}, {"regression", CsvSource::Task::kRegression}};

CsvSource csv_of(const NamedSource& source) {
  if (source.targets.empty()) throw InputError("--target: found none, expected the column of '" + source.name + "' to predict");
  const auto task = kTasks.find(source.task);
  if (task == kTasks.end()) throw InputError("--task: " + unknown_name("task", source.task, {"class", "multi-label", "regression"}));
  CsvSource csv;
  csv.path = source.name;
  csv.targets = source.targets;
  csv.task = task->second;
  return csv;
}

}  // namespace

void add_target_options(CLI::App& command, NamedSource& source) {
  command.add_option("--target", source.targets, "of a .csv file: the column to predict, or several")->delimiter(',');
  command.add_option("--task", source.task, "of a .csv file: class, multi-label or regression")->capture_default_str();
}

SourceConfig source_of(const NamedSource& source, const Extensions& extensions) {
  const std::string& text = source.name;
  if (text.ends_with(".csv")) return csv_of(source);
  if (!source.targets.empty()) throw InputError("--target: found '" + source.targets.front() + "', but '" + text + "' is no .csv file and has its own");
  if (text == FashionMnistSource::kName) return FashionMnistSource{};
  if (text == MnistByWriterSource::kName) return MnistByWriterSource{};
  if (text == Cifar10Source::kName) return Cifar10Source{};
  if (std::filesystem::is_directory(text)) {
    ShardSource shards;
    shards.path = text;
    return shards;
  }
  std::vector<std::string> names = {FashionMnistSource::kName, MnistByWriterSource::kName, Cifar10Source::kName};
  for (const Custom<DataSource>& own : extensions.of<DataSource>()) {
    if (text == own.name()) return own;
    names.push_back(own.name());
  }
  throw InputError("--data: " + unknown_name("data set", text, names) + ", a .csv file or a folder of shards");
}

}  // namespace coppice
