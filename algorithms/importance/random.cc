#include "algorithms/importance/random.h"

namespace coppice {

void RandomConfig::visit(FieldVisitor& v) {
  v.field("draws", draws, "masks to draw; the one with the least held-out loss is taken", at_least(1));
}

UnitScores random_units(std::int64_t units, Seed seed) {
  Stream stream(seed, Purpose::kScore);
  UnitScores scores;
  scores.weight = 1.0;
  for (std::int64_t unit = 0; unit < units; ++unit) scores.fine.push_back(stream.uniform());
  scores.coarse = scores.fine;
  return scores;
}

std::vector<float> random_elements(int tensor, std::int64_t numel, Seed seed) {
  Stream stream(seed, Purpose::kScore, 1 + static_cast<std::uint32_t>(tensor));
  std::vector<float> scores(static_cast<std::size_t>(numel));
  for (float& score : scores) score = static_cast<float>(stream.next_u32() >> 8) * 0x1p-24F;
  return scores;
}

}  // namespace coppice
