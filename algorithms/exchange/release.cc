#include "algorithms/exchange/release.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "algorithms/exchange/report.h"
#include "comm/wire/codec.h"
#include "core/error.h"
#include "models/support.h"

namespace coppice {
namespace {

DType dtype_of(Release::Wire wire) {
  switch (wire) {
    case Release::Wire::kF32: return DType::kF32;
    case Release::Wire::kBF16: return DType::kBF16;
    case Release::Wire::kF16: return DType::kF16;
    case Release::Wire::kI8: return DType::kI8;
  }
  return DType::kF32;
}

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

// The `count` largest |gradient| among the dropped weights; equal ones go to the lower index.
std::vector<std::uint32_t> largest_dropped(std::span<const float> gradient, const Bits& kept, std::int64_t count) {
  std::vector<std::uint32_t> dropped;
  for (std::int64_t i = 0; i < kept.size(); ++i) {
    if (!kept[i]) dropped.push_back(static_cast<std::uint32_t>(i));
  }
  const auto larger = [&](std::uint32_t a, std::uint32_t b) {
    const float x = std::abs(gradient[a]);
    const float y = std::abs(gradient[b]);
    return x != y ? x > y : a < b;
  };
  const auto most = std::min<std::size_t>(dropped.size(), static_cast<std::size_t>(count));
  std::nth_element(dropped.begin(), dropped.begin() + static_cast<std::ptrdiff_t>(most), dropped.end(), larger);
  dropped.resize(most);
  std::sort(dropped.begin(), dropped.end());
  return dropped;
}

}  // namespace

double weight_of(const ReleaseContext& context) {
  return context.release.weight == Release::Weight::kSamples ? static_cast<double>(context.samples) : 1.0;
}

double release_difference(const ReleaseContext& context, const std::string& prefix, const Arena& after,
                          const Arena& before, Report& report) {
  double factor = 1.0;
  if (context.release.clip > 0.0) {
    const double norm = norm_of_difference(after, before);
    if (norm > context.release.clip) factor = context.release.clip / norm;
  }
  const double scale = weight_of(context) * factor;
  for (int i = 0; i < after.layout().size(); ++i) {
    const std::string block = prefix + after.layout()[i].name;
    const Bits* kept = support_of(context, i);
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

void release_growth(const ReleaseContext& context, const std::string& prefix, const ArenaEntry& entry, ParamId tensor,
                    std::span<const float> gradient, Report& report) {
  if (context.mask == nullptr || context.mask->keeps_all(tensor)) {
    throw Error("growth asked for tensor '" + entry.name + "', of which nothing is dropped");
  }
  const bool drawn = context.release.select == Release::Select::kCandidates;
  std::vector<std::uint32_t> positions =
      drawn ? growth_candidates(*context.mask, tensor, context.release.count, context.seed)
            : largest_dropped(gradient, context.mask->bits(tensor), context.release.count);
  std::vector<float> values;
  for (const std::uint32_t position : positions) values.push_back(gradient[position]);
  round_to_wire(context, static_cast<std::uint32_t>(tensor), values);
  report.add_scattered(prefix + entry.name, std::move(positions), std::move(values), weight_of(context),
                       dtype_of(context.release.wire), !drawn);
}

void release_sums(const ReleaseContext& context, const std::string& block, std::vector<double> values, bool weighted,
                  Report& report) {
  report.add(block, std::move(values), weighted ? weight_of(context) : 1.0);
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
  v.field("count", count, "candidates and private_top_k: values of each tensor", at_least(0));
  v.variant("transform", transform, "the client's half of client fusion");
  v.choice("weight", weight, {"one", "samples"}, "weight of a client's report");
  v.field("clip", clip, "largest l2 norm of a report; 0 = unbounded", at_least(0));
  v.choice("wire", wire, {"f32", "bf16", "f16", "i8"}, "number format of tensors");
  v.choice("protect", protect, {"none"}, "protection of the encoded report");
}

}  // namespace coppice
