#include <cstdio>
#include <memory>
#include <numeric>

#include <nlohmann/json.hpp>

#include "algorithms/topics/topic_quality.h"
#include "coordinator/any_model.h"
#include "core/error.h"
#include "core/file.h"
#include "core/human_text.h"
#include "core/text_table.h"
#include "data/contract.h"
#include "models/model.h"
#include "simulations/commands/commands.h"
#include "simulations/commands/named_source.h"
#include "simulations/scenario.h"

namespace coppice {
namespace {

struct Options {
  std::string model, data, json;
  std::int64_t words = 10;
};

std::vector<std::string> vocabulary_of(const LoadedData& data, const std::string& name) {
  std::vector<std::string> words;
  if (!data.contract.empty()) words = read_contract(data.contract).words;
  if (words.empty()) throw InputError(name + ": found no words, expected a contract.json beside the data that lists them");
  return words;
}

void show_topics(const Options& options, const Extensions& extensions) {
  const ModelState state = read_any_model(options.model);
  const Topics topics = top_words(state, options.words);
  const LoadedData data = load_data(source_of({options.data}, extensions));
  check_model_fits(*make_model(state.config), data.test->spec(), options.model);
  const std::vector<std::string> vocabulary = vocabulary_of(data, options.data);
  const std::vector<double> coherence = coherences(topics, *data.test);
  const double mean = std::accumulate(coherence.begin(), coherence.end(), 0.0) / static_cast<double>(coherence.size());

  nlohmann::ordered_json json{{"documents", data.test->size()}, {"words", options.words}, {"coherence", mean}, {"diversity", diversity(topics)}};
  TextTable table({"topic", "coherence", "words"});
  for (std::size_t k = 0; k < topics.size(); ++k) {
    std::vector<std::string> words;
    std::string text;
    for (const std::int64_t word : topics[k]) {
      words.push_back(vocabulary.at(static_cast<std::size_t>(word)));
      text += (text.empty() ? "" : " ") + words.back();
    }
    table.add_row({std::to_string(k), fixed_text(coherence[k], 3), text});
    json["topics"].push_back({{"coherence", coherence[k]}, {"words", std::move(words)}});
  }
  std::fputs(table.text().c_str(), stdout);
  std::printf("mean coherence %s (NPMI on %lld held-out documents), diversity %s\n", fixed_text(mean, 4).c_str(),
              static_cast<long long>(data.test->size()), fixed_text(diversity(topics), 4).c_str());
  if (!options.json.empty()) {
    write_file_atomically(options.json, json.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  }
}

}  // namespace

void add_topics_command(CLI::App& app, const Extensions& extensions, int& code) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("topics", "Print a topic model's topics, with their coherence on held-out documents");
  command->add_option("model", options->model, "a run or a model folder")->required();
  command->add_option("--data", options->data, "a folder of shards: its words, and its test split as held-out documents")->required();
  command->add_option("--words", options->words, "of each topic");
  command->add_option("--json", options->json, "also write them to this file");
  command->footer("Example:\n  coppice topics runs/topics-1a2b3c4d5e6f --data shards --json topics.json");
  command->callback([options, &extensions, &code] {
    show_topics(*options, extensions);
    code = 0;
  });
}

}  // namespace coppice
