#include "algorithms/exchange/release.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "algorithms/exchange/report.h"
#include "comm/wire/codec.h"
#include "core/error.h"
#include "models/support.h"

namespace coppice {
namespace {

// What the receiver of a narrower format would read. Values that are not finite stay: the sum declines the report for them,
// whereas the i8 encoder would take them for a defect.
void round_to_wire(const ReleaseContext& context, std::uint32_t salt, std::span<float> values) {
  if (context.release.wire == Release::Wire::kF32) return;
  if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) return;
  Stream rounding(context.seed.with_client(static_cast<std::uint32_t>(context.client)), Purpose::kRounding, salt);
  const DType dtype = dtype_of(context.release.wire);
  const EncodedValues encoded =
      encode_values(values, dtype, context.release.wire == Release::Wire::kI8 ? &rounding : nullptr);
  decode_values(encoded.bytes, dtype, encoded.scale, values);
}

double norm_of_difference(const Arena& after, const Arena& before) {
  const auto a = after.floats();
  const auto b = before.floats();
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += d * d;
  }
  return std::sqrt(sum);
}

const Bits* support_of(const ReleaseContext& context, ParamId tensor) {
  const bool masked = context.release.select == Release::Select::kPlanSupport && context.mask != nullptr &&
                      !context.mask->keeps_all(tensor);
  return masked ? &context.mask->bits(tensor) : nullptr;
}

std::vector<float> kept_difference(std::span<const float> after, std::span<const float> before, const Bits* kept) {
  std::vector<float> all(after.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = after[i] - before[i];
  if (kept == nullptr) return all;
  std::vector<float> some;
  gather_kept(all, *kept, some);
  return some;
}

// What is no number ranks first, so that the report is declined for it.
float magnitude_of(float value) { return std::isnan(value) ? std::numeric_limits<float>::infinity() : std::abs(value); }

struct Ranked {
  float magnitude;
  std::uint32_t position;
  // Larger magnitudes rank higher, of equal ones the lower position.
  bool operator>(const Ranked& o) const {
    return magnitude != o.magnitude ? magnitude > o.magnitude : position < o.position;
  }
};

// The `count` best under `better` of what is offered one after the other, never holding more.
template <class Better>
class BoundedHeap {
 public:
  BoundedHeap(std::int64_t count, Better better) : count_(static_cast<std::size_t>(count)), better_(better) {}

  void offer(Ranked one) {
    if (count_ == 0) return;
    if (heap_.size() == count_) {
      if (!better_(one, heap_.front())) return;
      std::pop_heap(heap_.begin(), heap_.end(), better_);
      heap_.back() = one;
    } else {
      heap_.push_back(one);
    }
    std::push_heap(heap_.begin(), heap_.end(), better_);
  }

  std::vector<std::uint32_t> positions() const {
    std::vector<std::uint32_t> all;
    all.reserve(heap_.size());
    for (const Ranked& one : heap_) all.push_back(one.position);
    std::sort(all.begin(), all.end());
    return all;
  }

 private:
  std::size_t count_;
  Better better_;
  std::vector<Ranked> heap_;  // the worst in front
};

}  // namespace

double weight_of(const ReleaseContext& context) {
  return context.release.weight == Release::Weight::kSamples ? static_cast<double>(context.samples) : 1.0;
}

double release_difference(const ReleaseContext& context, const std::string& prefix, const Arena& after,
                          const Arena& before, Report& report, double scale) {
  double factor = 1.0;
  if (context.release.clip > 0.0) {
    const double norm = norm_of_difference(after, before);
    if (norm > context.release.clip) factor = context.release.clip / norm;
  }
  scale *= weight_of(context) * factor;
  for (int i = 0; i < after.layout().size(); ++i) {
    const std::string block = prefix + after.layout()[i].name;
    if (context.own != nullptr && context.own->contains(i)) {
      std::vector<std::uint32_t> positions = context.own->at(i);
      std::vector<float> values;
      values.reserve(positions.size());
      for (const std::uint32_t at : positions) values.push_back(after.floats(i)[at] - before.floats(i)[at]);
      round_to_wire(context, static_cast<std::uint32_t>(i), values);
      report.add_scattered(block, std::move(positions), std::move(values), scale, dtype_of(context.release.wire), true);
      continue;
    }
    const Bits* kept = support_of(context, i);
    if (kept != nullptr && context.part) {
      std::vector<float> values = kept_difference(after.floats(i), before.floats(i), kept);
      round_to_wire(context, static_cast<std::uint32_t>(i), values);
      report.add_scattered(block, kept->positions(), std::move(values), scale, dtype_of(context.release.wire), false);
      continue;
    }
    if (context.release.wire == Release::Wire::kF32) {
      report.add_difference(block, after.floats(i), before.floats(i), kept, scale);
      continue;
    }
    std::vector<float> values = kept_difference(after.floats(i), before.floats(i), kept);
    round_to_wire(context, static_cast<std::uint32_t>(i), values);
    report.add(block, std::move(values), scale, dtype_of(context.release.wire));
  }
  return factor;
}

void release_scores(const ReleaseContext& context, const std::string& prefix, std::span<const ScoreBlock> blocks,
                    std::vector<std::vector<double>> values, const std::vector<double>* reference, Report& report) {
  apply_client_transform(context.release.transform, blocks, values, weight_of(context), reference);
  for (std::size_t i = 0; i < blocks.size(); ++i) report.add(prefix + blocks[i].name, std::move(values[i]));
}

void release_entries(const ReleaseContext& context, const std::string& block, std::uint32_t salt, std::vector<std::uint32_t> positions,
                     std::vector<float> values, Report& report) {
  round_to_wire(context, salt, values);
  const DType wire = dtype_of(context.release.wire);
  if (context.release.select == Release::Select::kDense) return report.add(block, std::move(values), weight_of(context), wire);
  const bool drawn = context.release.select == Release::Select::kCandidates;
  report.add_scattered(block, std::move(positions), std::move(values), weight_of(context), wire, !drawn);
}

void release_votes(const ReleaseContext& context, const std::string& block, std::vector<std::uint32_t> positions, Report& report,
                   bool known) {
  report.add_votes(block, std::move(positions), weight_of(context), !known);
}

void release_sums(const ReleaseContext& context, const std::string& block, std::vector<double> values, bool weighted,
                  Report& report) {
  report.add(block, std::move(values), weighted ? weight_of(context) : 1.0);
}

std::vector<std::uint32_t> largest_dropped(std::span<const float> values, const Bits& kept, std::int64_t count) {
  BoundedHeap heap(count, [](const Ranked& a, const Ranked& b) { return a > b; });
  for (std::int64_t i = 0; i < kept.size(); ++i) {
    if (!kept[i]) heap.offer({magnitude_of(values[static_cast<std::size_t>(i)]), static_cast<std::uint32_t>(i)});
  }
  return heap.positions();
}

std::vector<std::uint32_t> largest_of(std::span<const float> values, std::int64_t count) {
  return largest_dropped(values, Bits(static_cast<std::int64_t>(values.size()), false), count);
}

std::vector<std::uint32_t> smallest_kept(std::span<const float> values, const Bits& kept, std::int64_t count) {
  BoundedHeap heap(count, [](const Ranked& a, const Ranked& b) { return b > a; });
  std::uint32_t place = 0;
  for (std::int64_t i = 0; i < kept.size(); ++i) {
    if (kept[i]) heap.offer({magnitude_of(values[static_cast<std::size_t>(i)]), place++});
  }
  return heap.positions();
}

std::vector<std::uint32_t> growth_candidates(const Mask& mask, ParamId tensor, std::int64_t count, Seed seed) {
  const Bits& kept = mask.bits(tensor);
  std::vector<std::uint32_t> dropped;
  for (std::int64_t i = 0; i < kept.size(); ++i) {
    if (!kept[i]) dropped.push_back(static_cast<std::uint32_t>(i));
  }
  Stream stream(seed, Purpose::kCandidates, static_cast<std::uint32_t>(tensor));
  const auto available = static_cast<std::int64_t>(dropped.size());
  std::vector<std::uint32_t> drawn;
  for (const std::int64_t i : stream.sample_without_replacement(available, std::min(count, available))) {
    drawn.push_back(dropped[static_cast<std::size_t>(i)]);
  }
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

void Release::visit(FieldVisitor& v) {
  v.choice("select", select, {"dense", "plan_support", "candidates", "private_top_k"}, "which values leave a client");
  v.variant("transform", transform, "the client's half of client fusion");
  v.choice("weight", weight, {"one", "samples"}, "weight of a client's report");
  v.field("clip", clip, "largest l2 norm of a report; 0 = unbounded", at_least(0));
  v.choice("wire", wire, {"f32", "bf16", "f16", "i8"}, "number format of tensors");
  v.choice("protect", protect, {"none"}, "protection of the encoded report");
}

}  // namespace coppice
