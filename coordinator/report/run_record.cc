#include "coordinator/report/run_record.h"

#include "core/file.h"

namespace coppice {
namespace {

constexpr std::uint64_t kMostMetricsBytes = 1 << 30;
constexpr std::uint64_t kMostConfigBytes = 16 << 20;

}  // namespace

RunRecord read_run(const std::string& folder) {
  const std::string metrics = folder + "/metrics.jsonl";
  return {.summary = read_summary(folder),
          .rounds = parse_rounds(read_text_file(metrics, kMostMetricsBytes), metrics),
          .config_yaml = read_text_file(folder + "/config.yaml", kMostConfigBytes)};
}

}  // namespace coppice
