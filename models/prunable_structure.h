// What a model declares can be removed together, and what removing it saves. Algorithms see only this: they never match on
// layer names.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "models/tap.h"

namespace coppice {

enum class ArenaId : std::uint8_t { kBase = 0, kMoments = 1 };

// Elements [begin, end) along `dim` of one tensor. `scored`: whether w*g of these elements speaks for the unit (false for the
// consumer's side of a channel where counting it too would count the same function twice, and for moments).
struct Slice {
  ArenaId arena = ArenaId::kBase;
  int tensor = 0;  // index into that arena's layout
  int dim = 0;
  std::int64_t begin = 0;
  std::int64_t end = 0;
  bool scored = true;
};

// One unit: a conv channel of a whole residual group, an FFN neuron, a KV group with its query heads, a query head, a layer.
struct Group {
  int family = 0;
  int unit = 0;  // position within the family
  std::vector<Slice> slices;
  int block = -1;  // of the model that the unit stands in; a layer is all of it; -1: in several
};

// Interchangeable units: same kind, same layer. A family is never emptied.
struct Family {
  std::string name;  // "stage2.residual", "layers.3.ffn"; for people
  std::string kind;  // "channel", "neuron", "kv_group", "query_head", "layer"
  int first_group = 0;
  int num_groups = 0;
  // Families with the same name here must keep equally many units for the shapes that other tools load ("intermediate_size");
  // empty: on its own.
  std::string shared_width = {};
  // Families with the same name here must keep equally many units whatever the shapes are for: those of a layer's KV groups.
  std::string tied = {};
  // What other tools load has a width that divides this; 0: any width.
  std::int64_t plain_divides = 0;
};

// A matrix that takes element patterns (n:m, r x c, unstructured), seen as O rows by I columns in row-major memory. For a
// convolution I = C_in*KH*KW in logical order.
struct PatternMatrix {
  ParamId tensor = 0;
  std::int64_t rows_O = 0;
  std::int64_t cols_I = 0;
  std::int64_t macs_per_weight = 1;  // multiply-adds one weight takes part in for one sample
  bool edge = false;                 // first or last layer: dense under n:m and r x c unless asked for
};

// Dense multiply-adds and parameters of one sample's forward pass.
struct Cost {
  std::int64_t params = 0;
  std::int64_t macs = 0;
};

struct PrunableStructure {
  std::vector<Family> families;
  std::vector<Group> groups;             // ordered by family, then unit
  std::vector<PatternMatrix> matrices;   // in forward order
  std::vector<std::string> barriers = {};  // operations that units reach and are not followed through, for people

  std::vector<std::int64_t> full_widths() const;  // num_groups of each family
};

}  // namespace coppice
