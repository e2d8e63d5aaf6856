// What the built-in architectures share besides their mathematics: a config, two layouts, and the checks of what comes in.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <utility>

#include "models/model.h"

namespace coppice {

class BuiltInModel : public Model {
 public:
  const ModelConfig& config() const final { return config_; }
  std::shared_ptr<const ArenaLayout> base_layout() const final { return base_; }
  std::shared_ptr<const ArenaLayout> moments_layout() const final { return moments_; }

 protected:
  explicit BuiltInModel(ModelConfig config)
      : config_(std::move(config)), base_(std::make_shared<ArenaLayout>()), moments_(std::make_shared<ArenaLayout>()) {}

  // Filled by the constructor of the architecture, constant afterwards.
  ArenaLayout& base() { return *base_; }
  const ArenaLayout& base() const { return *base_; }
  ArenaLayout& moments() { return *moments_; }

  // Throws InputError unless a sample (x without its first dim) has this shape.
  void check_sample(const at::Tensor& x, std::initializer_list<std::int64_t> expected) const;

 private:
  ModelConfig config_;
  std::shared_ptr<ArenaLayout> base_;
  std::shared_ptr<ArenaLayout> moments_;
};

// Throws InputError "model.<what>: found <found>; expected a number >= 1" where a size is not positive or beyond 2^20, the
// bound that keeps every product of sizes within 64 bits.
void check_size(const std::string& what, std::int64_t found);
void check_sizes(const std::string& what, const std::vector<std::int64_t>& found, std::size_t expected_count);

}  // namespace coppice
