#include "simulations/commands/named_source.h"

#include <filesystem>

#include "core/error.h"

namespace coppice {

SourceConfig named_source(const std::string& text) {
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
  throw InputError("--data: " + unknown_name("data set", text,
                                             {FashionMnistSource::kName, MnistByWriterSource::kName, Cifar10Source::kName}) +
                   ", a .csv file or a folder of shards");
}

}  // namespace coppice
