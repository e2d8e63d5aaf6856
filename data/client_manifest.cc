#include "data/client_manifest.h"

#include <algorithm>

#include "core/error.h"
#include "core/strict_json.h"
#include "data/json_fields.h"

namespace coppice {
namespace {

using namespace json_fields;

constexpr const char* kFormat = "coppice-data";

Json json_of(const ClientManifest& client) {
  Json out{{"client", client.client}, {"examples", client.examples}, {"kept_apart", client.kept_apart},
           {"bytes", client.bytes}, {"digest", client.digest.hex()}, {"parts", Json::array()}};
  if (client.tokens > 0) out["tokens"] = client.tokens;
  if (!client.labels.empty()) out["labels"] = client.labels;
  for (const ClientManifest::Part& part : client.parts) {
    out["parts"].push_back({{"file", part.file}, {"examples", part.examples}, {"rows", {part.first_row, part.last_row}}});
  }
  return out;
}

Json json_of(const SourceFile& source) {
  Json out{{"file", source.name}};
  if (source.bytes > 0) out.update({{"bytes", source.bytes}, {"blake2b", source.digest.hex()}});
  return out;
}

std::string dumped(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

ClientManifest::Part part(const Json& item, const std::string& where) {
  check_keys(item, where, {"file", "examples", "rows"});
  ClientManifest::Part out;
  out.file = text(need(item, "file", where), where + ".file");
  out.examples = whole(need(item, "examples", where), where + ".examples");
  const auto rows = list(need(item, "rows", where), where + ".rows", whole);
  if (rows.size() != 2) throw InputError(where + ".rows: found " + std::to_string(rows.size()) + " numbers, expected the first and the last");
  out.first_row = rows[0];
  out.last_row = rows[1];
  return out;
}

ClientManifest client(const Json& item, const std::string& where) {
  check_keys(item, where, {"client", "examples", "kept_apart", "tokens", "bytes", "digest", "parts", "labels"});
  ClientManifest out;
  out.client = whole(need(item, "client", where), where + ".client");
  out.examples = whole(need(item, "examples", where), where + ".examples");
  out.kept_apart = whole(need(item, "kept_apart", where), where + ".kept_apart");
  out.bytes = whole(need(item, "bytes", where), where + ".bytes");
  out.digest = digest_field(need(item, "digest", where), where + ".digest");
  out.parts = list(need(item, "parts", where), where + ".parts", part);
  if (item.contains("tokens")) out.tokens = whole(item["tokens"], where + ".tokens");
  if (item.contains("labels")) out.labels = list(item["labels"], where + ".labels", whole);
  return out;
}

DataManifest read(const Json& root) {
  check_keys(root, "data", {"format", "version", "digest", "contract", "sources", "test", "clients"});
  if (text(need(root, "format", "data"), "format") != kFormat) throw InputError(std::string("format: expected '") + kFormat + "'");
  if (whole(need(root, "version", "data"), "version") != 1) throw InputError("version: expected 1");
  DataManifest out;
  if (root.contains("contract")) out.contract = digest_field(root["contract"], "contract");
  out.sources = list(need(root, "sources", "data"), "sources", source_file);
  const Json& test = need(root, "test", "data");
  check_keys(test, "test", {"examples", "digest"});
  out.test_examples = whole(need(test, "examples", "test"), "test.examples");
  out.test = digest_field(need(test, "digest", "test"), "test.digest");
  out.clients = list(need(root, "clients", "data"), "clients", client);
  for (std::size_t c = 1; c < out.clients.size(); ++c) {
    if (out.clients[c - 1].client >= out.clients[c].client) {
      throw InputError("clients[" + std::to_string(c) + "].client: found " + std::to_string(out.clients[c].client) + ", expected more than " +
                       std::to_string(out.clients[c - 1].client));
    }
  }
  if (digest_field(need(root, "digest", "data"), "digest") != out.digest()) throw InputError("digest: is not that of what follows");
  return out;
}

std::string text_of(const ClientManifest& client) {
  std::string parts;
  for (const ClientManifest::Part& part : client.parts) {
    if (!parts.empty()) return parts + ", ...";
    parts = std::to_string(part.examples) + " examples of " + part.file;
  }
  return parts;
}

}  // namespace

ClientManifest manifest_of(const Dataset& data, std::int64_t client, std::span<const std::int64_t> train,
                           std::span<const std::int64_t> kept_apart, bool labels, bool read) {
  ClientManifest out;
  out.client = client;
  out.examples = static_cast<std::int64_t>(train.size() + kept_apart.size());
  out.kept_apart = static_cast<std::int64_t>(kept_apart.size());
  std::vector<std::int64_t> all(train.begin(), train.end());
  all.insert(all.end(), kept_apart.begin(), kept_apart.end());
  std::sort(all.begin(), all.end());
  if (labels && !data.classes().empty()) out.labels.assign(static_cast<std::size_t>(data.spec().num_targets), 0);
  Hasher hasher;
  if (!read) hasher.add_value(data.digest().bytes);
  std::size_t last_file = data.files().size();
  for (const std::int64_t i : all) {
    if (read) {
      out.bytes += data.add_example(i, hasher);
    } else {
      hasher.add_value(i);
    }
    if (!out.labels.empty()) ++out.labels[static_cast<std::size_t>(data.classes()[static_cast<std::size_t>(i)])];
    if (data.spec().kind == ExampleSpec::Kind::kTokens) {
      std::int64_t length = 0;
      data.read_lengths(std::span(&i, 1), &length);
      out.tokens += length;
    }
    const Dataset::Place place = data.place_of(i);
    if (place.file >= data.files().size()) continue;
    if (place.file != last_file) out.parts.push_back({data.files()[place.file].name, 0, place.row, place.row});
    last_file = place.file;
    ClientManifest::Part& part = out.parts.back();
    ++part.examples;
    part.first_row = std::min(part.first_row, place.row);
    part.last_row = std::max(part.last_row, place.row);
  }
  out.digest = hasher.finish();
  return out;
}

Digest DataManifest::digest() const {
  Hasher hasher;
  hasher.add_value(contract.bytes).add_value(test.bytes);
  for (const ClientManifest& c : clients) hasher.add_value(c.client).add_value(c.digest.bytes);
  return hasher.finish();
}

std::string to_json(const DataManifest& manifest) {
  Json head{{"format", kFormat}, {"version", 1}, {"digest", manifest.digest().hex()}, {"sources", Json::array()},
            {"test", {{"examples", manifest.test_examples}, {"digest", manifest.test.hex()}}}};
  if (!manifest.contract.is_zero()) head["contract"] = manifest.contract.hex();
  for (const SourceFile& file : manifest.sources) head["sources"].push_back(json_of(file));
  std::string text = dumped(head);
  text.pop_back();
  text += ",\n\"clients\":[";
  for (std::size_t c = 0; c < manifest.clients.size(); ++c) text += (c > 0 ? ",\n" : "\n") + dumped(json_of(manifest.clients[c]));
  return text + "]}\n";
}

DataManifest parse_data_manifest(std::string_view json, const std::string& file) {
  try {
    return read(parse_strict_json(json, "data"));
  } catch (InputError& error) {
    error.within(file);
    throw;
  }
}

std::string difference(const DataManifest& before, const DataManifest& now) {
  if (before.contract != now.contract) {
    return "the contract has digest " + now.contract.short_hex() + ", expected " + before.contract.short_hex();
  }
  if (before.test != now.test) return "the test data has digest " + now.test.short_hex() + ", expected " + before.test.short_hex();
  if (before.clients.size() != now.clients.size()) {
    return "found " + std::to_string(now.clients.size()) + " clients, expected " + std::to_string(before.clients.size());
  }
  for (std::size_t c = 0; c < now.clients.size(); ++c) {
    const ClientManifest &was = before.clients[c], &is = now.clients[c];
    if (was.digest == is.digest && was.client == is.client) continue;
    return "client " + std::to_string(is.client) + " has data of digest " + is.digest.short_hex() + ", expected " + was.digest.short_hex() +
           " (" + text_of(is) + ")";
  }
  return "";
}

}  // namespace coppice
