// TensorBoard events of a run: one TFRecord file of hand-encoded protobuf.
//
//   record  = u64 length, u32 masked_crc32c(length), bytes, u32 masked_crc32c(bytes)         (little-endian)
//   Event   = {1: double wall_time, 2: int64 step, 3: string file_version | 5: Summary}
//   Summary = {1: repeated Value}    Value = {1: string tag, 2: float simple_value}
//
// A file is written from the run's rounds alone: a resumed run replays the rounds that its metrics.jsonl holds into a
// new file, so there is one file a run and no step stands in it twice.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/file.h"
#include "coordinator/report/round_record.h"

namespace coppice {

using Scalars = std::vector<std::pair<std::string, double>>;  // tag, value; values that are not finite are left out

// The bytes of one event as it stands in the file.
std::string encode_file_version_event(double wall_time_s);
std::string encode_scalars_event(double wall_time_s, std::int64_t step, const Scalars& scalars);

// "eval/accuracy", "train/loss", "bytes/down", "phase/reduce", ... of one round.
Scalars scalars_of(const RoundRecord& round);

class TensorboardWriter {
 public:
  // Replaces `<folder>/events.out.tfevents.coppice`. `start_s`: seconds since 1970 when the run began; a round is dated
  // by the sum of the rounds' seconds up to it. Throws InputError or Stopped where the file cannot be written.
  TensorboardWriter(const std::string& folder, double start_s);

  void add(const RoundRecord& round);
  void add(std::span<const RoundRecord> rounds);

 private:
  void write(const std::string& record);

  std::string path_;
  FileDescriptor file_;
  double wall_time_s_;
};

}  // namespace coppice
