// Small changes of training images that leave what they show as it is.
//
// Every draw is of (run, round, client, epoch, example, step) alone: the same on any number of ranks, in any order, after any resume,
// and for models that are trained side by side. It is done on a batch that was read, hence after normalisation; only training
// reads through it: scores, evaluation and batch-norm statistics see images as they are.
#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "core/config.h"
#include "core/seed.h"
#include "data/dataset.h"

namespace coppice {

// A window as large as the image out of the image with a black frame (He et al. 2016, section 4.2): the image shifted by up to
// `padding` pixels each way. 0 changes nothing.
struct CropAugment {
  static constexpr const char* kName = "crop";
  std::int64_t padding = 4;
  void visit(FieldVisitor& v) {
    v.field("padding", padding, "width of the black frame: the most that an image is shifted by, each way", at_least(0));
  }
};

// Left and right exchanged in one half of the cases.
struct FlipAugment {
  static constexpr const char* kName = "flip";
  void visit(FieldVisitor&) {}
};

// A square of the mean colour, centred anywhere in the image and cut at its edges (cutout, DeVries & Taylor 2017). 0 changes nothing.
struct EraseAugment {
  static constexpr const char* kName = "erase";
  std::int64_t side = 8;
  void visit(FieldVisitor& v) { v.field("side", side, "of the square, in pixels", at_least(0)); }
};

using AugmentConfig = std::variant<CropAugment, FlipAugment, EraseAugment>;

class Augmenter {
 public:
  Augmenter() = default;  // changes nothing
  // Steps are done in their order. Throws InputError where the examples are no images, or are smaller than a step's size.
  Augmenter(std::vector<AugmentConfig> steps, const ExampleSpec& spec);

  bool empty() const { return steps_.empty(); }

  // x: [B, H, W, C] of `examples`, as Dataset::read_inputs yields them; changed in place. `seed` carries run, round and client. Cost: a
  // copy of each image a step.
  void apply(Seed seed, std::int64_t epoch, std::span<const std::int64_t> examples, float* x_BHWC) const;

 private:
  std::vector<AugmentConfig> steps_;
  std::int64_t height_ = 0, width_ = 0, channels_ = 0;
  std::vector<float> black_C_, mean_C_;  // after normalisation
};

}  // namespace coppice
