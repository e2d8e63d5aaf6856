#include "models/safetensors.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/core/temporary_folder.h"

namespace coppice {
namespace {

constexpr DType kAllDTypes[] = {DType::kF32, DType::kF64, DType::kF16, DType::kBF16, DType::kI8,
                                DType::kU8,  DType::kI32, DType::kI64, DType::kBool};

SafetensorsFile random_file(std::mt19937& random) {
  SafetensorsFile file;
  if (random() % 2 == 0) file.metadata = {{"format", "pt"}, {"ключ \"quoted\"\n", "значение\\"}};
  const int tensors = static_cast<int>(random() % 6);
  for (int t = 0; t < tensors; ++t) {
    Block block;
    block.name = "layer." + std::to_string(t) + (t == 2 ? ".\"ü\"" : ".weight");
    block.dtype = kAllDTypes[random() % 9];
    for (std::uint32_t dims = random() % 4; dims > 0; --dims) block.shape.push_back(random() % 4);
    block.values.resize(static_cast<std::size_t>(block.num_elements()) * bytes_per_element(block.dtype));
    for (std::byte& value : block.values)
      value = static_cast<std::byte>(random() % (block.dtype == DType::kBool ? 2 : 256));
    file.tensors.push_back(std::move(block));
  }
  return file;
}

void expect_equal(const SafetensorsFile& a, const SafetensorsFile& b) {
  EXPECT_EQ(a.metadata, b.metadata);
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (const Block& block : a.tensors) {
    const Block* twin = b.find(block.name);
    ASSERT_NE(twin, nullptr) << block.name;
    EXPECT_EQ(twin->dtype, block.dtype);
    EXPECT_EQ(twin->shape, block.shape);
    EXPECT_EQ(twin->values, block.values);
    EXPECT_EQ(twin->layout, Layout::kDense);
  }
}

std::vector<std::byte> file_of(const std::string& header, std::size_t data_bytes) {
  std::vector<std::byte> bytes(8 + header.size() + data_bytes);
  const std::uint64_t length = header.size();
  std::memcpy(bytes.data(), &length, 8);
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  return bytes;
}

std::string message_of(const std::vector<std::byte>& bytes) {
  try {
    parse_safetensors("w.safetensors", bytes);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(Safetensors, RoundTrip) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 200; ++trial) {
    const SafetensorsFile file = random_file(random);
    const std::vector<std::byte> bytes = encode_safetensors(file);
    const SafetensorsFile back = parse_safetensors("x", bytes);
    expect_equal(file, back);
    EXPECT_EQ(encode_safetensors(back), bytes);
    std::uint64_t header = 0;
    std::memcpy(&header, bytes.data(), 8);
    EXPECT_EQ(header % 8, 0U);
  }
}

TEST(Safetensors, FilesRoundTrip) {
  const TemporaryFolder folder;
  std::mt19937 random(2);
  const SafetensorsFile file = random_file(random);
  write_safetensors(folder.path("a.safetensors"), file);
  expect_equal(file, read_safetensors(folder.path("a.safetensors")));
  EXPECT_THROW(read_safetensors(folder.path("absent.safetensors")), InputError);
}

TEST(Safetensors, EveryTruncationAndExtensionIsRefused) {
  std::mt19937 random(3);
  for (int trial = 0; trial < 10; ++trial) {
    std::vector<std::byte> bytes = encode_safetensors(random_file(random));
    bytes.push_back(std::byte{0});
    EXPECT_THROW(parse_safetensors("x", bytes), InputError);
    bytes.pop_back();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_THROW(parse_safetensors("x", std::span(bytes).first(size)), InputError) << size << " of " << bytes.size();
    }
  }
}

TEST(Safetensors, MutationsAreRefusedOrStillAWholeFile) {
  std::mt19937 random(4);
  int refused = 0, accepted = 0;
  for (int trial = 0; trial < 20000; ++trial) {
    std::vector<std::byte> bytes = encode_safetensors(random_file(random));
    for (std::uint32_t changes = 1 + random() % 3; changes > 0; --changes) {
      bytes[random() % bytes.size()] =
          static_cast<std::byte>(random() % 2 == 0 ? random() % 256 : "0123456789{}[],:\"-"[random() % 18]);
    }
    try {
      const SafetensorsFile file = parse_safetensors("x", bytes);
      expect_equal(file, parse_safetensors("x", encode_safetensors(file)));
      ++accepted;
    } catch (const InputError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(accepted, 1000);
}

struct BadHeader {
  const char* header;
  std::size_t data;
  const char* message;  // a part of it
};

TEST(Safetensors, BadHeadersGetOneClearLine) {
  const std::string deep(100000, '[');
  const std::string deep_header = R"({"a":{"dtype":"F32","shape":)" + deep;
  const BadHeader cases[] = {
      {R"([])", 0, "not a JSON object"},
      {R"( {})", 0, "not a JSON object"},
      {R"({"a":1})", 0, "'a': found a number in the header; expected an object"},
      {R"({"a":null})", 0, "'a': found null"},
      {R"({"a":{}})", 0, "'a': expected dtype, shape and data_offsets"},
      {R"({"a":{"dtype":"F32","shape":[1]}})", 4, "expected dtype, shape and data_offsets"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1}})", 4, "unknown key 'more'"},
      {R"({"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4, "key 'dtype' stands twice"},
      {R"({"a":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}})", 4, "dtype 'F8_E4M3' is not supported"},
      {R"({"a":{"dtype":"f32","shape":[1],"data_offsets":[0,4]}})", 4, "dtype 'f32' is not supported"},
      {R"({"a":{"dtype":7,"shape":[1],"data_offsets":[0,4]}})", 4, "found a number in the header; expected a string"},
      {R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, "found a negative number"},
      {R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", 4, "found a fractional"},
      {R"({"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}})", 4, "found a string"},
      {R"({"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}})", 4, "found a number"},
      {R"({"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", 4, "found a list"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4, "data_offsets has not 2 numbers"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}})", 4, "data_offsets has more than 2"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4, "starts at byte 4; expected 0"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4, "not its shape [2] of f32"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})", 8, "not its shape [1] of f32"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 3, "cut short"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 5, "tensors take 4 bytes; found 5"},
      {R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0, "not its shape"},
      {R"({"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}})", 0, "not its shape"},
      {R"({"a":{"dtype":"F32","shape":[0,4611686018427387904],"data_offsets":[0,0]}})", 0, "not its shape"},
      {R"({"a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]}})", 4, "a size is too large"},
      {R"({"a":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]}})", 4, "fractional or huge"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551612,18446744073709551615]}})", 4,
       "starts at byte"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
       2, "tensor 'a' stands twice"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
       1, "'b' starts at byte 0; expected 1"},
      {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
       3, "'b' starts at byte 2; expected 1"},
      {R"({"__metadata__":{"k":1}})", 0, "'__metadata__': found a number"},
      {R"({"__metadata__":{"k":"v","k":"v"}})", 0, "key 'k' stands twice"},
      {R"({"__metadata__":{},"__metadata__":{}})", 0, "'__metadata__' stands twice"},
      {R"({"__metadata__":"v"})", 0, "found a string"},
      {R"({"a":)", 0, "not valid JSON"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}})", 4, "not valid JSON"},
      {"{\"\xff\":1}", 0, "not valid JSON"},
      {"", 0, "not a JSON object"},
      {deep_header.c_str(), 0, "found a list"},
  };
  for (const BadHeader& bad : cases) {
    const std::string message = message_of(file_of(bad.header, bad.data));
    EXPECT_NE(message.find(bad.message), std::string::npos) << bad.header << "\n  gave: " << message;
    EXPECT_TRUE(message.starts_with("w.safetensors: ")) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

TEST(Safetensors, HeaderLengthIsBounded) {
  std::vector<std::byte> bytes = file_of("{}", 0);
  for (const std::uint64_t length :
       {std::uint64_t{3}, std::uint64_t{100'000'001}, ~std::uint64_t{0}, std::uint64_t{1} << 63}) {
    std::memcpy(bytes.data(), &length, 8);
    EXPECT_NE(message_of(bytes).find("header of " + std::to_string(length)), std::string::npos);
  }
}

TEST(Safetensors, BooleansAreZeroOrOne) {
  std::vector<std::byte> bytes = file_of(R"({"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}})", 2);
  EXPECT_EQ(message_of(bytes), "");
  bytes.back() = std::byte{2};
  EXPECT_NE(message_of(bytes).find("neither 0 nor 1"), std::string::npos);
}

TEST(Safetensors, EncodeRefusesWhatTheFormatCannotHold) {
  const auto with = [](auto&& change) {
    SafetensorsFile file;
    file.tensors.resize(1);
    file.tensors[0].name = "a";
    file.tensors[0].shape = {2};
    file.tensors[0].values.resize(8);
    change(file);
    return file;
  };
  EXPECT_NO_THROW(encode_safetensors(with([](auto&) {})));
  EXPECT_THROW(encode_safetensors(with([](auto& f) { f.tensors.push_back(f.tensors[0]); })), Error);
  EXPECT_THROW(encode_safetensors(with([](auto& f) { f.tensors[0].name = "__metadata__"; })), Error);
  EXPECT_THROW(encode_safetensors(with([](auto& f) { f.tensors[0].name = "\xff"; })), Error);
  EXPECT_THROW(encode_safetensors(with([](auto& f) { f.tensors[0].values.pop_back(); })), Error);
  EXPECT_THROW(encode_safetensors(with([](auto& f) { f.tensors[0].layout = Layout::kOnSupport; })), Error);
  EXPECT_THROW(encode_safetensors(with([](auto& f) { f.tensors[0].scale = 0.5F; })), Error);
}

// The reference implementation reads what we write, and we read what it writes.
TEST(Safetensors, AgreesWithThePythonPackage) {
  const std::string python = COPPICE_PYTHON;
  if (std::system((python + " -c 'import safetensors, numpy' >/dev/null 2>&1").c_str()) != 0) {
    GTEST_SKIP() << "no Python with safetensors and numpy";
  }
  const TemporaryFolder folder;
  SafetensorsFile file;
  file.metadata = {{"format", "pt"}};
  for (const DType dtype :
       {DType::kF32, DType::kF64, DType::kF16, DType::kI8, DType::kU8, DType::kI32, DType::kI64, DType::kBool}) {
    Block block;
    block.name = name_of(dtype);
    block.dtype = dtype;
    block.shape = {2, 3};
    block.values.assign(6 * bytes_per_element(dtype), std::byte{0});
    block.values[bytes_per_element(dtype)] = std::byte{1};
    file.tensors.push_back(block);
  }
  file.tensors.push_back(file.tensors[0]);
  file.tensors.back().name = "empty";
  file.tensors.back().shape = {0, 5};
  file.tensors.back().values.clear();
  write_safetensors(folder.path("ours.safetensors"), file);
  std::ofstream(folder.path("rewrite.py")) << R"(
import sys
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
source, target = sys.argv[1:]
tensors = load_file(source)
assert len(tensors) == 9, tensors.keys()
for name, value in tensors.items():
    assert value.shape == ((0, 5) if name == "empty" else (2, 3)), name
with safe_open(source, "np") as opened:
    save_file(tensors, target, opened.metadata())
)";
  const std::string command = python + " " + folder.path("rewrite.py") + " " + folder.path("ours.safetensors") + " " +
                              folder.path("theirs.safetensors");
  ASSERT_EQ(std::system(command.c_str()), 0);
  expect_equal(file, read_safetensors(folder.path("theirs.safetensors")));
}

}  // namespace
}  // namespace coppice
