// What a client holds, in digests: the same for the same data, another for any other.
#include "data/client_manifest.h"

#include <nlohmann/json.hpp>

#include "data/token_dataset.h"
#include "tests/data/samples.h"

namespace coppice {
namespace {

std::shared_ptr<const Dataset> numbers(std::vector<float> values, std::vector<std::int32_t> classes) {
  ExampleSpec spec;
  spec.shape = {1};
  spec.num_targets = 3;
  Annotations annotations;
  annotations.files = {{"a.shard", 2}, {"b.shard", static_cast<std::int64_t>(classes.size()) - 2}};
  annotations.classes = std::move(classes);
  return make_features(spec, Rows({SharedBytes::of(std::move(values))}, sizeof(float)), std::move(annotations));
}

const std::vector<std::int64_t> kTrain{4, 0, 3}, kApart{1};

TEST(ClientManifest, CountsAndNamesFilesAndRows) {
  const ClientManifest client = manifest_of(*numbers({1, 2, 3, 4, 5}, {0, 1, 2, 0, 0}), 7, kTrain, kApart, true, true);
  EXPECT_EQ(client.client, 7);
  EXPECT_EQ(client.examples, 4);
  EXPECT_EQ(client.kept_apart, 1);
  EXPECT_EQ(client.bytes, 16);
  EXPECT_EQ(client.labels, (std::vector<std::int64_t>{3, 1, 0}));
  EXPECT_EQ(client.parts, (std::vector<ClientManifest::Part>{{"a.shard", 2, 0, 1}, {"b.shard", 2, 1, 2}}));
  EXPECT_TRUE(manifest_of(*numbers({1, 2, 3}, {0, 1, 2}), 0, kApart, {}, false, true).labels.empty());
}

TEST(ClientManifest, DigestIsOfTheClientsOwnData) {
  const auto digest = [](std::vector<float> values, std::vector<std::int32_t> classes) {
    return manifest_of(*numbers(std::move(values), std::move(classes)), 0, kTrain, kApart, false, true).digest;
  };
  const Digest own = digest({1, 2, 3, 4, 5}, {0, 1, 2, 0, 0});
  EXPECT_EQ(own, digest({1, 2, 99, 4, 5}, {0, 1, 1, 0, 0}));  // example 2 is another client's
  EXPECT_NE(own, digest({1, 2, 3, 4, 6}, {0, 1, 2, 0, 0}));
  EXPECT_NE(own, digest({1, 2, 3, 4, 5}, {0, 1, 2, 1, 0}));
  // Unread, the digest follows the whole data set.
  const auto unread = [](float other) {
    return manifest_of(*numbers({1, 2, other, 4, 5}, {0, 1, 2, 0, 0}), 0, kTrain, kApart, false, false).digest;
  };
  EXPECT_EQ(unread(3), unread(3));
  EXPECT_NE(unread(3), unread(99));
}

TEST(ClientManifest, CountsTokens) {
  ExampleSpec spec;
  spec.kind = ExampleSpec::Kind::kTokens;
  spec.target = ExampleSpec::Target::kNextToken;
  spec.shape = {4};
  spec.vocabulary = spec.num_targets = 10;
  Annotations annotations;
  annotations.files = {{"t.shard", 3}};
  const auto data = make_tokens(spec, {{SharedBytes::of(std::vector<std::uint16_t>{1, 2, 3, 4, 5, 6, 7, 8, 9}),
                                        SharedBytes::of(std::vector<std::uint64_t>{0, 7, 7, 9}), 2}},
                                std::move(annotations));
  ASSERT_EQ(data->size(), 3);  // 4 + 2 of the first document, none of the second, 1 of the third
  const std::vector<std::int64_t> all{0, 1, 2};
  const ClientManifest client = manifest_of(*data, 0, all, {}, false, true);
  EXPECT_EQ(client.tokens, 7);
  EXPECT_EQ(client.parts, (std::vector<ClientManifest::Part>{{"t.shard", 3, 0, 2}}));
  EXPECT_EQ(data->place_text(2), "t.shard: row 2");
}

DataManifest manifest(float last) {
  const auto data = numbers({1, 2, 3, 4, last}, {0, 1, 2, 0, 0});
  DataManifest out;
  out.sources = {{"raw.csv", 12, digest_of("raw")}, {"folder", 0, {}}};
  out.test_examples = 5;
  out.test = digest_of("test");
  out.clients = {manifest_of(*data, 0, kApart, {}, true, true), manifest_of(*data, 1, kTrain, {}, true, true)};
  return out;
}

TEST(DataManifest, ComesBackFromItsFile) {
  const DataManifest before = manifest(5);
  const DataManifest after = parse_data_manifest(to_json(before), "data.json");
  EXPECT_EQ(after.clients, before.clients);
  EXPECT_EQ(after.digest(), before.digest());
  EXPECT_EQ(after.sources[0].digest, before.sources[0].digest);
  EXPECT_EQ(to_json(after), to_json(before));
}

TEST(DataManifest, NamesTheFirstDifference) {
  EXPECT_EQ(difference(manifest(5), manifest(5)), "");
  const std::string changed = difference(manifest(5), manifest(6));
  EXPECT_NE(changed.find("client 1 has data of digest"), std::string::npos) << changed;
  EXPECT_NE(changed.find("a.shard"), std::string::npos) << changed;
  DataManifest other = manifest(5);
  other.test = {};
  EXPECT_NE(difference(manifest(5), other).find("test data"), std::string::npos);
  EXPECT_NE(manifest(5).digest(), other.digest());
}

TEST(DataManifest, IsReadStrictly) {
  auto json = nlohmann::json::parse(to_json(manifest(5)));
  json["clients"][1]["client"] = 0;
  EXPECT_INPUT_ERROR(parse_data_manifest(json.dump(), "data.json"), "clients[1].client: found 0, expected more than 0");
  json = nlohmann::json::parse(to_json(manifest(5)));
  json["clients"][1]["digest"] = json["clients"][0]["digest"];
  EXPECT_INPUT_ERROR(parse_data_manifest(json.dump(), "data.json"), "data.json: digest: is not that of what follows");
  json["client"] = 3;
  EXPECT_INPUT_ERROR(parse_data_manifest(json.dump(), "data.json"), "unknown key 'client'");
}

}  // namespace
}  // namespace coppice
