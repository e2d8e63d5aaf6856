#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <numeric>

#include "algorithms/training/replica.h"
#include "client/batch_reader.h"
#include "coordinator/any_model.h"
#include "core/error.h"
#include "core/human_text.h"
#include "core/text_table.h"
#include "models/measures.h"
#include "models/model.h"
#include "simulations/commands/commands.h"
#include "simulations/commands/loaded_decoder.h"
#include "simulations/commands/named_source.h"
#include "simulations/commands/text_perplexity.h"
#include "simulations/scenario.h"

namespace coppice {
namespace {

constexpr std::int64_t kMostExamples = 256;
constexpr std::int64_t kMostLogits = std::int64_t{1} << 26;  // of one pass

bool predicts_tokens(const ExampleSpec& spec) { return spec.target == ExampleSpec::Target::kNextToken; }

std::size_t examples_per_pass(const ExampleSpec& spec) {
  const std::int64_t logits = spec.num_targets * (predicts_tokens(spec) ? spec.shape.front() : 1);
  return static_cast<std::size_t>(std::clamp<std::int64_t>(kMostLogits / logits, 1, kMostExamples));
}

MeasureSums measure(const ModelState& state, const Dataset& data) {
  std::shared_ptr<const Model> model = make_model(state.config);
  Replica replica(model);
  replica.load(std::make_shared<const ModelState>(state.clone()), Precision::kF32);
  const LossKind loss = loss_of(data.spec());
  MeasureSums sums(loss, data.spec().num_targets);
  std::vector<std::int64_t> indices(static_cast<std::size_t>(data.size()));
  std::iota(indices.begin(), indices.end(), 0);
  Tap tap;
  Batch batch;
  for (std::span<const std::int64_t> left(indices); !left.empty();) {
    const auto take = std::min(left.size(), examples_per_pass(data.spec()));
    read_batch(data, left.first(take), batch);
    sums.add(replica.logits(batch, tap, Mode::kEval), batch.targets);
    left = left.subspan(take);
  }
  return sums;
}

void eval_data(const std::string& model_path, const NamedSource& source, const Extensions& extensions) {
  const ModelState state = read_any_model(model_path);
  const LoadedData data = load_data(source_of(source, extensions));
  check_model_fits(*make_model(state.config), data.test->spec(), model_path);
  const MeasureSums sums = measure(state, *data.test);
  const Metrics metrics = metrics_of(sums);
  const ExampleSpec& spec = data.test->spec();
  const bool tokens = predicts_tokens(spec);
  TextTable table({"figure", source.name + " test, " + std::to_string(sums.count) + (tokens ? " predicted tokens" : " samples")});
  const auto row = [&table](const char* name, const std::optional<double>& value) {
    if (value) table.add_row({name, fixed_text(*value, 4)});
  };
  row("loss", metrics.loss);
  row("perplexity", tokens && metrics.loss ? std::exp(*metrics.loss) : metrics.perplexity);
  row("accuracy", metrics.accuracy);
  row("macro F1", metrics.macro_f1);
  row("AUROC", metrics.auroc);
  row("calibration error", metrics.calibration_error);
  row("mean squared error", metrics.mean_squared_error);
  row("mean absolute error", metrics.mean_absolute_error);
  row("R squared", metrics.r_squared);
  std::fputs(table.text().c_str(), stdout);
  if (tokens) {
    std::printf("protocol: %lld examples of up to %lld tokens, none across documents; the first token of a document is given, each "
                "other one is predicted once from those before it in its example\n",
                static_cast<long long>(data.test->size()), static_cast<long long>(spec.shape.front()));
  }
  if (!data.note.empty()) std::printf("%s\n", data.note.c_str());
}

void eval_text(const std::string& model_path, const PerplexityOptions& options, DecoderOptions& decoder_options) {
  const LoadedDecoder decoder = load_decoder(model_path, decoder_options);
  const Tokenizer tokenizer = tokenizer_for(decoder.config, model_path);
  const Perplexity found = measure_perplexity(*decoder.model, decoder.config, decoder.weights(), tokenizer, options);
  TextTable table({"figure", std::to_string(found.predicted) + " predicted tokens"});
  table.add_row({"loss", fixed_text(found.loss, 4)});
  table.add_row({"perplexity", fixed_text(std::exp(found.loss), 4)});
  std::fputs(table.text().c_str(), stdout);
  std::printf("protocol: %s; %s\n", found.protocol.c_str(), decoder_options.text().c_str());
}

}  // namespace

void add_eval_command(CLI::App& app, const Extensions& extensions, int& code) {
  struct Options {
    std::string model;
    NamedSource data;
    PerplexityOptions text;
    DecoderOptions decoder{.dtype = "float32"};
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("eval", "Measure a model on a data set's test split, a language model also on plain text");
  command->add_option("model", options->model, "a run, a model folder or a packed model")->required();
  auto* data = command->add_option("--data", options->data.name, "fashion-mnist, mnist-by-writer, cifar10, a .csv file or a folder of shards");
  auto* text = command->add_option("--text", options->text.files, "text files, joined by blank lines: perplexity by the model's own tokenizer");
  data->excludes(text);
  add_target_options(*command, options->data);
  for (const char* name : {"--target", "--task"}) command->get_option(name)->needs(data);
  command->add_flag("--rows", options->text.rows, "the lines of a text are rows of a data set, joined by blank lines")->needs(text);
  command->add_option("--seq-len", options->text.seq_len, "tokens of a block; 0 = 2048, or the model's own length where that is less")->needs(text);
  command->add_option("--blocks", options->text.blocks, "the first so many blocks; 0 = all")->needs(text)->check(CLI::NonNegativeNumber);
  options->decoder.add_to(*command);
  for (const char* name : {"--threads", "--dtype"}) command->get_option(name)->needs(text);
  command->footer("Examples:\n  coppice eval runs/quickstart-1a2b3c4d5e6f --data fashion-mnist\n"
                  "  coppice eval models/smollm2 --text wiki.test.txt --rows --seq-len 2048");
  command->callback([options, &extensions, &code] {
    if (options->data.name.empty() && options->text.files.empty()) throw InputError("eval: expected either --data or --text");
    if (options->data.name.empty()) {
      eval_text(options->model, options->text, options->decoder);
    } else {
      eval_data(options->model, options->data, extensions);
    }
    code = 0;
  });
}

}  // namespace coppice
