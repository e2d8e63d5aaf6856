#include <ATen/Parallel.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "coordinator/any_model.h"
#include "coordinator/latency.h"
#include "core/human_text.h"
#include "core/text_table.h"
#include "models/model.h"
#include "simulations/commands/commands.h"
#include "simulations/commands/decoder_bench.h"
#include "simulations/commands/loaded_decoder.h"
#include "simulations/scenario.h"

namespace coppice {
namespace {

struct BenchOptions {
  std::vector<std::string> models;
  std::vector<std::int64_t> batches = {1, 64};
  int repeats = 3;
  DecoderOptions decoder;
};

std::vector<std::string> latencies(const std::string& path, const ModelState& state, const BenchOptions& options) {
  const auto model = make_model(state.config);
  const Cost cost = model->cost(model->structure().full_widths());
  std::vector<std::string> row = {path, count_text(static_cast<double>(cost.params)), count_text(2.0 * static_cast<double>(cost.macs))};
  for (const std::int64_t batch : options.batches) {
    row.push_back(fixed_text(measure_latency_ms(*model, state, input_shape_of(state.config), batch), 3));
  }
  return row;
}

// A JSON line and a row.
std::vector<std::string> speeds(const std::string& path, ModelState state, BenchOptions& options) {
  options.decoder.apply();
  const std::shared_ptr<const DecoderModel> model = make_decoder(std::get<DecoderConfig>(state.config));
  const auto shared = std::make_shared<const ModelState>(std::move(state));
  const bool low = options.decoder.dtype == "bfloat16";
  Arena narrow;
  if (low) {
    narrow = Arena("base", model->base_layout(), DType::kBF16);
    narrow.copy_from(shared->base);
  }
  const DecoderSpeed speed = measure_speed(model, shared, {(low ? narrow : shared->base).views(), {}},
                                           low ? Precision::kBF16 : Precision::kF32, options.repeats);
  nlohmann::ordered_json line = {{"name", "coppice"}, {"model", path}, {"threads", options.decoder.threads}, {"dtype", options.decoder.dtype},
                                 {"prefill_tokens_per_s", speed.prefill_tokens_per_s}, {"decode_tokens_per_s", speed.decode_tokens_per_s},
                                 {"step_s", speed.step_s}, {"importance_s", speed.importance_s}};
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
  return {path, fixed_text(speed.prefill_tokens_per_s, 0), fixed_text(speed.decode_tokens_per_s, 1), fixed_text(speed.step_s, 2),
          fixed_text(speed.importance_s, 2)};
}

void run_bench(BenchOptions& options) {
  std::vector<std::string> headings = {"model", "parameters", "FLOPs"};
  for (const std::int64_t batch : options.batches) headings.push_back("ms, batch " + std::to_string(batch));
  std::optional<TextTable> one_thread, decoders;
  for (const std::string& path : options.models) {
    ModelState state = read_any_model(path);
    if (std::holds_alternative<DecoderConfig>(state.config)) {
      if (!decoders) decoders.emplace(std::vector<std::string>{"decoder", "prefill tokens/s", "decode tokens/s", "step s", "importance s"});
      decoders->add_row(speeds(path, std::move(state), options));
    } else {
      at::set_num_threads(1);
      if (!one_thread) one_thread.emplace(headings);
      one_thread->add_row(latencies(path, state, options));
    }
  }
  if (one_thread) std::printf("%sone thread, float32, median of passes\n", one_thread->text().c_str());
  if (!decoders) return;
  using Speed = DecoderSpeed;
  std::printf("%s%s, best of %d; prefill of %lld x %lld tokens, decode of one text with a cache, training step (AdamW) and importance pass "
              "(Taylor, coarse and fine) of %lld x %lld tokens\n",
              decoders->text().c_str(), options.decoder.text().c_str(), options.repeats, static_cast<long long>(Speed::kPrefillBatch),
              static_cast<long long>(Speed::kPrefillTokens), static_cast<long long>(Speed::kStepBatch),
              static_cast<long long>(Speed::kStepTokens));
}

}  // namespace

void add_bench_command(CLI::App& app, int& code) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* command = app.add_subcommand("bench", "Measure models here: latency on one thread in float32; what decoders do in a second");
  command->add_option("models", options->models, "runs, model folders or packed models")->required();
  command->add_option("--batch", options->batches, "batch sizes of models that are no decoders");
  command->add_option("--repeats", options->repeats, "decoders: the best of so many passes")->check(CLI::PositiveNumber)->capture_default_str();
  options->decoder.add_to(*command);
  command->footer("Examples:\n  coppice bench runs/a runs/b --batch 1 64\n  coppice bench models/smollm2 runs/fused_20");
  command->callback([options, &code] {
    run_bench(*options);
    code = 0;
  });
}

}  // namespace coppice
