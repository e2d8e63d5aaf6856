// What torch.export writes, from arbitrary bytes: model.json, a zero byte, model_weights_config.json, a zero byte, the bytes of
// weight_0. Put into a whole archive, they are refused with an InputError or become a Program that survives a round trip.
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "models/graph/canonical.h"
#include "models/graph/program_json.h"

namespace {

template <class Word>
void put(std::string& out, Word value) {
  char bytes[sizeof(Word)];
  std::memcpy(bytes, &value, sizeof(Word));
  out.append(bytes, sizeof(Word));
}

// A zip of stored entries.
std::string archive_of(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string out, directory;
  for (const auto& [name, data] : entries) {
    const auto crc = static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size()));
    const auto offset = static_cast<std::uint32_t>(out.size()), size = static_cast<std::uint32_t>(data.size());
    std::string common;
    for (const std::uint16_t zero : {0, 0, 0, 0}) put(common, zero);  // flags, method, time, date
    put(common, crc);
    put(common, size);
    put(common, size);
    put(common, static_cast<std::uint16_t>(name.size()));
    put(common, std::uint16_t{0});
    put(out, std::uint32_t{0x04034b50});
    put(out, std::uint16_t{0});
    out += common + name + data;
    put(directory, std::uint32_t{0x02014b50});
    put(directory, std::uint32_t{0});
    directory += common;
    directory.append(10, '\0');  // comment, disk, attributes
    put(directory, offset);
    directory += name;
  }
  const auto start = static_cast<std::uint32_t>(out.size());
  out += directory;
  put(out, std::uint32_t{0x06054b50});
  put(out, std::uint32_t{0});
  for (int i = 0; i < 2; ++i) put(out, static_cast<std::uint16_t>(entries.size()));
  put(out, static_cast<std::uint32_t>(directory.size()));
  put(out, start);
  put(out, std::uint16_t{0});
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string all(reinterpret_cast<const char*>(data), size);
  std::array<std::string, 3> parts;
  std::size_t start = 0;
  for (std::size_t i = 0; i < parts.size() && start <= all.size(); ++i) {
    const std::size_t end = i + 1 < parts.size() ? std::min(all.find('\0', start), all.size()) : all.size();
    parts[i] = all.substr(start, end - start);
    start = end + 1;
  }
  const std::string file = archive_of({{"net/models/model.json", parts[0]},
                                       {"net/data/weights/model_weights_config.json", parts[1]},
                                       {"net/data/weights/weight_0", parts[2]},
                                       {"net/data/constants/model_constants_config.json", R"({"config":{}})"},
                                       {"net/archive_format", "pt2"},
                                       {"net/archive_version", "0"},
                                       {"net/byteorder", "little"}});
  try {
    const coppice::graph::Archive archive("input", std::as_bytes(std::span(file)));
    const coppice::graph::ImportedProgram imported = coppice::graph::canonical(coppice::graph::read_exported_program(archive), "input");
    const std::string text = coppice::graph::program_to_json(imported.program);
    if (coppice::graph::program_to_json(coppice::graph::program_from_json(text, "again")) != text) std::abort();
  } catch (const coppice::InputError&) {
  }
  return 0;
}
