#include "coordinator/report/compare.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <set>

#include "core/error.h"

namespace coppice {
namespace {

// One model of one run.
struct Sample {
  const LabelledRun* run;
  const VariantFigures* variant;
};

struct RawArm {
  std::string label;
  std::string variant;
  std::map<std::int64_t, Sample> by_seed;
};

struct MeasuredQuantity {
  Quantity quantity;
  std::function<double(const Sample&)> value;
};

template <class Key>
double figure_at(const std::map<Key, double>& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? kNoFigure : found->second;
}

std::vector<MeasuredQuantity> measured_quantities(const std::vector<RawArm>& arms) {
  std::set<std::string> metrics;
  std::set<std::int64_t> batches;
  for (const RawArm& arm : arms) {
    for (const auto& [seed, sample] : arm.by_seed) {
      for (const auto& [key, value] : sample.variant->metrics) metrics.insert(key);
      for (const auto& [batch, value] : sample.variant->latency_ms) batches.insert(batch);
    }
  }
  using Unit = QuantityUnit;
  using Value = std::function<double(const Sample&)>;
  std::vector<MeasuredQuantity> all;
  const auto add = [&](std::string name, Unit unit, bool of_run, Value value) {
    MeasuredQuantity& measured = all.emplace_back();
    measured.quantity.name = std::move(name);
    measured.quantity.unit = unit;
    measured.quantity.of_run = of_run;
    measured.value = std::move(value);
  };
  const auto of_model = [&](std::string name, Unit unit, Value value) {
    add(std::move(name), unit, false, std::move(value));
  };
  const auto of_run = [&](std::string name, Unit unit, Value value) {
    add(std::move(name), unit, true, std::move(value));
  };
  of_model("accuracy", Unit::kFraction, [](const Sample& s) { return s.variant->accuracy; });
  of_model("loss", Unit::kNumber, [](const Sample& s) { return s.variant->loss; });
  for (const std::string& key : metrics) {
    of_model(key, Unit::kNumber, [key](const Sample& s) { return figure_at(s.variant->metrics, key); });
  }
  of_model("parameters", Unit::kCount, [](const Sample& s) { return static_cast<double>(s.variant->parameters); });
  of_model("FLOPs", Unit::kCount, [](const Sample& s) { return static_cast<double>(s.variant->flops); });
  of_model("file", Unit::kBytes, [](const Sample& s) {
    return s.variant->file_bytes ? static_cast<double>(*s.variant->file_bytes) : kNoFigure;
  });
  for (const std::int64_t batch : batches) {
    of_model("ms, batch " + std::to_string(batch), Unit::kMilliseconds,
             [batch](const Sample& s) { return figure_at(s.variant->latency_ms, batch); });
  }
  of_run("down a client and round", Unit::kBytes,
         [](const Sample& s) { return s.run->summary.traffic.bytes_down_per_client; });
  of_run("up a client and round", Unit::kBytes,
         [](const Sample& s) { return s.run->summary.traffic.bytes_up_per_client; });
  of_run("density", Unit::kFraction, [](const Sample& s) { return density_of(s.run->summary); });
  of_run("FLOPs of a client and round", Unit::kCount, [](const Sample& s) { return s.run->summary.client.flops; });
  of_run("live bytes of a client", Unit::kBytes, [](const Sample& s) { return s.run->summary.client.live_bytes; });
  of_run("peak of a client", Unit::kBytes, [](const Sample& s) { return s.run->summary.client.peak_bytes; });
  of_run("wall time", Unit::kSeconds, [](const Sample& s) { return total_seconds(s.run->summary); });
  of_run("peak memory of a rank", Unit::kBytes,
         [](const Sample& s) { return static_cast<double>(s.run->summary.peak_memory_bytes); });
  return all;
}

std::vector<std::string> all_variants(const std::vector<LabelledRun>& runs) {
  std::vector<std::string> names;
  for (const LabelledRun& run : runs) {
    for (const VariantFigures& variant : run.summary.variants) {
      if (std::find(names.begin(), names.end(), variant.name) == names.end()) names.push_back(variant.name);
    }
  }
  return names;
}

std::vector<RawArm> raw_arms(const std::vector<LabelledRun>& runs, const CompareOptions& options) {
  const std::vector<std::string> known = all_variants(runs);
  for (const std::string& name : options.variants) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      throw InputError(unknown_name("variant", name, known));
  }
  const bool one_label =
      std::all_of(runs.begin(), runs.end(), [&](const auto& run) { return run.label == runs[0].label; });
  std::vector<RawArm> arms;
  for (const LabelledRun& run : runs) {
    for (const VariantFigures& variant : run.summary.variants) {
      const bool named =
          std::find(options.variants.begin(), options.variants.end(), variant.name) != options.variants.end();
      const bool wanted = options.variants.empty() ? one_label || &variant == &result_of(run.summary) : named;
      if (!wanted) continue;
      auto arm = std::find_if(arms.begin(), arms.end(),
                              [&](const RawArm& one) { return one.label == run.label && one.variant == variant.name; });
      if (arm == arms.end()) arm = arms.insert(arms.end(), {run.label, variant.name, {}});
      const auto [at, is_new] = arm->by_seed.try_emplace(run.summary.seed, Sample{&run, &variant});
      if (!is_new) {
        throw InputError(run.folder + ": seed " + std::to_string(run.summary.seed) + " of '" + run.label +
                         "' stands already in " + at->second.run->folder +
                         "; give one of them another label (LABEL=FOLDER)");
      }
    }
  }
  return arms;
}

// "label / variant", without the part that all arms share.
std::vector<std::string> arm_names(const std::vector<RawArm>& arms) {
  std::set<std::string> labels, variants;
  for (const RawArm& arm : arms) labels.insert(arm.label), variants.insert(arm.variant);
  const bool one_variant_each = labels.size() == arms.size();
  std::vector<std::string> names;
  for (const RawArm& arm : arms) {
    if (labels.size() == 1 && variants.size() > 1)
      names.push_back(arm.variant);
    else if (variants.size() == 1 || one_variant_each)
      names.push_back(arm.label);
    else
      names.push_back(arm.label + " / " + arm.variant);
  }
  return names;
}

std::vector<std::int64_t> common_seeds(const RawArm& a, const RawArm& b) {
  std::vector<std::int64_t> seeds;
  for (const auto& [seed, sample] : a.by_seed) {
    if (b.by_seed.contains(seed)) seeds.push_back(seed);
  }
  return seeds;
}

std::vector<std::string> notes_on(const std::vector<LabelledRun>& runs, const Comparison& comparison) {
  std::vector<std::string> notes;
  std::set<std::string> data, machines;
  for (const LabelledRun& run : runs) {
    data.insert(run.summary.data.name);
    std::string machine = std::to_string(run.summary.ranks) + " x " + std::to_string(run.summary.threads);
    for (const auto& [key, value] : run.summary.fingerprint) machine += ", " + key + " " + value;
    machines.insert(machine);
  }
  if (data.size() > 1) {
    std::string names;
    for (const std::string& name : data) names += (names.empty() ? "" : ", ") + name;
    notes.push_back("the runs are not on the same data (" + names + "): differences between them mean little");
  }
  if (machines.size() > 1)
    notes.push_back("the runs differ in ranks, threads or fingerprint: times and latencies are not comparable");
  for (const ComparedArm& arm : comparison.arms) {
    if (arm.paired_seeds.empty() && &comparison.arms[arm.baseline] != &arm)
      notes.push_back("'" + arm.name + "' has no seed in common with the baseline: no difference");
  }
  return notes;
}

}  // namespace

bool MeanAndError::is_clear() const { return std::isfinite(standard_error) && std::abs(mean) > 2.0 * standard_error; }

bool Comparison::has_one_baseline() const {
  return std::all_of(arms.begin(), arms.end(), [this](const ComparedArm& arm) { return arm.baseline == baseline; });
}

std::size_t Comparison::index_of(std::string_view quantity) const {
  const auto found = std::find_if(quantities.begin(), quantities.end(), [&](const Quantity& q) { return q.name == quantity; });
  return static_cast<std::size_t>(found - quantities.begin());
}

MeanAndError mean_and_error(const std::vector<double>& values) {
  MeanAndError result{.count = static_cast<std::int64_t>(values.size())};
  if (values.empty()) return result;
  const auto n = static_cast<double>(values.size());
  double sum = 0.0, squares = 0.0;
  for (const double value : values) sum += value;
  result.mean = sum / n;
  if (values.size() < 2) return result;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  result.standard_error = std::sqrt(squares / (n - 1.0) / n);
  return result;
}

std::vector<LabelledRun> read_runs(const std::vector<std::string>& arguments) {
  std::vector<LabelledRun> runs;
  for (const std::string& argument : arguments) {
    const std::size_t sign = argument.find('=');
    const bool labelled = sign != std::string::npos && sign > 0 && !std::filesystem::is_directory(argument);
    LabelledRun run{.label = "", .folder = labelled ? argument.substr(sign + 1) : argument, .summary = {}};
    run.summary = read_summary(run.folder);
    run.label = labelled ? argument.substr(0, sign) : run.summary.name;
    runs.push_back(std::move(run));
  }
  return runs;
}

Comparison compare_runs(const std::vector<LabelledRun>& runs, const CompareOptions& options) {
  if (runs.empty()) throw InputError("nothing to compare: expected the folder of at least one run");
  const std::vector<RawArm> arms = raw_arms(runs, options);
  const std::vector<std::string> names = arm_names(arms);
  Comparison comparison;
  const auto index_of = [&](const std::string& name) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) throw InputError(unknown_name("baseline", name, names));
    return static_cast<std::size_t>(found - names.begin());
  };
  if (!options.baseline.empty()) comparison.baseline = index_of(options.baseline);
  for (std::size_t a = 0; a < arms.size(); ++a) {
    ComparedArm& arm = comparison.arms.emplace_back();
    arm.name = names[a];
    const auto other = options.baseline_of.find(arm.name);
    arm.baseline = other == options.baseline_of.end() ? comparison.baseline : index_of(other->second);
    for (const auto& [seed, sample] : arms[a].by_seed) arm.seeds.push_back(seed);
    arm.paired_seeds = common_seeds(arms[a], arms[arm.baseline]);
  }
  for (const MeasuredQuantity& measured : measured_quantities(arms)) {
    bool any = false;
    for (std::size_t a = 0; a < arms.size(); ++a) {
      std::vector<double> values, differences;
      for (const auto& [seed, sample] : arms[a].by_seed) {
        const double value = measured.value(sample);
        if (std::isfinite(value)) values.push_back(value);
      }
      for (const std::int64_t seed : comparison.arms[a].paired_seeds) {
        const double difference =
            measured.value(arms[a].by_seed.at(seed)) - measured.value(arms[comparison.arms[a].baseline].by_seed.at(seed));
        if (std::isfinite(difference)) differences.push_back(difference);
      }
      any = any || !values.empty();
      comparison.arms[a].values.push_back(mean_and_error(values));
      comparison.arms[a].differences.push_back(mean_and_error(differences));
    }
    if (any) {
      comparison.quantities.push_back(measured.quantity);
      continue;
    }
    for (ComparedArm& arm : comparison.arms) arm.values.pop_back(), arm.differences.pop_back();
  }
  comparison.notes = notes_on(runs, comparison);
  return comparison;
}

}  // namespace coppice
