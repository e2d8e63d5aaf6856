#include "data/cifar.h"

#include "core/error.h"

namespace coppice {
namespace {

constexpr std::size_t kPlane = CifarRecords::kSide * CifarRecords::kSide;
constexpr std::size_t kChannels = CifarRecords::kChannels;
constexpr std::size_t kRecord = 1 + kChannels * kPlane;

}  // namespace

void append_cifar(std::span<const std::byte> bytes, const std::string& file, CifarRecords& records) {
  if (bytes.empty() || bytes.size() % kRecord != 0) {
    throw InputError(file + ": found " + std::to_string(bytes.size()) + " bytes, expected a multiple of " +
                     std::to_string(kRecord) + " (the last record holds " + std::to_string(bytes.size() % kRecord) +
                     ")");
  }
  const std::size_t count = bytes.size() / kRecord;
  const std::size_t before = records.labels.size();
  records.labels.reserve(before + count);
  records.pixels.resize((before + count) * kChannels * kPlane);
  std::uint8_t* out = records.pixels.data() + before * kChannels * kPlane;
  for (std::size_t r = 0; r < count; ++r) {
    const std::span<const std::byte> record = bytes.subspan(r * kRecord, kRecord);
    const auto label = static_cast<std::int32_t>(record[0]);
    if (label >= CifarRecords::kClasses) {
      throw InputError(file + ": record " + std::to_string(r) + ": found label " + std::to_string(label) +
                       ", expected 0..9");
    }
    records.labels.push_back(label);
    for (std::size_t p = 0; p < kPlane; ++p) {
      for (std::size_t c = 0; c < kChannels; ++c) *out++ = static_cast<std::uint8_t>(record[1 + c * kPlane + p]);
    }
  }
}

}  // namespace coppice
