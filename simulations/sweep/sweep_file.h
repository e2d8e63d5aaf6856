// A sweep as its YAML says it: a grid over configs, overrides and seeds.
//
//   sweep: {name: tier_a, baseline: dense}      # baseline: an arm, or one cell of the table ("snip, density 0.02")
//   base: ../mnist_by_writer.yaml               # paths are relative to the sweep's file
//   set: {federation.cohort: 20}                # of every run: KEY.PATH: VALUE, as --set takes it
//   arms:
//     dense:   {config: ../dense.yaml, keys: {density: none}}        # sits the axis out: one cell, not one a density
//     snip:    {set: {stages.score.importance: snip}}                # on `base`
//     fedtiny: {config: ../fedtiny.yaml, keys: {density: stages.bn_selection.density}}   # the same axis under its own key
//   grid:
//     density: {key: stages.prune.budget.density, values: [0.02, 0.1]}
//     stages.finetune.rounds: [40, 80]          # short where the axis is called as its key path
//   seeds: [1, 2, 3]
//
// Later wins: config, set, the arm's set, grid, --set, seed.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/config.h"
#include "core/config_tree.h"

namespace coppice {

struct SweepSettings {
  std::string name;      // empty: the file's
  std::string baseline;  // empty: no differences
  std::string out;       // empty: sweeps/<name>
  void visit(FieldVisitor& v);
};

struct KeyValue {
  std::string path;
  ConfigNode value;
};

struct SweepArm {
  std::string name;
  std::string config;
  std::vector<KeyValue> set;
  std::map<std::string, std::string> keys;  // axis -> its key path in this arm; empty: the arm sits it out
};

struct SweepAxis {
  std::string name;
  std::string key;
  std::vector<ConfigNode> values;  // scalars, at least one
};

struct SweepFile {
  std::string file;
  SweepSettings settings;
  std::vector<KeyValue> set;
  std::vector<SweepArm> arms;  // at least one
  std::vector<SweepAxis> axes;
  std::vector<std::int64_t> seeds = {1};
};

// Throws InputError: file, key path, found, expected, nearest valid name.
SweepFile read_sweep(const std::string& file);

}  // namespace coppice
