// What both ends of a connection know: masks and frozen models that the sender has sent and the receiver has kept. Both keep the last few
// alone, by the same rule, so that they always know the same.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>

#include "core/digest.h"
#include "models/mask.h"
#include "models/model_state.h"

namespace coppice {

class PlanCache {
 public:
  std::shared_ptr<const Mask> find(const Digest& digest) const;  // null where unknown
  void add(std::shared_ptr<const Mask> mask);
  std::shared_ptr<const Mask> latest() const { return latest_; }

  std::shared_ptr<const ModelState> find_model(const Digest& digest) const;
  void add_model(const Digest& digest, std::shared_ptr<const ModelState> model);
  // The same values in another place.
  void move_model(const Digest& digest, std::shared_ptr<const ModelState> model);

 private:
  // By digest, the last `most` that were added.
  template <class Value>
  class Recent {
   public:
    explicit Recent(std::size_t most) : most_(most) {}
    std::shared_ptr<const Value> find(const Digest& digest) const {
      const auto found = values_.find(digest);
      return found == values_.end() ? nullptr : found->second;
    }
    void move(const Digest& digest, std::shared_ptr<const Value> value) { values_.at(digest) = std::move(value); }
    void add(const Digest& digest, std::shared_ptr<const Value> value) {
      if (values_.emplace(digest, std::move(value)).second) order_.push_back(digest);
      if (order_.size() > most_) {
        values_.erase(order_.front());
        order_.pop_front();
      }
    }

   private:
    std::size_t most_;
    std::map<Digest, std::shared_ptr<const Value>> values_;
    std::deque<Digest> order_;  // the oldest first
  };

  Recent<Mask> masks_{16};
  Recent<ModelState> models_{2};
  std::shared_ptr<const Mask> latest_;
};

}  // namespace coppice
