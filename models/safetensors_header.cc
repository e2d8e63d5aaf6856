#include "models/safetensors_header.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace coppice {
namespace {

using Json = nlohmann::json;

constexpr const char* kMetadataKey = "__metadata__";
constexpr std::array<std::pair<std::string_view, DType>, 9> kDTypes = {{{"F32", DType::kF32},
                                                                        {"F64", DType::kF64},
                                                                        {"F16", DType::kF16},
                                                                        {"BF16", DType::kBF16},
                                                                        {"I8", DType::kI8},
                                                                        {"U8", DType::kU8},
                                                                        {"I32", DType::kI32},
                                                                        {"I64", DType::kI64},
                                                                        {"BOOL", DType::kBool}}};

class HeaderReader : public nlohmann::json_sax<Json> {
 public:
  HeaderReader(const std::string& file, SafetensorsHeader& header) : file_(file), header_(header) {}

  bool null() override { unexpected("null"); }
  bool boolean(bool) override { unexpected("true or false"); }
  bool number_integer(number_integer_t) override { unexpected("a negative number"); }
  bool number_float(number_float_t, const string_t&) override { unexpected("a fractional or huge number"); }
  bool binary(binary_t&) override { unexpected("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (state_ == State::kShapeItems) {
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) fail("a size is too large");
      entry_.shape.push_back(static_cast<std::int64_t>(value));
    } else if (state_ == State::kOffsetItems) {
      offsets_.push_back(value);
      if (offsets_.size() > 2) fail("data_offsets has more than 2 numbers");
    } else {
      unexpected("a number");
    }
    return true;
  }

  bool string(string_t& value) override {
    if (state_ == State::kMetadataValue) {
      header_.metadata[key_] = std::move(value);
      state_ = State::kMetadata;
    } else if (state_ == State::kDType) {
      const auto dtype = std::find_if(kDTypes.begin(), kDTypes.end(), [&](const auto& d) { return d.first == value; });
      if (dtype == kDTypes.end()) {
        fail("dtype " + coppice::quoted(value) +
             " is not supported; expected F32, F64, F16, BF16, I8, U8, I32, I64 or BOOL");
      }
      entry_.dtype = dtype->second;
      state_ = State::kTensor;
    } else {
      unexpected("a string");
    }
    return true;
  }

  bool start_object(std::size_t) override {
    if (state_ == State::kStart) {
      state_ = State::kTop;
    } else if (state_ == State::kMetadataStart) {
      state_ = State::kMetadata;
    } else if (state_ == State::kTensorStart) {
      state_ = State::kTensor;
    } else {
      unexpected("an object");
    }
    return true;
  }

  bool key(string_t& key) override {
    if (state_ == State::kTop) {
      if (!names_.insert(key).second)
        throw InputError(file_ + ": tensor " + coppice::quoted(key) + " stands twice in the header");
      state_ = key == kMetadataKey ? State::kMetadataStart : State::kTensorStart;
      entry_ = {};
      entry_.name = key;
      offsets_.clear();
      fields_.clear();
    } else if (state_ == State::kMetadata) {
      if (header_.metadata.contains(key)) fail("key " + coppice::quoted(key) + " stands twice");
      key_ = key;
      state_ = State::kMetadataValue;
    } else {
      if (!fields_.insert(key).second) fail("key " + coppice::quoted(key) + " stands twice");
      if (key == "dtype") {
        state_ = State::kDType;
      } else if (key == "shape") {
        state_ = State::kShape;
      } else if (key == "data_offsets") {
        state_ = State::kOffsets;
      } else {
        fail(unknown_name("key", key, {"dtype", "shape", "data_offsets"}));
      }
    }
    return true;
  }

  bool end_object() override {
    if (state_ == State::kTensor) {
      if (fields_.size() != 3) fail("expected dtype, shape and data_offsets");
      entry_.begin = offsets_[0];
      entry_.end = offsets_[1];
      header_.entries.push_back(std::move(entry_));
    }
    state_ = state_ == State::kTop ? State::kDone : State::kTop;
    return true;
  }

  bool start_array(std::size_t) override {
    if (state_ == State::kShape) {
      state_ = State::kShapeItems;
    } else if (state_ == State::kOffsets) {
      state_ = State::kOffsetItems;
    } else {
      unexpected("a list");
    }
    return true;
  }

  bool end_array() override {
    if (state_ == State::kOffsetItems && offsets_.size() != 2) fail("data_offsets has not 2 numbers");
    state_ = State::kTensor;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
    throw InputError(file_ + ": the header is not valid JSON at byte " + std::to_string(position));
  }

 private:
  // Where in the header the parser stands: what it must find next.
  enum class State {
    kStart,
    kTop,
    kMetadataStart,
    kMetadata,
    kMetadataValue,
    kTensorStart,
    kTensor,
    kDType,
    kShape,
    kShapeItems,
    kOffsets,
    kOffsetItems,
    kDone
  };

  [[noreturn]] void fail(const std::string& what) const {
    throw InputError(file_ + ": " + coppice::quoted(entry_.name) + ": " + what);
  }
  [[noreturn]] void unexpected(const char* found) const {
    fail(std::string("found ") + found + " in the header; expected " + expected());
  }
  const char* expected() const {
    switch (state_) {
      case State::kStart:
      case State::kTensorStart:
      case State::kMetadataStart:
        return "an object";
      case State::kMetadataValue:
      case State::kDType:
        return "a string";
      case State::kShape:
      case State::kOffsets:
        return "a list";
      case State::kShapeItems:
      case State::kOffsetItems:
        return "whole numbers from 0";
      case State::kTop:
      case State::kMetadata:
      case State::kTensor:
      case State::kDone:
        return "a key";
    }
    return "";
  }

  const std::string& file_;
  SafetensorsHeader& header_;
  State state_ = State::kStart;
  SafetensorsEntry entry_;
  std::vector<std::uint64_t> offsets_;
  std::set<std::string> fields_;  // of the tensor that is open
  std::set<std::string> names_;
  std::string key_;  // of the metadata
};

}  // namespace

SafetensorsHeader parse_safetensors_header(const std::string& file, std::string_view text) {
  if (!text.starts_with('{')) throw InputError(file + ": not a safetensors file: its header is not a JSON object");
  SafetensorsHeader header;
  HeaderReader reader(file, header);
  Json::sax_parse(text.begin(), text.end(), &reader);
  return header;
}

std::string safetensors_header_text(const SafetensorsHeader& header) {
  const auto json = [](const auto& value) {
    try {
      return Json(value).dump();
    } catch (const Json::exception&) {
      throw Error("safetensors: a name or a metadata text is not UTF-8");
    }
  };
  std::string text = "{";
  if (!header.metadata.empty()) text += json(kMetadataKey) + ":" + json(header.metadata);
  for (const SafetensorsEntry& entry : header.entries) {
    const auto dtype =
        std::find_if(kDTypes.begin(), kDTypes.end(), [&](const auto& d) { return d.second == entry.dtype; });
    if (text.size() > 1) text += ',';
    text += json(entry.name) + R"(:{"dtype":")" + std::string(dtype->first) + R"(","shape":)" + json(entry.shape) +
            R"(,"data_offsets":)" + json(std::array{entry.begin, entry.end}) + "}";
  }
  text += '}';
  constexpr std::size_t kLength = 8, kAlignment = 64;  // tensors begin where an arena may (models/arena.h): maps need no copy
  text.resize((text.size() + kLength + kAlignment - 1) / kAlignment * kAlignment - kLength, ' ');
  return text;
}

}  // namespace coppice
