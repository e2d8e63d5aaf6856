// Throughputs against memcpy of the same bytes, and a sparse step against the dense one; one JSON line each.
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <optional>
#include <vector>

#include "algorithms/budget/budget.h"
#include "algorithms/importance/importance.h"
#include "algorithms/masking/make_mask.h"
#include "algorithms/training/kept_bytes.h"
#include "algorithms/training/replica.h"
#include "comm/wire/wire.h"
#include "coordinator/latency.h"
#include "core/allocator.h"
#include "core/exact_sum.h"
#include "core/phase_timer.h"
#include "core/seed.h"
#include "models/model.h"
#include "models/transform.h"

namespace coppice {
namespace {

constexpr std::size_t kValues = std::size_t{1} << 23;  // 32 MiB of floats

// Least of several runs, in seconds.
template <class Work>
double seconds_of(const Work& work) {
  double least = 1e9;
  for (int i = 0; i < 7; ++i) {
    const double start = steady_seconds();
    work();
    least = std::min(least, steady_seconds() - start);
  }
  return least;
}

void print(const char* name, double value, const char* against, const char* note) {
  std::printf("{\"name\": \"%s\", \"value\": %.4f, \"against\": \"%s\", \"note\": \"%s\"}\n", name, value, against, note);
}

std::vector<float> random_floats(std::size_t count, std::uint32_t salt) {
  Stream stream(Seed{}, Purpose::kTest, salt);
  std::vector<float> values(count);
  for (float& v : values) v = static_cast<float>(stream.uniform() - 0.5);
  return values;
}

void bench_sums(double memcpy_s, const std::vector<float>& before) {
  const std::vector<float> after = random_floats(kValues, 2);
  ExactSums sums({{"delta", kValues, Exponent{40}}}, 64);
  int addends = 0;
  const double add_s = seconds_of([&] {
    if (++addends > 60) {
      sums.clear();
      addends = 1;
    }
    sums.add(0, Addend::difference(after, before, 3.0));
  });
  print("exact sum of a difference", memcpy_s / add_s, "memcpy of one operand", "8 M float pairs into 8 M int64");
  std::vector<double> decoded(kValues);
  const double decode_s = seconds_of([&] { sums.decode(0, 0, decoded); });
  print("exact sum, decode", memcpy_s / decode_s, "memcpy of the floats", "8 M int64 to double");
}

void bench_frames(double memcpy_s, const std::vector<float>& values) {
  Envelope envelope;
  Block block;
  block.name = "values";
  block.shape = {static_cast<std::int64_t>(values.size())};
  const auto bytes = std::as_bytes(std::span(values));
  block.values.assign(bytes.begin(), bytes.end());
  envelope.blocks.push_back(std::move(block));
  std::vector<std::byte> frame = encode(envelope);
  print("frame, encode", memcpy_s / seconds_of([&] { frame = encode(envelope); }), "memcpy", "32 MiB tensor");
  print("frame, decode", memcpy_s / seconds_of([&] { envelope = decode(frame); }), "memcpy", "32 MiB tensor");
}

enum class Cut { kNone, kChannels, kTwoOfFour };

// A training step of ResNet-8, batch 32: dense, cut to 40 % of the FLOPs, or under a mask in the dense shape.
double step_seconds(Cut cut, Precision precision) {
  std::shared_ptr<const Model> model = make_model(Resnet8Config{});
  const PrunableStructure structure = model->structure();
  ModelState state = initial_state(*model, Seed{});
  std::optional<KeptBytes> kept;
  if (cut == Cut::kChannels) {
    BudgetConfig budget;
    budget.budget.flops = 0.4;
    const auto units = choose_units(*model, std::vector<double>(structure.groups.size(), 1.0), budget);
    state = slice(state, *model, Mask::of_groups(model->base_layout(), structure, units));
    model = make_model(state.config);
  } else if (cut == Cut::kTwoOfFour) {
    const Pattern pattern = parse_pattern("2:4");
    const ElementScores scores = weight_element_scores(MagnitudeConfig{}, *model, state.base, false, Seed{});
    const Mask mask = make_element_mask(*model, pattern, false, scores, {});
    mask.apply_to(state.base);
    kept.emplace(mask);
  }
  Replica replica(model);
  replica.load(std::make_shared<const ModelState>(std::move(state)), precision);
  Optimizer optimizer(SgdConfig{.lr = 0.01, .momentum = 0.9}, model->base_layout());
  Batch batch = random_batch(*model, {28, 28, 1}, 32);
  Tap tap;
  return seconds_of([&] {
    for (int i = 0; i < 5; ++i) {
      replica.backward(batch, LossKind::kCrossEntropy, tap, Mode::kTrain, true);
      replica.step(optimizer, {.kept = kept ? &*kept : nullptr});
    }
  });
}

void bench_sparse_step() {
  for (const Precision precision : {Precision::kF32, Precision::kBF16}) {
    const char* note = precision == Precision::kF32 ? "ResNet-8, batch 32, f32" : "ResNet-8, batch 32, bf16";
    const double dense = step_seconds(Cut::kNone, precision);
    print("training step, channels cut to 40 % of the FLOPs", step_seconds(Cut::kChannels, precision) / dense, "dense step", note);
    print("training step, 2:4 mask in the dense shape", step_seconds(Cut::kTwoOfFour, precision) / dense, "dense step", note);
  }
}

}  // namespace
}  // namespace coppice

int main() {
  coppice::pin_allocator();
  at::set_num_threads(1);
  using namespace coppice;
  const std::vector<float> source = random_floats(kValues, 1);
  std::vector<float> target(kValues);
  const double memcpy_s = seconds_of([&] { std::memcpy(target.data(), source.data(), kValues * sizeof(float)); });
  bench_sums(memcpy_s, source);
  bench_frames(memcpy_s, source);
  bench_sparse_step();
  return 0;
}
