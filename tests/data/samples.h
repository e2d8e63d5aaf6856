// Small data, files and mutations for the tests of data/.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/seed.h"
#include "data/data_files.h"
#include "data/dense_dataset.h"

namespace coppice {

using Bytes = std::vector<std::byte>;

// Examples of one feature, the example's own number; `classes` classes as given.
inline std::shared_ptr<const Dataset> labelled(std::vector<std::int32_t> labels, std::int64_t classes,
                                               std::vector<Column> columns = {}) {
  ExampleSpec spec;
  spec.shape = {1};
  spec.num_targets = classes;
  std::vector<float> values;
  for (std::size_t i = 0; i < labels.size(); ++i) values.push_back(static_cast<float>(i));
  Annotations annotations{std::move(labels), {}, std::move(columns), {}};
  return make_features(spec, Rows({SharedBytes::of(std::move(values))}, sizeof(float)), std::move(annotations));
}

// `count` examples with classes 0, 1, ..., classes - 1, 0, ...
inline std::shared_ptr<const Dataset> balanced(std::int64_t count, std::int64_t classes) {
  std::vector<std::int32_t> labels;
  for (std::int64_t i = 0; i < count; ++i) labels.push_back(static_cast<std::int32_t>(i % classes));
  return labelled(std::move(labels), classes);
}

inline Bytes bytes_of(const std::string& text) {
  const auto view = std::as_bytes(std::span(text.data(), text.size()));
  return {view.begin(), view.end()};
}

inline void write_bytes(const std::string& path, std::span<const std::byte> bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}
inline void write_text(const std::string& path, const std::string& text) { write_bytes(path, bytes_of(text)); }

// An IDX file of unsigned bytes.
inline Bytes idx_bytes(const std::vector<std::uint32_t>& shape, const std::vector<std::uint8_t>& values) {
  Bytes out{std::byte{0}, std::byte{0}, std::byte{8}, static_cast<std::byte>(shape.size())};
  for (const std::uint32_t extent : shape) {
    for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::byte>(extent >> shift));
  }
  for (const std::uint8_t value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

// The message of the InputError that `act` throws; "" and a failure where it throws none.
inline std::string input_error_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const InputError& error) {
    const std::string message = error.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    return message;
  }
  ADD_FAILURE() << "no InputError was thrown";
  return "";
}

#define EXPECT_INPUT_ERROR(statement, part)                                                \
  do {                                                                                     \
    const std::string the_message = ::coppice::input_error_of([&] { (void)(statement); }); \
    EXPECT_NE(the_message.find(part), std::string::npos) << the_message;                   \
  } while (false)

// Feeds `parse` seeded mutations of `bytes`: flipped bits, extremes, cuts, growth. Only InputError may come out.
inline void survive_mutations(const Bytes& bytes, int count,
                              const std::function<void(std::span<const std::byte>)>& parse) {
  Stream draws(Seed{.run = 99}, Purpose::kTest);
  int accepted = 0;
  for (int i = 0; i < count; ++i) {
    Bytes mutated = bytes;
    for (std::uint64_t steps = 1 + draws.below(3); steps > 0 && !mutated.empty(); --steps) {
      const auto at = static_cast<std::size_t>(draws.below(mutated.size()));
      switch (draws.below(4)) {
        case 0:
          mutated[at] ^= static_cast<std::byte>(1u << draws.below(8));
          break;
        case 1:
          mutated[at] = static_cast<std::byte>(draws.below(2) == 0 ? 0x00 : 0xff);
          break;
        case 2:
          mutated.resize(at);
          break;
        default:
          mutated.insert(mutated.end(), 1 + at % 9, std::byte{0x41});
      }
    }
    try {
      parse(mutated);
      ++accepted;
    } catch (const InputError&) {
    }
  }
  EXPECT_GT(accepted, 0);  // else nothing behind the first check was reached
  EXPECT_LT(accepted, count);
}

// A folder of real data under $COPPICE_DATA_DIR, or "" where it is not there.
inline std::string real_data(const std::string& name) {
  const std::string folder = in_data_dir(name);
  return !folder.empty() && std::filesystem::is_directory(folder) ? folder : "";
}

}  // namespace coppice
