// Fusion across clients by sums alone: each client transforms and weights its scores before they leave it, the
// coordinator adds and divides by the summed weight. Hence compatible with secure aggregation, whatever the rule.
//
// With s_k client k's scores per sample, n_k its samples and w_k its weight (n_k, or 1 where all count the same):
//   none             sum_k n_k s_k / sum_k n_k: the sums as they are, the scores of the pooled data
//   mean             sum_k w_k s_k / sum_k w_k
//   normalised_mean  s_k / ||s_k||_1 in the place of s_k, over a family or over the model (SalientGrads, 2405.09037)
//   vote             1[i in the top q of its family], q = ceil(fraction * n) (the votes of FedRTS, arXiv 2501.19122)
//   rank             rank_i / (n - 1) in its family, 0 = lowest; equal scores share their mean rank (Borda)
//   agreement        mean with w_k max(0, cos(s_k, s)), s the public scores of an earlier round (after FLTrust, Cao et
//                    al. 2021); w_k while there are none. In the signed form the cosine is of signed sums.
// none, mean and agreement take the signed form of scores, the others the local one (algorithms/importance/scores.h).
// A client moves the fused score of a unit by at most w_k / sum_k w_k under normalised_mean, vote and rank.
#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "core/config.h"
#include "algorithms/importance/scores.h"

namespace coppice {

struct NoFusion {
  static constexpr const char* kName = "none";
  void visit(FieldVisitor& v);
};

struct MeanFusion {
  static constexpr const char* kName = "mean";
  void visit(FieldVisitor& v);
};

struct NormalisedMeanFusion {
  static constexpr const char* kName = "normalised_mean";
  enum class Over : std::uint8_t { kFamily, kModel };
  Over over = Over::kFamily;  // kModel keeps what distinguishes families from each other
  void visit(FieldVisitor& v);
};

struct VoteFusion {
  static constexpr const char* kName = "vote";
  double fraction = 0.5;  // of each family that a client votes for
  void visit(FieldVisitor& v);
};

struct RankFusion {
  static constexpr const char* kName = "rank";
  void visit(FieldVisitor& v);
};

struct AgreementFusion {
  static constexpr const char* kName = "agreement";
  void visit(FieldVisitor& v);
};

// A rule that a program adds: an interface of core/extensions.h.
class ClientFusion {
 public:
  using Interface = ClientFusion;
  virtual ~ClientFusion() = default;
  virtual void visit(FieldVisitor&) {}
  // At the client: makes of its scores in one family, in the local form, what stands for s_k in the mean. In place.
  virtual void transform(std::span<double> family) const = 0;
};

using ClientFusionConfig =
    std::variant<NoFusion, MeanFusion, NormalisedMeanFusion, VoteFusion, RankFusion, AgreementFusion, Custom<ClientFusion>>;

// Whether clients must finish their scores before the transform (ScoreForm::kLocal).
bool needs_local_form(const ClientFusionConfig& config);

// Runs at the client, on what ImportanceEstimator::finish() returned. Scales the score blocks to `weight` (n_k or 1),
// writes the resulting weight into the weight block and returns it; confidence blocks stay. `reference` (agreement
// only): the agreement_reference() of an earlier sum, or null. A client without samples adds zeros.
// Throws Error where the form of the blocks does not suit the rule, InputError where the reference has another size.
double apply_client_transform(const ClientFusionConfig& config, std::span<const ScoreBlock> blocks,
                              std::vector<std::vector<double>>& values, double weight,
                              const std::vector<double>* reference);

// What later rounds compare with: the score blocks of a sum, one behind the other ("coarse" alone for units).
std::vector<double> agreement_reference(std::span<const ScoreBlock> blocks, std::span<const std::vector<double>> sums);

}  // namespace coppice
