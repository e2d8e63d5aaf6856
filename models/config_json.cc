#include "models/config_json.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>
#include <utility>

#include "core/error.h"
#include "models/strict_json.h"

namespace coppice {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

// A model's config is flat: scalars, lists and names. Both visitors refuse anything nested inside it.
class FlatVisitor : public FieldVisitor {
 protected:
  void nested(const char* key, const Visit&, const char*) override { refuse(key); }
  void optional_nested(const char* key, bool, const std::function<void(bool)>&, const Visit&, const char*) override {
    refuse(key);
  }
  void list_of(const char* key, std::size_t, const std::function<void(std::size_t)>&,
               const std::function<std::vector<Alternative>(std::size_t)>&,
               const std::function<std::size_t(std::size_t)>&, const char*) override {
    refuse(key);
  }

 private:
  [[noreturn]] static void refuse(const char* key) { throw Error("model config field '" + std::string(key) + "' is nested"); }
};

class JsonWriter : public FlatVisitor {
 public:
  explicit JsonWriter(OrderedJson& object) : object_(object) {}

  void field(const char* key, bool& value, const char*) override { object_[key] = value; }
  void field(const char* key, std::int64_t& value, const char*, Range) override { object_[key] = value; }
  void field(const char* key, double& value, const char*, Range) override { object_[key] = value; }
  void field(const char* key, std::string& value, const char*) override { object_[key] = value; }
  void field(const char* key, std::vector<double>& value, const char*, Range) override { object_[key] = value; }
  void field(const char* key, std::vector<std::int64_t>& value, const char*, Range) override { object_[key] = value; }
  void field(const char* key, std::vector<std::string>& value, const char*) override { object_[key] = value; }
  void choice(const char* key, std::size_t& index, const std::vector<std::string>& names, const char*) override {
    object_[key] = names.at(index);
  }

 protected:
  void one_of(const char*, std::size_t held, const std::vector<Alternative>& alternatives, const char*) override {
    object_["kind"] = alternatives[held].name;
    alternatives[held].visit(*this);
  }

 private:
  OrderedJson& object_;
};

class JsonReader : public FlatVisitor {
 public:
  JsonReader(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) throw InputError(where_ + ": found " + object.type_name() + "; expected an object");
  }

  void field(const char* key, bool& value, const char*) override {
    if (!at(key).is_boolean()) fail(key, at(key), "true or false");
    value = at(key).get<bool>();
  }
  void field(const char* key, std::int64_t& value, const char*, Range range) override {
    value = number<std::int64_t>(at(key), key, range);
  }
  void field(const char* key, double& value, const char*, Range range) override {
    value = number<double>(at(key), key, range);
  }
  void field(const char* key, std::string& value, const char*) override { value = text(at(key), key); }
  void field(const char* key, std::vector<double>& value, const char*, Range range) override {
    value = list<double>(key, [&](const Json& item) { return number<double>(item, key, range); });
  }
  void field(const char* key, std::vector<std::int64_t>& value, const char*, Range range) override {
    value = list<std::int64_t>(key, [&](const Json& item) { return number<std::int64_t>(item, key, range); });
  }
  void field(const char* key, std::vector<std::string>& value, const char*) override {
    value = list<std::string>(key, [&](const Json& item) { return text(item, key); });
  }
  void choice(const char* key, std::size_t& index, const std::vector<std::string>& names, const char*) override {
    const std::string name = text(at(key), key);
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) throw InputError(where_ + ": " + unknown_name(key, name, names));
    index = static_cast<std::size_t>(found - names.begin());
  }

  // Refuses what no field asked for.
  void finish() const {
    for (const auto& [key, value] : object_.items()) {
      if (!seen_.contains(key)) throw InputError(where_ + ": " + unknown_name("key", key, {seen_.begin(), seen_.end()}));
    }
  }

 protected:
  void one_of(const char*, std::size_t, const std::vector<Alternative>& alternatives, const char*) override {
    std::vector<std::string> names;
    for (const Alternative& alternative : alternatives) names.push_back(alternative.name);
    std::size_t chosen = 0;
    choice("kind", chosen, names, "");
    alternatives[chosen].select();
    alternatives[chosen].visit(*this);
  }

 private:
  const Json& at(const char* key) {
    seen_.insert(key);
    const auto found = object_.find(key);
    if (found == object_.end()) throw InputError(where_ + ": key '" + key + "' is missing");
    return *found;
  }

  [[noreturn]] void fail(const char* key, const Json& found, const std::string& expected) const {
    throw InputError(where_ + ": " + key + ": found " + coppice::quoted(found.dump(-1, ' ', true)) + "; expected " + expected);
  }

  std::string text(const Json& value, const char* key) const {
    if (!value.is_string()) fail(key, value, "a string");
    return value.get<std::string>();
  }

  template <class T>
  T number(const Json& value, const char* key, Range range) const {
    constexpr bool kWhole = std::is_integral_v<T>;
    const bool fits = !value.is_number_unsigned() || value.get<std::uint64_t>() <= 0x7fffffffffffffffU;
    if (kWhole ? !value.is_number_integer() || !fits : !value.is_number()) {
      fail(key, value, kWhole ? "a whole number" : "a number");
    }
    if (!range.contains(value.get<double>())) fail(key, value, "a number " + range.describe());
    return value.get<T>();
  }

  template <class T, class Read>
  std::vector<T> list(const char* key, const Read& read) {
    if (!at(key).is_array()) fail(key, at(key), "a list");
    std::vector<T> out;
    for (const Json& item : at(key)) out.push_back(read(item));
    return out;
  }

  const Json& object_;
  std::string where_;
  std::set<std::string> seen_;
};

}  // namespace

std::string model_config_to_json(const ModelConfig& config) {
  ModelConfig copy = config;
  OrderedJson object = OrderedJson::object();
  JsonWriter(object).variant("model", copy, "");
  return object.dump();
}

ModelConfig model_config_from_json(std::string_view text, const std::string& where) {
  const Json object = parse_strict_json(text, where);
  ModelConfig config;
  JsonReader reader(object, where);
  reader.variant("model", config, "");
  reader.finish();
  return config;
}

}  // namespace coppice
