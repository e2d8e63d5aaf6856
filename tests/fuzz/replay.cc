// Replays a fuzzer without libFuzzer: NAME_fuzz CORPUS_FOLDER... Every file as it is, then seeded mutations of each: bits
// flipped, bytes set to extremes, cut short, lengthened, spliced with another file. A defect ends the process by a signal, a
// sanitizer's report or an exception, so the exit status is the result.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr int kMutationsPerFile = 500;
constexpr std::size_t kMostInserted = 64;

std::vector<Bytes> read_corpus(int count, char** folders) {
  std::vector<std::filesystem::path> paths;
  for (int i = 0; i < count; ++i) {
    if (!std::filesystem::is_directory(folders[i])) continue;
    for (const auto& entry : std::filesystem::directory_iterator(folders[i])) {
      if (entry.is_regular_file()) paths.push_back(entry.path());
    }
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Bytes> corpus(1);  // the empty input belongs to every corpus
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return corpus;
}

class Mutator {
 public:
  explicit Mutator(const std::vector<Bytes>& corpus) : corpus_(corpus) {}

  Bytes mutated(Bytes input) {
    for (std::size_t steps = 1 + below(4); steps > 0; --steps) mutate_once(input);
    return input;
  }

 private:
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : engine_() % bound; }

  void mutate_once(Bytes& input) {
    static constexpr std::uint8_t kExtremes[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    if (input.empty()) input.push_back(static_cast<std::uint8_t>(engine_()));
    const std::size_t at = below(input.size());
    const auto position = input.begin() + static_cast<std::ptrdiff_t>(at);
    switch (below(6)) {
      case 0:
        input[at] = static_cast<std::uint8_t>(input[at] ^ (1u << below(8)));
        break;
      case 1:
        input[at] = kExtremes[below(std::size(kExtremes))];
        break;
      case 2:  // a whole little-endian word of ones or zeros: sizes and counts
        for (std::size_t i = at; i < input.size() && i < at + 8; ++i) input[i] = kExtremes[at % 2 == 0 ? 0 : 4];
        break;
      case 3:
        input.erase(position, input.end());
        break;
      case 4:
        input.insert(position, 1 + below(kMostInserted), static_cast<std::uint8_t>(engine_()));
        break;
      default: {
        const Bytes& other = corpus_[below(corpus_.size())];
        const std::size_t from = below(other.size());
        input.erase(position, input.end());
        input.insert(input.end(), other.begin() + static_cast<std::ptrdiff_t>(from), other.end());
      }
    }
  }

  const std::vector<Bytes>& corpus_;
  std::mt19937_64 engine_{1};
};

}  // namespace

int main(int argc, char** argv) try {
  const std::vector<Bytes> corpus = read_corpus(argc - 1, argv + 1);
  Mutator mutator(corpus);
  std::size_t inputs = 0;
  for (const Bytes& file : corpus) {
    LLVMFuzzerTestOneInput(file.data(), file.size());
    for (int i = 0; i < kMutationsPerFile; ++i) {
      const Bytes input = mutator.mutated(file);
      LLVMFuzzerTestOneInput(input.data(), input.size());
    }
    inputs += 1 + kMutationsPerFile;
  }
  std::printf("%zu inputs from %zu files\n", inputs, corpus.size());
  return corpus.size() > 1 ? 0 : 1;  // without seeds nothing beyond the first bytes would be reached
} catch (const std::exception& error) {
  std::printf("an exception left the parser: %s\n", error.what());
  return 1;
}
