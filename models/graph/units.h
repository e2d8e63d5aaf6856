// A graph's prunable structure, and the graph that is left of it: units from what is coupled, costs from what is multiplied.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/graph/coupling.h"
#include "models/prunable_structure.h"

namespace coppice::graph {

class Units {
 public:
  explicit Units(const Program& program);

  const PrunableStructure& structure() const { return structure_; }
  // Multiply-adds of products with parameters for one sample; sizes that the batch decides count once, so where tokens come in it
  // is the cost of one.
  Cost cost(std::span<const std::int64_t> widths) const;
  // The program without the units whose flag is 0: smaller shapes, and the numbers in its nodes that speak of them.
  Program without(std::span<const std::uint8_t> kept) const;

 private:
  struct Product {
    int param = 0;
    std::int64_t positions = 1;
  };
  // What a unit takes of a tensor: an index into sizes_, and how much of it.
  struct Share {
    std::size_t dim = 0;
    std::int64_t size = 0;
  };

  void find_products();
  void find_families();
  void find_shares();
  std::int64_t left(const Places& places, std::int64_t size, const std::vector<char>& dropped) const;

  const Program& program_;
  Coupling coupling_;
  std::vector<Product> products_;         // in forward order
  std::vector<std::vector<char>> sums_;   // of each param, the dims that a product sums over
  std::vector<std::vector<char>> makes_;  // of each param, the dims that a product makes
  std::vector<Place> roots_;              // of each group
  PrunableStructure structure_;
  // A budget asks for costs thousands of times.
  std::vector<std::int64_t> sizes_;         // of the params, dim behind dim
  std::vector<std::size_t> first_dims_;     // of each param, and the end
  std::vector<std::vector<Share>> shares_;  // of one unit of each family; all its units take alike
};

}  // namespace coppice::graph
