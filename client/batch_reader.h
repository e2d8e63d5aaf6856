// From a data set's examples to the tensors a model consumes.
#pragma once

#include <cstdint>
#include <span>

#include "core/seed.h"
#include "data/augment.h"
#include "data/dataset.h"
#include "models/batch.h"
#include "models/losses.h"

namespace coppice {

// The loss that a data set's targets ask for.
LossKind loss_of(const ExampleSpec& spec);

// Reads examples into `batch`. Images become logical NCHW in channels-last memory, which is how data sets store them, so
// nothing is transposed.
void read_batch(const Dataset& dataset, std::span<const std::int64_t> indices, Batch& batch);

// Gives a batch of bags the draws of N(0, 1) that a model of `latents` samples by, none where that is 0. A draw is of (run, round, client,
// epoch, example, latent) alone, as those of data/augment.h are. `seed` carries run, round and client. Throws Error for other examples.
void add_noise(std::int64_t latents, Seed seed, std::int64_t epoch, std::span<const std::int64_t> indices, Batch& batch);

// Changes the images of a batch that was read (data/augment.h).
void augment_batch(const Augmenter& augmenter, Seed seed, std::int64_t epoch, std::span<const std::int64_t> indices, Batch& batch);

}  // namespace coppice
