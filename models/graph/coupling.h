// Which places along the dims of a graph's tensors belong together: follows every operation and joins what must be cut at once.
// A place is one index along one dim of a parameter or a running statistic; places that are joined form a unit.
// As DepGraph (Fang et al. 2023, section 3.2), but place by place, so that concatenations, splits, padded shortcuts and heads
// need no rule of their own for what they contain.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/graph/program.h"

namespace coppice::graph {

using Place = int;
// The places along one dim of a value; null where the dim stays whole (a batch, a sequence, pixels, what came from outside).
using Places = std::shared_ptr<const std::vector<Place>>;

// Sets that only grow together. A set that is held keeps all of its places.
class PlaceSets {
 public:
  Place add(std::int64_t count);  // the first of `count` new places
  Place root(Place place) const;
  void join(Place a, Place b);
  void hold(Place place) { held_[static_cast<std::size_t>(root(place))] = 1; }
  bool held(Place place) const { return held_[static_cast<std::size_t>(root(place))] != 0; }
  std::size_t size() const { return parent_.size(); }

 private:
  mutable std::vector<Place> parent_;
  std::vector<char> held_;
};

// Where a run of places lies.
struct Origin {
  ValueId tensor = 0;  // a parameter or a running statistic
  int dim = 0;
  Place first = 0;
  std::int64_t count = 0;
};

struct Coupling {
  PlaceSets sets;
  std::vector<std::vector<Places>> dims;  // of each value
  std::vector<Origin> origins;            // by place
  std::vector<std::string> barriers;      // operations that hold places because what they do with them is not known: "name (op)"
};

// Cost: a few passes over the places. Never throws for shapes that lie: what does not fit is held.
Coupling couple(const Program& program);

}  // namespace coppice::graph
