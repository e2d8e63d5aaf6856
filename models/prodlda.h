// ProdLDA, a topic model of bags of words: a variational autoencoder whose decoder is a product of experts.
//
// Srivastava & Sutton 2017 (AVITM, arXiv 1703.01488), sections 3.2 to 4. For a document with counts x of V words, n = sum x, and
// K topics,
//   h = softplus of linear layers (x);  m, s = BN(linear(h)), BN(linear(h));  z = m + exp(s / 2) * noise;  theta = softmax(z)
//   log p = log_softmax(BN(theta beta))                                         section 4, a product of experts
//   KL = 1/2 sum_k [(exp(s_k) + m_k^2) / v - 1 + log v - s_k],  v = (1 - 1/K) / alpha
//                                  eq. 5 and 7: against the Laplace approximation of a symmetric Dirichlet(alpha)
// What comes out for each word is what one occurrence of it costs in nats, [B, V] = -log p + KL / n, so that the sum over a document's words
// is the negative of its evidence bound (LossKind::kWordCosts). Batch norms have a shift and no scale, as published.
//
// The noise comes with the batch (BagOfWords::noise_BK); without it z is m: so are scores, evaluation and batch-norm recalibration taken.
// Deviations: no dropout; linear layers in front of a batch norm carry no bias (its gradient is identically zero). Units: the encoder's hidden neurons; topics and words stay.
// Tensors: "encoder.<l>.{weight,bias}", "{mean,logvar}.weight", "topics.weight" [V, K], "<mean,logvar,topics>_bn.{bias,running_mean,running_var}".
#pragma once

#include <memory>

#include "models/model.h"

namespace coppice {

// Throws InputError on a config without positive sizes, or with less than 2 topics.
std::unique_ptr<Model> make_prodlda(const ProdLdaConfig& config);

}  // namespace coppice
