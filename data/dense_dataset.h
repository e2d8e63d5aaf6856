// Images kept as bytes and features kept as floats: the two datasets whose examples are rows of equal size.
#pragma once

#include <memory>
#include <optional>

#include "core/digest.h"
#include "data/dataset.h"
#include "data/rows.h"

namespace coppice {

// pixels: [N, H, W, C] bytes. A read looks each byte up in a table of the 256 normalised values of its channel, so it
// gives the same bits everywhere and costs one load and one store a value. `inputs`: the digest of the pixels where
// already known.
std::shared_ptr<const Dataset> make_images(ExampleSpec spec, Rows pixels, Annotations annotations,
                                           std::optional<Digest> inputs = {});

// values: [N, F] float32.
std::shared_ptr<const Dataset> make_features(ExampleSpec spec, Rows values, Annotations annotations,
                                             std::optional<Digest> inputs = {});

}  // namespace coppice
