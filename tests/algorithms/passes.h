// What the tests of importance, fusion, budgets and masks share: golden numbers, the hash they were made from, small models,
// and a client's scoring pass.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "models/batch.h"
#include "models/model_state.h"
#include "algorithms/importance/importance.h"

namespace coppice::test {

using Sums = std::vector<std::vector<double>>;

const nlohmann::json& goldens();

// `values` of make_goldens.py: exact numbers in [-scale/2, scale/2).
std::vector<double> hash_values(std::int64_t count, std::uint32_t salt, double scale = 1.0);
at::Tensor hash_tensor(std::vector<std::int64_t> shape, std::uint32_t salt, float scale);

// Small instances of four families with initial weights; batch norms have statistics that differ from 0 and 1.
struct Subject {
  std::string name;
  std::unique_ptr<Model> model;
  ModelState state;
};
Subject small_mlp();
Subject small_cnn();
Subject small_resnet8();
Subject small_resnet20();
Subject small_llama();
Subject llama_layers();
Subject llama_query_heads();
std::vector<Subject> subjects();

// `samples` random inputs with targets that the model takes.
Batch batch_for(const Model& model, std::int64_t samples, std::uint32_t salt);

at::Tensor logits_of(const ModelState& state, const Batch& batch);

// One client's pass over `batches`, each a micro-batch.
Sums run_pass(const ImportanceConfig& config, const Subject& subject, const ScoreRequest& request,
              const std::vector<Batch>& batches, Mode mode = Mode::kEval);
void add_to(Sums& total, const Sums& part);

UnitScores unit_scores(const ImportanceConfig& config, const Subject& subject, const ScoreRequest& request,
                       const Sums& sums);

// |found - expected| <= tolerance * the largest |expected| of the run.
void expect_near(std::span<const double> found, const std::vector<double>& expected, double tolerance,
                 const std::string& what);

}  // namespace coppice::test
