#include "algorithms/masking/make_mask.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "algorithms/budget/budget.h"
#include "algorithms/masking/blocks.h"
#include "tests/algorithms/passes.h"

namespace coppice::test {
namespace {

ElementScores random_scores(const Subject& subject, std::uint64_t seed) {
  return weight_element_scores(RandomConfig{}, *subject.model, subject.state.base, true, {.run = seed});
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(PatternText, RoundTrips) {
  for (const char* text : {"channels", "unstructured", "2:4", "1:2", "4:8", "63:64", "32x1", "16x1", "1x1", "1024x8"}) {
    EXPECT_EQ(to_string(parse_pattern(text)), text);
  }
}

TEST(PatternText, AnythingElseIsRefused) {
  for (const char* text :
       {"",  "2:",  ":4", "4:4", "4:2",  "0:4",    "2:65",    "02:4", "2:4 ",  " 2:4",    "2:4:8", "-1:4",
        "x", "32x", "x1", "0x1", "32x0", "1025x1", "99999x1", "32X1", "2.0:4", "chanels", "1e1x1", "2:4\n"}) {
    const std::string message = message_of([&] { parse_pattern(text); });
    EXPECT_NE(message.find("expected channels, unstructured, N:M"), std::string::npos) << text;
  }
  EXPECT_NE(message_of([] { parse_pattern("chanels"); }).find("did you mean channels?"), std::string::npos);
}

TEST(TopPositions, AreStableAndExact) {
  const std::vector<float> values = {1, 3, 3, 0, 3, 2};
  EXPECT_EQ(top_positions(values, 2), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(top_positions(values, 4), (std::vector<std::int64_t>{1, 2, 4, 5}));
  EXPECT_EQ(top_positions(values, 0), std::vector<std::int64_t>{});
  EXPECT_EQ(top_positions(values, 9).size(), 6U);
}

// The script builds the NHWC matrix explicitly.
TEST(ElementMask, ConvolutionGolden) {
  const Subject subject = small_cnn();
  const ScoreRequest request{.target = ScoreTarget::kElements};
  Sums sums;
  std::int64_t sample = 0;
  for (const auto& sizes : goldens()["clients"]) {
    for (const std::int64_t n : sizes) {
      Batch batch = batch_for(*subject.model, n, 0);
      batch.inputs = Images{hash_tensor({n, 2, 20, 20}, static_cast<std::uint32_t>(100 + sample), 2.0F)};
      add_to(sums, run_pass(ActivationConfig{}, subject, request, {batch}));
      sample += n;
    }
  }
  const ElementScores scores =
      decode_element_scores(ActivationConfig{}, *subject.model, subject.state.base, request, sums);
  const int conv2 = subject.model->base_layout()->find("conv2.weight");
  for (const char* text : {"2:4", "4x1"}) {
    const Mask mask =
        make_element_mask(*subject.model, parse_pattern(text), false, scores, {{conv2, 400}, {conv2 + 2, 192}});
    const std::vector<std::uint32_t> kept = mask.bits(conv2).positions();
    EXPECT_EQ(std::vector<std::int64_t>(kept.begin(), kept.end()),
              goldens()["masks"][text].get<std::vector<std::int64_t>>())
        << text;
  }
}

TEST(ElementMask, NOfMHoldsInEveryGroup) {
  for (const auto& [n, m] : std::vector<std::pair<int, int>>{{2, 4}, {1, 4}, {1, 2}}) {
    for (const Subject& subject : subjects()) {
      if (subject.name == "resnet8") continue;  // 6 channels
      const Pattern pattern{Pattern::Kind::kNOfM, n, m};
      const ElementScores scores = random_scores(subject, 1);
      const Mask mask = make_element_mask(*subject.model, pattern, false, scores, {});
      for (const PatternMatrix& matrix : subject.model->structure().matrices) {
        if (matrix.edge) {
          EXPECT_TRUE(mask.keeps_all(matrix.tensor));
          continue;
        }
        const Bits& bits = mask.bits(matrix.tensor);
        EXPECT_EQ(bits.count(), bits.size() / m * n);
        const auto& shape = (*subject.model->base_layout())[matrix.tensor].shape;
        const std::int64_t spatial = matrix.cols_I / shape[1];
        for (std::int64_t o = 0; o < matrix.rows_O; ++o) {
          for (std::int64_t s = 0; s < spatial; ++s) {
            for (std::int64_t c = 0; c < shape[1]; c += m) {
              int kept = 0;
              float worst_kept = 2.0F, best_dropped = -1.0F;
              for (std::int64_t k = c; k < c + m; ++k) {
                const std::int64_t i = o * matrix.cols_I + k * spatial + s;
                const float score = scores.at(matrix.tensor)[static_cast<std::size_t>(i)];
                kept += bits[i];
                (bits[i] ? worst_kept : best_dropped) =
                    bits[i] ? std::min(worst_kept, score) : std::max(best_dropped, score);
              }
              ASSERT_EQ(kept, n);
              ASSERT_GE(worst_kept, best_dropped);
            }
          }
        }
      }
    }
  }
}

TEST(ElementMask, UnstructuredCountsAreTheQuotas) {
  for (const Subject& subject : subjects()) {
    const ElementScores scores = random_scores(subject, 2);
    const Pattern pattern{Pattern::Kind::kUnstructured};
    for (const Allocation allocation : {Allocation::kErk, Allocation::kGlobal, Allocation::kUniform}) {
      const auto quotas = element_quotas(subject.model->structure(), *subject.model->base_layout(), pattern, true,
                                         {.budget = {.density = 0.2}, .allocation = allocation}, &scores);
      const Mask mask = make_element_mask(*subject.model, pattern, true, scores, quotas);
      for (const auto& [tensor, quota] : quotas) {
        if (quota == (*subject.model->base_layout())[tensor].numel) {
          EXPECT_TRUE(mask.keeps_all(tensor));
        } else {
          EXPECT_EQ(mask.bits(tensor).count(), quota);
        }
      }
    }
  }
}

TEST(ElementMask, VectorsShareInputs) {
  const auto model = make_model(MlpConfig{.inputs = 12, .hidden = {64, 32, 16}, .outputs = 10});
  Subject subject{"mlp", make_model(model->config()), initial_state(*model, {.run = 1})};
  const Pattern pattern = parse_pattern("32x1");
  const ElementScores scores = random_scores(subject, 3);
  const auto quotas = element_quotas(model->structure(), *model->base_layout(), pattern, false,
                                     {.budget = {.density = 0.5}, .allocation = Allocation::kUniform}, nullptr);
  const Mask mask = make_element_mask(*model, pattern, false, scores, quotas);
  EXPECT_TRUE(mask.keeps_all(0));
  EXPECT_TRUE(mask.keeps_all(6));
  for (const auto& [tensor, rows, cols] : std::vector<std::array<int, 3>>{{2, 32, 64}, {4, 16, 32}}) {
    const Bits& bits = mask.bits(tensor);
    EXPECT_EQ(bits.count(), rows * cols / 2);
    for (int c = 0; c < cols; ++c) {
      for (int r = 1; r < rows; ++r) ASSERT_EQ(bits[r * cols + c], bits[c]);  // 16 outputs: blocks of 16
    }
  }
}

TEST(ElementMask, EdgesOnRequest) {
  const Subject subject = small_mlp();
  const ElementScores scores = random_scores(subject, 4);
  const Mask mask = make_element_mask(*subject.model, parse_pattern("1:2"), true, scores, {});
  for (const ParamId tensor : {0, 2, 4, 6}) EXPECT_FALSE(mask.keeps_all(tensor));
}

TEST(ElementMask, SizesThatDoNotDivideAreNamed) {
  const Subject resnet = small_resnet8(), mlp = small_mlp();
  EXPECT_EQ(message_of([&] { check_pattern(*resnet.model, parse_pattern("2:4"), false); }),
            "pattern 2:4: tensor 'layer2.0.conv2.weight' has 6 input channels; expected a multiple of 4");
  EXPECT_EQ(message_of([&] { check_pattern(*mlp.model, parse_pattern("2:4"), true); }),
            "pattern 2:4: tensor 'layers.0.weight' has 10 inputs; expected a multiple of 4");
  EXPECT_EQ(message_of([&] { check_pattern(*mlp.model, parse_pattern("5x1"), false); }),
            "pattern 5x1: tensor 'layers.1.weight' has 8 outputs; expected a multiple of 5");
  check_pattern(*mlp.model, parse_pattern("2:4"), false);
  check_pattern(*mlp.model, parse_pattern("32x1"), false);
  check_pattern(*resnet.model, parse_pattern("unstructured"), true);
}

TEST(ElementMask, MissingScoresAndQuotasAreNamed) {
  const Subject subject = small_mlp();
  const Pattern pattern{Pattern::Kind::kUnstructured};
  ElementScores scores = random_scores(subject, 5);
  std::map<ParamId, std::int64_t> quotas = {{0, 10}, {2, 10}, {4, 10}, {6, 10}};
  const auto message = [&] {
    return message_of([&] { make_element_mask(*subject.model, pattern, true, scores, quotas); });
  };
  EXPECT_EQ(message(), "");
  quotas.erase(4);
  EXPECT_EQ(message(), "mask: no quota for tensor 'layers.2.weight'");
  quotas[4] = 0;
  EXPECT_EQ(message(), "mask: the quota of tensor 'layers.2.weight' is 0; expected 1 to 96");
  quotas[4] = 96;
  scores[2][7] = std::nanf("");
  EXPECT_EQ(message(), "tensor 'layers.1.weight' has a score that is not finite");
  scores[2].pop_back();
  EXPECT_EQ(message(), "tensor 'layers.1.weight' has 127 scores; expected 128");
  scores.erase(2);
  EXPECT_EQ(message(), "tensor 'layers.1.weight' has 0 scores; expected 128");
  EXPECT_THROW(make_element_mask(*subject.model, {}, true, scores, quotas), Error);
}

}  // namespace
}  // namespace coppice::test
