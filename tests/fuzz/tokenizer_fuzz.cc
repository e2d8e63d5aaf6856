// parse_tokenizer on arbitrary bytes: an InputError, or a tokenizer whose ids lie in its vocabulary and can be decoded.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/error.h"
#include "data/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::string_view kText = "It's a  test:\n\n 123 caf\xC3\xA9 <|end|> <|left|>\t\xF0\x9F\x98\x80";
  try {
    const coppice::Tokenizer tokenizer = coppice::parse_tokenizer({reinterpret_cast<const char*>(data), size}, "input");
    const std::vector<std::int64_t> ids = tokenizer.encode(kText, false);
    for (const std::int64_t id : ids) {
      if (id < 0 || id >= tokenizer.size()) std::abort();
    }
    if (tokenizer.encode(kText, true).size() < ids.size()) std::abort();
    tokenizer.decode(ids);
  } catch (const coppice::InputError&) {
  }
  return 0;
}
