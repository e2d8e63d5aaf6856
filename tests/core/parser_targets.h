// What the fuzzers and the test of random mutations feed bytes to: whatever they are, a parser returns or throws
// InputError, and what it accepts survives a round trip.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "core/config_yaml.h"
#include "core/error.h"
#include "core/journal.h"
#include "tests/core/sample_config.h"

namespace coppice {

// The bytes up to the first zero are a config, those behind it overrides, one a line.
inline void parse_any_yaml(std::span<const std::uint8_t> bytes) {
  const std::string all(bytes.begin(), bytes.end());
  const std::size_t zero = all.find('\0');
  std::vector<std::string> overrides;
  for (std::size_t start = zero; start < all.size() && overrides.size() < 8;) {
    const std::size_t end = std::min(all.find('\n', start + 1), all.size());
    overrides.push_back(all.substr(start + 1, end - start - 1));
    start = end;
  }
  const auto parsed = [](const std::string& text, const std::vector<std::string>& with) {
    sample::Config config;
    read_yaml_text("fuzz.yaml", text, with, [&](FieldVisitor& v) { config.visit(v); });
    return config;
  };
  try {
    const sample::Config config = parsed(all.substr(0, zero), overrides);
    if (!(parsed(write_config(config), {}) == config)) std::abort();
  } catch (const InputError& error) {
    if (std::string_view(error.what()).find('\n') != std::string_view::npos) std::abort();
  }
}

inline void parse_any_journal(std::span<const std::uint8_t> bytes) {
  try {
    const JournalContents contents = parse_journal(std::as_bytes(bytes), "fuzz");
    std::uint64_t payload = 0;
    for (const JournalRecord& record : contents.records) payload += record.size() + 8;
    if (payload != contents.whole_bytes || payload > bytes.size()) std::abort();
  } catch (const InputError&) {
  }
}

}  // namespace coppice
