#include "coordinator/summary.h"

#include <ATen/Parallel.h>

#include "algorithms/exchange/report_blocks.h"
#include "algorithms/methods/final_measurement.h"
#include "algorithms/methods/lotteryfl.h"
#include "coordinator/latency.h"
#include "coordinator/ledger.h"
#include "models/measures.h"
#include "models/model.h"

namespace coppice {
namespace {

void put(const char* name, const std::optional<double>& figure, std::map<std::string, double>& metrics) {
  if (figure) metrics[name] = *figure;
}

// Bytes of the weights as a dense float32 file holds them, header aside.
std::int64_t tensor_bytes(const ModelState& state) {
  return (state.base.layout().numel() + state.moments.layout().numel()) * static_cast<std::int64_t>(sizeof(float));
}

double accuracy_of(const RunFacts& facts, double hits, double count) { return has_accuracy(facts.loss) ? hits / count : kNoFigure; }

VariantFigures figures_of(const FinalModel& final, const State& state, const RunFacts& facts) {
  VariantFigures figures;
  figures.name = final.name;
  const auto model = make_model(final.values->config);
  const std::vector<double>& sums = state.numbers.at("final/" + final.name);
  figures.loss = sums[0] / sums[2];
  figures.accuracy = accuracy_of(facts, sums[1], sums[2]);
  const MeasureSums details =
      MeasureSums::from_flat(facts.loss, outputs_of(*model), state.numbers.at("final_details/" + final.name));
  const Metrics metrics = metrics_of(details);
  put("macro_f1", metrics.macro_f1, figures.metrics);
  put("auroc", metrics.auroc, figures.metrics);
  put("calibration_error", metrics.calibration_error, figures.metrics);
  put("mean_squared_error", metrics.mean_squared_error, figures.metrics);
  put("mean_absolute_error", metrics.mean_absolute_error, figures.metrics);
  put("r_squared", metrics.r_squared, figures.metrics);
  put("perplexity", metrics.perplexity, figures.metrics);
  figures.parameters = final.mask ? final.mask->kept() : model->base_layout()->numel();
  figures.flops = 2 * model->cost(model->structure().full_widths()).macs;
  figures.file_bytes = tensor_bytes(*final.values);
  figures.artifact = final.name == "compact" ? "sliced" : final.name == "masked" ? "zeros" : "";
  for (const std::int64_t batch : {std::int64_t{1}, std::int64_t{64}}) {
    figures.latency_ms[batch] = measure_latency_ms(*model, *final.values, facts.sample_shape, batch);
  }
  return figures;
}

LayerKept layer_of_family(const Family& family, std::span<const std::uint8_t> groups) {
  const auto kept = groups.subspan(static_cast<std::size_t>(family.first_group), static_cast<std::size_t>(family.num_groups));
  LayerKept layer{family.name, family.kind, 0, family.num_groups, picture_of_units(kept)};
  for (const std::uint8_t k : kept) layer.kept += k;
  return layer;
}

LayerKept layer_of_matrix(const PatternMatrix& matrix, const ArenaLayout& layout, const Mask& mask) {
  const std::int64_t total = matrix.rows_O * matrix.cols_I;
  const Bits bits = mask.keeps_all(matrix.tensor) ? Bits(total, true) : mask.bits(matrix.tensor);
  return {layout[matrix.tensor].name, "matrix", bits.count(), total,
          picture_of_matrix(matrix.rows_O, matrix.cols_I, bits.words())};
}

MaskFigures mask_figures(const Track& main, const Track& dense, const std::string& pattern) {
  MaskFigures figures;
  figures.pattern = pattern;
  const Mask& mask = main.cut ? *main.cut : *main.mask;
  const auto model = make_model(main.cut ? dense.values->config : main.values->config);
  const PrunableStructure structure = model->structure();
  figures.density = mask.density();
  figures.digest = mask.digest().hex();
  if (main.cut) {
    for (const Family& family : structure.families) figures.layers.push_back(layer_of_family(family, mask.groups()));
  } else {
    for (const PatternMatrix& matrix : structure.matrices) {
      figures.layers.push_back(layer_of_matrix(matrix, *model->base_layout(), mask));
    }
  }
  return figures;
}

std::optional<FusionFigures> fusion_figures(const State& state, const RunFacts& facts) {
  FusionFigures figures;
  for (const char* stage : {"prune/chosen", "bn_selection/chosen"}) {
    const auto chosen = state.texts.find(stage);
    if (chosen != state.texts.end()) figures.chosen = chosen->second;
  }
  constexpr std::string_view kCandidates = "candidates/";
  for (const auto& [name, values] : state.numbers) {
    if (name.starts_with(kCandidates)) {
      figures.candidates.push_back({name.substr(kCandidates.size()), values.at(0), accuracy_of(facts, values.at(1), 1.0)});
    }
  }
  if (figures.chosen.empty()) return std::nullopt;
  return figures;
}

DeviceFigures device_figures(const State& state, const RunFacts& facts) {
  const VirtualCost total = virtual_total(state);
  DeviceFigures figures{.seconds = total.seconds, .joules = total.joules, .profiles = {}, .time_to_accuracy = facts.time_to_accuracy};
  std::map<std::string, std::int64_t> clients;
  for (const Device& device : facts.devices) ++clients[device.profile];
  for (const auto& [name, count] : clients) {
    const auto counts = state.numbers.find(kDeviceCounts + name);
    const std::vector<double> seen = counts == state.numbers.end() ? std::vector<double>(3, 0.0) : counts->second;
    const auto whole = [&seen](std::size_t i) { return static_cast<std::int64_t>(seen[i]); };
    figures.profiles.push_back({name, count, whole(0), whole(1), whole(2)});
  }
  return figures;
}

void add_class_figures(const MeasureSums& sums, RunSummary& summary) {
  if (sums.kind != LossKind::kCrossEntropy || sums.confusion.empty()) return;
  const auto classes = static_cast<std::size_t>(sums.outputs);
  for (std::size_t truth = 0; truth < classes; ++truth) {
    const auto row = sums.confusion.begin() + static_cast<std::ptrdiff_t>(truth * classes);
    summary.confusion.emplace_back(row, row + static_cast<std::ptrdiff_t>(classes));
  }
  for (std::size_t bin = 0; bin < sums.reliability_count.size(); ++bin) {
    const auto count = static_cast<double>(sums.reliability_count[bin]);
    summary.calibration.push_back({sums.reliability_count[bin],
                                   count > 0 ? sums.reliability_confidence[bin] / count : kNoFigure,
                                   count > 0 ? static_cast<double>(sums.reliability_hits[bin]) / count : kNoFigure});
  }
}

}  // namespace

RunSummary summarize_run(const State& state, const RunFacts& facts) {
  RunSummary summary;
  summary.name = facts.name;
  summary.seed = facts.seed;
  summary.config_digest = facts.config_digest;
  summary.fingerprint = facts.fingerprint;
  summary.data = facts.data;
  summary.seconds = facts.seconds;
  summary.client = facts.client;
  if (const double flops = own_flops(state); flops > 0.0) summary.coordinator_flops = flops;
  if (!facts.devices.empty()) summary.devices = device_figures(state, facts);
  summary.level_bytes = facts.level_bytes;
  for (auto text = state.texts.lower_bound(kWarnings); text != state.texts.end() && text->first.starts_with(kWarnings); ++text) {
    summary.warnings.push_back(text->second);
  }
  summary.peak_memory_bytes = facts.peak_memory_bytes;
  summary.threads = at::get_num_threads();
  summary.ranks = facts.ranks;
  const Track& main = state.track(kMainTrack);
  summary.model_family = family_of(main.values->config);
  const std::vector<FinalModel> models = final_models(state);
  for (const FinalModel& model : models) summary.variants.push_back(figures_of(model, state, facts));
  const auto result = make_model(models.back().values->config);
  add_class_figures(MeasureSums::from_flat(facts.loss, outputs_of(*result),
                                           state.numbers.at("final_details/" + models.back().name)),
                    summary);
  const Traffic traffic = traffic_of(state);
  if (traffic.client_rounds > 0) {
    summary.traffic.bytes_down_per_client = traffic.bytes_down / traffic.client_rounds;
    summary.traffic.bytes_up_per_client = traffic.bytes_up / traffic.client_rounds;
  }
  const bool has_dense = state.tracks.contains(kDenseTrack);
  summary.traffic.dense_bytes_per_client =
      static_cast<double>(tensor_bytes(has_dense ? *state.track(kDenseTrack).values : *main.values));
  if (main.cut || main.mask) {
    summary.mask = mask_figures(main, has_dense ? state.track(kDenseTrack) : main, facts.pattern);
  }
  summary.fusion = fusion_figures(state, facts);
  if (const auto own = state.numbers.find(kPersonal); own != state.numbers.end()) {
    const std::vector<double>& n = own->second;
    summary.personal = {.accuracy = accuracy_of(facts, n.at(1), n.at(2)), .loss = n.at(0) / n.at(2), .density = n.at(4),
                        .clients = static_cast<std::int64_t>(n.at(3)), .samples = static_cast<std::int64_t>(n.at(2))};
  }
  const auto clients = state.numbers.find("final_clients");
  if (clients != state.numbers.end()) {
    for (std::size_t i = 0; i + 4 <= clients->second.size(); i += 4) {
      const double* row = clients->second.data() + i;
      summary.per_client.push_back({static_cast<std::int64_t>(row[0]), static_cast<std::int64_t>(row[3]), accuracy_of(facts, row[2], row[3]),
                                    row[1] / row[3]});
    }
  }
  return summary;
}

}  // namespace coppice
