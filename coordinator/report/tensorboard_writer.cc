#include "coordinator/report/tensorboard_writer.h"

#include <fcntl.h>

#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>

#include "core/crc32c.h"
#include "core/error.h"

namespace coppice {
namespace {

enum WireType : unsigned { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

template <class Unsigned>
void put_fixed(std::string& out, Unsigned value) {
  for (std::size_t i = 0; i < sizeof value; ++i) out += static_cast<char>(value >> (8 * i) & 0xFFU);
}

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>((value & 0x7FU) | 0x80U);
  out += static_cast<char>(value);
}

void put_key(std::string& out, unsigned field, WireType type) { put_varint(out, field << 3 | type); }

void put_bytes(std::string& out, unsigned field, const std::string& bytes) {
  put_key(out, field, kBytes);
  put_varint(out, bytes.size());
  out += bytes;
}

// rotr(crc, 15) + a constant, so that a checksum of data that holds checksums stays a good one.
std::uint32_t masked_crc32c(const std::string& bytes) {
  return std::rotr(crc32c(std::as_bytes(std::span(bytes.data(), bytes.size())), 0), 15) + 0xA282EAD8U;
}

std::string event_at(double wall_time_s) {
  std::string event;
  put_key(event, 1, kFixed64);
  put_fixed(event, std::bit_cast<std::uint64_t>(wall_time_s));
  return event;
}

std::string record_of(const std::string& event) {
  std::string record;
  put_fixed(record, static_cast<std::uint64_t>(event.size()));
  put_fixed(record, masked_crc32c(record));
  record += event;
  put_fixed(record, masked_crc32c(event));
  return record;
}

void add_all(Scalars& scalars, const std::string& prefix, const std::map<std::string, double>& values) {
  for (const auto& [key, value] : values) scalars.emplace_back(prefix + key, value);
}

}  // namespace

std::string encode_file_version_event(double wall_time_s) {
  std::string event = event_at(wall_time_s);
  put_bytes(event, 3, "brain.Event:2");
  return record_of(event);
}

std::string encode_scalars_event(double wall_time_s, std::int64_t step, const Scalars& scalars) {
  std::string summary;
  for (const auto& [tag, number] : scalars) {
    if (!std::isfinite(number)) continue;
    std::string value;
    put_bytes(value, 1, tag);
    put_key(value, 2, kFixed32);
    put_fixed(value, std::bit_cast<std::uint32_t>(static_cast<float>(number)));
    put_bytes(summary, 1, value);
  }
  std::string event = event_at(wall_time_s);
  put_key(event, 2, kVarint);
  put_varint(event, static_cast<std::uint64_t>(step));
  put_bytes(event, 5, summary);
  return record_of(event);
}

Scalars scalars_of(const RoundRecord& round) {
  Scalars scalars = {{"train/loss", round.train_loss},
                     {"train/accuracy", round.train_accuracy},
                     {"bytes/down_per_client", round.bytes_down},
                     {"bytes/up_per_client", round.bytes_up},
                     {"clients/summed", static_cast<double>(round.clients)},
                     {"clients/declined", static_cast<double>(round.declined)},
                     {"client/flops", round.client_flops},
                     {"client/live_bytes", round.client_live_bytes},
                     {"client/peak_bytes", round.client_peak_bytes},
                     {"mask/density", round.density},
                     {"seconds/round", round.seconds}};
  if (round.eval) add_all(scalars, "eval/", *round.eval);
  if (round.eval_twin) add_all(scalars, "eval_twin/", *round.eval_twin);
  add_all(scalars, "sparse/", round.sparse);
  add_all(scalars, "phase/", round.phases);
  return scalars;
}

TensorboardWriter::TensorboardWriter(const std::string& folder, double start_s)
    : path_(folder + "/events.out.tfevents.coppice"), wall_time_s_(start_s) {
  file_ = FileDescriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file_.get() < 0) throw InputError(path_ + ": cannot be written: " + std::strerror(errno));
  write(encode_file_version_event(wall_time_s_));
}

void TensorboardWriter::add(const RoundRecord& round) {
  if (std::isfinite(round.seconds)) wall_time_s_ += round.seconds;
  write(encode_scalars_event(wall_time_s_, round.step, scalars_of(round)));
}

void TensorboardWriter::add(std::span<const RoundRecord> rounds) {
  for (const RoundRecord& round : rounds) add(round);
}

void TensorboardWriter::write(const std::string& record) {
  write_all(file_.get(), std::as_bytes(std::span(record.data(), record.size())), path_);
}

}  // namespace coppice
