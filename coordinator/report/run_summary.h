// summary.json as a value: the closing figures of a run. docs/run_folder.md is the schema; this is its only reader and
// writer, so the terminal table, the report, the model card and the comparison cannot show different figures.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "coordinator/report/mask_picture.h"

namespace coppice {

constexpr double kNoFigure = std::numeric_limits<double>::quiet_NaN();  // not measured, or not finite; null in JSON

// One model of the run: dense, masked, compact, the dense twin, a baseline.
struct VariantFigures {
  std::string name;
  double accuracy = kNoFigure;            // fraction of hits on the test data
  double loss = kNoFigure;                // mean on the test data
  std::map<std::string, double> metrics;  // anything else measured there: "f1", "auroc", "perplexity"
  std::int64_t parameters = 0;
  std::int64_t flops = 0;  // of one sample's forward pass
  std::optional<std::int64_t> file_bytes;
  std::map<std::int64_t, double> latency_ms;  // batch size -> milliseconds a batch, measured
  std::string artifact;                       // "sliced", "packed", "zeros"; "" where not exported
};

struct DataFigures {
  std::string name;
  std::string note;  // licence, caveats, how it was partitioned
  std::int64_t clients = 0;
  std::vector<std::string> classes;  // names for the confusion matrix; may be empty
};

// Means over the run, of one client in one round it took part in.
struct TrafficFigures {
  double bytes_down_per_client = kNoFigure;
  double bytes_up_per_client = kNoFigure;
  double dense_bytes_per_client = kNoFigure;  // the whole model's values once, in one direction
};

// What one client's work costs it, by algorithms/exchange/client_cost.h; the dense twin's rounds are not in it.
struct ClientCostFigures {
  double flops = kNoFigure;       // mean of a round it took part in, evaluations of the coordinator's aside
  double live_bytes = kNoFigure;  // of the round that needs most, by the cost model: weights, gradients, moments, growth buffer, payload
  double peak_bytes = kNoFigure;  // the most that a client's tensors took, measured: activations included, payload not
};

// By the devices' profiles and the cost model, nothing measured (algorithms/methods/devices.h).
struct DeviceFigures {
  struct Profile {
    std::string name;
    std::int64_t clients = 0;
    std::int64_t took_part = 0;    // client-rounds
    std::int64_t too_small = 0;    // drawn, but could not hold the plan
    std::int64_t unreachable = 0;  // drawn, but not there
  };
  double seconds = kNoFigure;  // of the virtual clock
  double joules = kNoFigure;   // of all clients
  std::vector<Profile> profiles;
  std::map<std::string, double> time_to_accuracy;  // "0.7": when an evaluation first was that good; only what was reached
};

struct LayerKept {
  std::string name;
  std::string kind;  // "channel", "neuron", "matrix", ...
  std::int64_t kept = 0;
  std::int64_t total = 0;
  MaskPicture picture;
};

struct MaskFigures {
  std::string pattern;  // "channels", "2:4", "32x1", "unstructured"
  double density = kNoFigure;
  std::string digest;
  std::vector<LayerKept> layers;
};

struct FusionCandidate {
  std::string name;
  double select_loss = kNoFigure;  // on the data the choice was made on, never the test data
  double select_accuracy = kNoFigure;
};

struct FusionFigures {
  std::string chosen;
  std::vector<FusionCandidate> candidates;
};

struct ClientFigures {
  std::int64_t client = 0;
  std::int64_t samples = 0;
  double accuracy = kNoFigure;
  double loss = kNoFigure;
};

// Clients' own models, each under its own mask, on the samples that they hold out.
struct PersonalFigures {
  double accuracy = kNoFigure;
  double loss = kNoFigure;
  double density = kNoFigure;  // mean over clients, of the matrices
  std::int64_t clients = 0;
  std::int64_t samples = 0;
};

// One bin of predictions by confidence.
struct CalibrationBin {
  std::int64_t count = 0;
  double confidence = kNoFigure;  // mean of the bin; NaN where count = 0
  double accuracy = kNoFigure;
};

struct RunSummary {
  std::string name;
  std::int64_t seed = 0;
  std::string config_digest;
  std::map<std::string, std::string> fingerprint;  // what the bits depend on: binary, instruction set, device, threads
  std::string model_family;                        // "" where not stated
  DataFigures data;
  std::vector<VariantFigures> variants;  // at least one, names unique, in the order to show
  TrafficFigures traffic;
  ClientCostFigures client;
  double coordinator_flops = kNoFigure;  // of its own training, where it did any
  std::optional<DeviceFigures> devices;
  std::map<std::string, double> level_bytes;  // of partial sums to each level of a hierarchy of ranks; may be empty
  std::vector<std::string> warnings;
  std::map<std::string, double> seconds;  // stage -> wall seconds
  std::int64_t peak_memory_bytes = 0;     // of the largest rank
  std::int64_t threads = 1;               // of one rank
  std::int64_t ranks = 1;
  std::optional<MaskFigures> mask;
  std::optional<FusionFigures> fusion;
  std::optional<PersonalFigures> personal;
  std::vector<ClientFigures> per_client;
  std::vector<std::vector<std::int64_t>> confusion;  // [true class][predicted class], of the result; may be empty
  std::vector<CalibrationBin> calibration;           // of the result; may be empty
};

// `file` is what error messages call the text. Throws InputError with one line naming file and key.
RunSummary parse_summary(std::string_view text, const std::string& file);
RunSummary read_summary(const std::string& folder);
std::string to_json_text(const RunSummary& summary);

// Of the result: 1 where nothing was cut.
double density_of(const RunSummary& summary);
// The model the run was for: the last exported one, else "compact", else "masked", else the last.
const VariantFigures& result_of(const RunSummary& summary);
// What it is judged against: "dense twin" (same rounds, not pruned), else "dense"; null where the result is the only
// one.
const VariantFigures* reference_of(const RunSummary& summary);
// Sum over bins of count / total * |accuracy - confidence| (Guo et al., ICML 2017, eq. 3); NaN without counts.
double expected_calibration_error(const std::vector<CalibrationBin>& bins);
double total_seconds(const RunSummary& summary);

}  // namespace coppice
