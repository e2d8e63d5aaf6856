#include "simulations/commands/named_source.h"

#include <filesystem>

#include "core/error.h"

namespace coppice {

SourceConfig named_source(const std::string& text, const Extensions& extensions) {
  if (text == FashionMnistSource::kName) return FashionMnistSource{};
  if (text == MnistByWriterSource::kName) return MnistByWriterSource{};
  if (text == Cifar10Source::kName) return Cifar10Source{};
  if (text.ends_with(".csv")) {
    CsvSource csv;
    csv.path = text;
    return csv;
  }
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
