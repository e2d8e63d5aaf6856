// Fills config structs from a parsed tree, one field at a time, and refuses whatever the structs do
// not know.
#pragma once

#include <string>
#include <vector>

#include "core/config.h"
#include "core/config_tree.h"

namespace coppice {

class FieldReader final : public FieldVisitor {
 public:
  // `map` (a map, or nothing at all) outlives the reader; `path` is where it stands in the config,
  // `owner` the name of the alternative whose fields these are.
  FieldReader(const ConfigNode& map, std::string path, const Extensions* extensions = nullptr, std::string owner = "");

  // Throws on the first key that no visited field took.
  void refuse_unknown_keys() const;

  using FieldVisitor::choice;
  void field(const char* key, bool& value, const char* help) override;
  void field(const char* key, std::int64_t& value, const char* help, Range range) override;
  void field(const char* key, double& value, const char* help, Range range) override;
  void field(const char* key, std::string& value, const char* help) override;
  void field(const char* key, std::vector<double>& value, const char* help, Range range) override;
  void field(const char* key, std::vector<std::int64_t>& value, const char* help, Range range) override;
  void field(const char* key, std::vector<std::string>& value, const char* help) override;
  void choice(const char* key, std::size_t& index, const std::vector<std::string>& names, const char* help) override;

 protected:
  void nested(const char* key, const Visit& visit, const char* help) override;
  void optional_nested(const char* key, bool present, const std::function<void(bool)>& set_present, const Visit& visit,
                       const char* help) override;
  void one_of(const char* key, std::size_t held, const std::vector<Alternative>& alternatives,
              const char* help) override;
  void list_of(const char* key, std::size_t count, const std::function<void(std::size_t)>& resize,
               const std::function<std::vector<Alternative>(std::size_t)>& alternatives,
               const std::function<std::size_t(std::size_t)>& held, const char* help) override;

 private:
  const ConfigNode* take(const char* key);
  template <class T, class Read>
  void read_list(const char* key, std::vector<T>& values, const std::string& expected, const Read& read);
  void read_group(const ConfigNode& node, const std::string& path, const Visit& visit);

  const ConfigNode& map_;
  std::string path_;
  std::string owner_;
  std::vector<std::string> known_;
};

}  // namespace coppice
