#include <filesystem>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "core/strict_json.h"
#include "data/tokenizer.h"

namespace coppice {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kLargestFile = 256 << 20;
// What ByteLevel splits by (Radford et al. 2019).
constexpr const char* kGpt2Words = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// A value and the path to it.
class Node {
 public:
  Node(const Json& json, std::string path) : json_(json), path_(std::move(path)) {}

  const Json& json() const { return json_; }
  const std::string& path() const { return path_; }
  bool is_null() const { return json_.is_null(); }

  Node operator[](const char* key) const {
    static const Json none;
    if (!json_.is_object()) refuse("an object");
    const auto found = json_.find(key);
    return {found == json_.end() ? none : *found, path_.empty() ? key : path_ + "." + key};
  }
  std::vector<Node> items() const {
    if (!json_.is_array()) refuse("a list");
    std::vector<Node> nodes;
    for (std::size_t i = 0; i < json_.size(); ++i) nodes.emplace_back(json_[i], path_ + "[" + std::to_string(i) + "]");
    return nodes;
  }
  std::string text() const {
    if (!json_.is_string()) refuse("a text");
    return json_.get<std::string>();
  }
  bool flag(bool otherwise = false) const {
    if (is_null()) return otherwise;
    if (!json_.is_boolean()) refuse("true or false");
    return json_.get<bool>();
  }
  std::int64_t id() const {
    if (!json_.is_number_integer() || json_.get<double>() < 0 || json_.get<double>() > INT32_MAX) refuse("an id, 0 to 2147483647");
    return json_.get<std::int64_t>();
  }
  std::string type() const { return (*this)["type"].text(); }

  [[noreturn]] void refuse(const std::string& expected) const {
    const std::string found = json_.is_structured() ? json_.type_name() : coppice::quoted(json_.dump());
    throw InputError(path_ + ": found " + found + "; expected " + expected);
  }

 private:
  const Json& json_;
  std::string path_;
};

// Calls `read` with each component of a Sequence, whose list is `key`; with the node itself where it is none.
template <class Read>
void each_component(const Node& node, const char* key, Read&& read) {
  if (node.is_null()) return;
  if (node.type() != "Sequence") return read(node);
  for (const Node& item : node[key].items()) each_component(item, key, read);
}

bool reads_composed(const Node& normalizer) {
  bool compose = false;
  each_component(normalizer, "normalizers", [&](const Node& node) {
    if (node.type() != "NFC") node["type"].refuse("NFC");
    compose = true;
  });
  return compose;
}

Regex pattern_of(const Node& split) {
  const Node pattern = split["pattern"];
  if (!pattern["String"].is_null()) {
    const std::string text = pattern["String"].text();
    if (text.empty()) pattern["String"].refuse("a text");
    return Regex::any_of({text});
  }
  return Regex(pattern["Regex"].text(), pattern["Regex"].path());
}

void read_splits(const Node& pre_tokenizer, TokenizerParts& parts) {
  bool bytes = false;
  each_component(pre_tokenizer, "pretokenizers", [&](const Node& node) {
    const std::string type = node.type();
    if (bytes) node["type"].refuse("nothing behind ByteLevel");
    if (type == "ByteLevel") {
      bytes = true;
      parts.splits_before_space = parts.splits.size();
      parts.leading_space = node["add_prefix_space"].flag(true);
      if (node["use_regex"].flag(true)) parts.splits.emplace_back(kGpt2Words, node.path());
    } else if (type == "Digits") {
      parts.splits.emplace_back(node["individual_digits"].flag() ? "\\p{N}" : "\\p{N}+", node.path());
    } else if (type == "Split") {
      if (node["behavior"].text() != "Isolated") node["behavior"].refuse("Isolated");
      if (node["invert"].flag()) node["invert"].refuse("false");
      parts.splits.push_back(pattern_of(node));
    } else {
      node["type"].refuse("Sequence, Split, Digits or ByteLevel");
    }
  });
  if (!bytes) pre_tokenizer.refuse("a ByteLevel: only byte-level tokenizers are read");
}

void read_post_processor(const Node& post_processor, TokenizerParts& parts) {
  each_component(post_processor, "processors", [&](const Node& node) {
    if (node.type() == "ByteLevel") return;  // of offsets alone
    if (node.type() != "TemplateProcessing") node["type"].refuse("Sequence, ByteLevel or TemplateProcessing");
    bool behind = false;
    std::vector<std::int64_t> prefix, suffix;
    for (const Node& item : node["single"].items()) {
      if (!item["Sequence"].is_null()) {
        if (behind) item.refuse("the text once");
        behind = true;
        continue;
      }
      const std::string name = item["SpecialToken"]["id"].text();
      for (const Node& id : node["special_tokens"][name.c_str()]["ids"].items()) (behind ? suffix : prefix).push_back(id.id());
    }
    if (!behind) node["single"].refuse("a place for the text");
    parts.prefix.insert(parts.prefix.begin(), prefix.begin(), prefix.end());
    parts.suffix.insert(parts.suffix.end(), suffix.begin(), suffix.end());
  });
}

void read_decoder(const Node& decoder) {
  bool bytes = false;
  each_component(decoder, "decoders", [&](const Node& node) {
    if (node.type() != "ByteLevel" || bytes) node["type"].refuse("ByteLevel alone");
    bytes = true;
  });
  if (!bytes) decoder.refuse("a ByteLevel");
}

std::vector<AddedToken> read_added(const Node& added) {
  std::vector<AddedToken> tokens;
  if (added.is_null()) return tokens;
  for (const Node& node : added.items()) {
    if (node["single_word"].flag()) node["single_word"].refuse("false");
    tokens.push_back({node["id"].id(), node["content"].text(), node["lstrip"].flag(), node["rstrip"].flag(), node["normalized"].flag()});
  }
  return tokens;
}

// A merge, as "left right" or as a pair.
std::pair<std::string, std::string> read_merge(const Node& node) {
  std::pair<std::string, std::string> pair;
  if (node.json().is_string()) {
    const std::string text = node.text();
    const std::size_t space = text.find(' ');
    if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) node.refuse("two tokens with a space between");
    pair = {text.substr(0, space), text.substr(space + 1)};
  } else {
    const std::vector<Node> two = node.items();
    if (two.size() != 2) node.refuse("two tokens");
    pair = {two[0].text(), two[1].text()};
  }
  const auto left = bytes_of_characters(pair.first), right = bytes_of_characters(pair.second);
  if (!left || !right || left->empty() || right->empty()) node.refuse("two tokens of byte-level characters");
  return {*left, *right};
}

// The model, and bytes of each of its ids.
BytePairs read_model(const Node& model, std::unordered_map<std::int64_t, std::string>& bytes) {
  if (!model["type"].is_null() && model.type() != "BPE") model["type"].refuse("BPE");
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!model[key].is_null() && !model[key].text().empty()) model[key].refuse("none");
  }
  if (model["byte_fallback"].flag()) model["byte_fallback"].refuse("false");
  if (!model["dropout"].is_null() && model["dropout"].json() != 0.0) model["dropout"].refuse("none");
  std::unordered_map<std::string, std::int64_t> tokens;
  const Node vocab = model["vocab"];
  if (!vocab.json().is_object()) vocab.refuse("an object");
  for (const auto& [characters, value] : vocab.json().items()) {
    const std::int64_t id = Node(value, vocab.path() + "." + coppice::quoted(characters)).id();
    const auto meant = bytes_of_characters(characters);
    if (meant) tokens[*meant] = id;
    if (!bytes.emplace(id, meant.value_or(characters)).second) {
      throw InputError(vocab.path() + ": found id " + std::to_string(id) + " twice");
    }
  }
  if (!model["unk_token"].is_null()) {
    for (int byte = 0; byte < 256; ++byte) {
      if (tokens.count(std::string(1, static_cast<char>(byte))) == 0) model["unk_token"].refuse("none where a byte has no token");
    }
  }
  std::vector<std::pair<std::string, std::string>> merges;
  for (const Node& node : model["merges"].items()) merges.push_back(read_merge(node));
  return {std::move(tokens), merges, model["ignore_merges"].flag()};
}

// Added tokens that the model knows, too, have one id.
void check_added(const TokenizerParts& parts) {
  for (const AddedToken& token : parts.added) {
    const auto known = parts.bytes.find(token.id);
    if (known != parts.bytes.end() && known->second != bytes_of_characters(token.content).value_or(token.content)) {
      throw InputError("added_tokens: found " + coppice::quoted(token.content) + " with id " + std::to_string(token.id) +
                       "; the vocabulary has another token there");
    }
  }
}

}  // namespace

Tokenizer parse_tokenizer(std::string_view json, const std::string& where) {
  const Json parsed = parse_strict_json(json, where);
  try {
    const Node root(parsed, "");
    if (!parsed.is_object()) throw InputError("found " + std::string(parsed.type_name()) + "; expected an object");
    std::unordered_map<std::int64_t, std::string> bytes;
    BytePairs pairs = read_model(root["model"], bytes);
    TokenizerParts parts{.added = read_added(root["added_tokens"]), .compose = reads_composed(root["normalizer"]), .splits = {},
                         .pairs = std::move(pairs), .bytes = std::move(bytes), .prefix = {}, .suffix = {}};
    check_added(parts);
    read_splits(root["pre_tokenizer"], parts);
    read_post_processor(root["post_processor"], parts);
    read_decoder(root["decoder"]);
    return Tokenizer(std::move(parts));
  } catch (InputError& error) {
    error.within(where);
    throw;
  }
}

Tokenizer read_tokenizer(const std::string& folder) {
  const std::string path = (std::filesystem::path(folder) / "tokenizer.json").string();
  return parse_tokenizer(read_text_file(path, kLargestFile), path);
}

}  // namespace coppice
