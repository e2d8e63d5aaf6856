#include "models/graph/graph_model.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <mutex>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>

#include "core/error.h"
#include "core/file.h"
#include "models/graph/archive.h"
#include "models/graph/canonical.h"
#include "models/graph/executable.h"
#include "models/graph/exported_program.h"
#include "models/graph/units.h"
#include "models/initial_weights.h"
#include "models/shape_text.h"

namespace coppice {
namespace {

using graph::Program;
using graph::ValueId;

std::string shape_text_of(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t d = 0; d < shape.size(); ++d)
    text += (d > 0 ? ", " : "") + (shape[d] == graph::kDynamic ? std::string("any") : std::to_string(shape[d]));
  return text + "]";
}

bool fits(at::IntArrayRef found, const std::vector<std::int64_t>& expected) {
  bool fits = found.size() == expected.size();
  for (std::size_t d = 0; fits && d < expected.size(); ++d) fits = expected[d] == graph::kDynamic || expected[d] == found[d];
  return fits;
}

class GraphModel final : public Model {
 public:
  explicit GraphModel(const GraphConfig& config) : config_(config), program_(config.program), executable_(*program_) {
    for (const ValueId param : program_->params) base_->add(program_->name(param), program_->shape(param));
    for (const graph::Moments& m : program_->moments) {
      moments_->add(program_->name(m.mean), program_->shape(m.mean));
      moments_->add(program_->name(m.variance), program_->shape(m.variance));
    }
  }

  const ModelConfig& config() const override { return config_; }
  std::shared_ptr<const ArenaLayout> base_layout() const override { return base_; }
  std::shared_ptr<const ArenaLayout> moments_layout() const override { return moments_; }
  int num_blocks() const override { return 1; }

  at::Tensor forward_block(int /*index*/, const at::Tensor& x, const Weights& weights, Tap& tap, Mode mode) const override {
    if (!fits(x.sizes(), program_->shape(program_->input))) {
      throw InputError("model graph: found a batch of " + shape_text(x.sizes()) + "; expected " +
                       shape_text_of(program_->shape(program_->input)));
    }
    const at::Tensor logits = executable_.run(x, weights, tap, mode);
    return logits.dim() == 2 ? logits.to(at::kFloat) : logits;
  }

  PrunableStructure structure() const override { return units().structure(); }
  Cost cost(std::span<const std::int64_t> widths) const override { return units().cost(widths); }
  ModelConfig sliced_config(std::span<const std::uint8_t> kept) const override {
    return GraphConfig{.path = {}, .program = std::make_shared<const Program>(units().without(kept))};
  }

  void initialise(const Arena& base, const Arena& moments, Seed seed) const override {
    for (int i = 0; i < base.layout().size(); ++i) {
      const bool matrix = base.layout()[i].shape.size() > 1;
      if (matrix) fill_normal(base, i, seed, kReluGain);
      if (!matrix) fill_constant(base, i, base.layout()[i].name.ends_with("weight") ? 1.0F : 0.0F);
    }
    for (int i = 0; i < moments.layout().size(); ++i) fill_constant(moments, i, i % 2 == 0 ? 0.0F : 1.0F);
  }

  const graph::Executable& executable() const { return executable_; }

 private:
  const graph::Units& units() const {
    std::call_once(once_, [this] { units_ = std::make_unique<const graph::Units>(*program_); });
    return *units_;
  }

  ModelConfig config_;
  std::shared_ptr<const Program> program_;
  graph::Executable executable_;
  std::shared_ptr<ArenaLayout> base_ = std::make_shared<ArenaLayout>();
  std::shared_ptr<ArenaLayout> moments_ = std::make_shared<ArenaLayout>();
  mutable std::once_flag once_;
  mutable std::unique_ptr<const graph::Units> units_;
};

void fill(const Arena& arena, const std::map<std::string, graph::StoredValues>& values, const std::string& where) {
  for (int i = 0; i < arena.layout().size(); ++i) {
    const ArenaEntry& entry = arena.layout()[i];
    const auto& [bytes, transposed] = values.at(entry.name);
    const std::span<float> out = arena.floats(i);
    if (transposed) {
      auto* stored = const_cast<std::byte*>(bytes.data());  // only read from
      std::vector<float> aligned(out.size());
      std::memcpy(aligned.data(), stored, bytes.size());
      arena.view(i).copy_(at::from_blob(aligned.data(), {entry.shape[1], entry.shape[0]}, at::TensorOptions().dtype(at::kFloat)).t());
    } else if (!bytes.empty()) {
      std::memcpy(out.data(), bytes.data(), bytes.size());
    }
    if (!std::all_of(out.begin(), out.end(), [](float v) { return std::isfinite(v); })) {
      throw InputError(where + ": tensor " + coppice::quoted(entry.name) + " holds a value that is not finite");
    }
  }
}

// One pass over zeros: what the graph says of its shapes must be so.
void check_shapes(const Program& program, const GraphModel& model, const ModelState& state, const std::string& where) {
  constexpr std::int64_t kMade = 2;  // for each size that the batch decides
  std::vector<std::int64_t> shape = program.shape(program.input);
  std::replace(shape.begin(), shape.end(), graph::kDynamic, kMade);
  const at::Tensor x = at::zeros(shape, at::TensorOptions().dtype(program.input_dtype == DType::kI64 ? at::kLong : at::kFloat));
  const at::NoGradGuard no_grad;
  Tap tap;
  try {
    model.executable().run(x, state.weights(), tap, Mode::kEval, [&](ValueId value, const at::Tensor& made) {
      if (!fits(made.sizes(), program.shape(value))) {
        throw InputError("found shape " + shape_text(made.sizes()) + "; the file says " + shape_text_of(program.shape(value)));
      }
    });
  } catch (Error& error) {
    error.within(where);
    throw;
  }
}

}  // namespace

std::unique_ptr<Model> make_graph_model(const GraphConfig& config) {
  if (config.program != nullptr) return std::make_unique<GraphModel>(config);
  return std::make_unique<GraphModel>(std::get<GraphConfig>(read_graph_file(config.path).config));
}

ModelState read_graph_file(const std::string& path) {
  const MappedFile file(path);
  graph::ImportedProgram imported = graph::canonical(graph::read_exported_program(graph::Archive(path, file.bytes())), path);
  const GraphConfig config{.path = {}, .program = std::make_shared<const Program>(std::move(imported.program))};
  std::unique_ptr<GraphModel> model;
  try {
    model = std::make_unique<GraphModel>(config);
  } catch (Error& error) {
    error.within(path);
    throw;
  }
  ModelState state{config, Arena("base", model->base_layout()), Arena("moments", model->moments_layout())};
  fill(state.base, imported.values, path);
  fill(state.moments, imported.values, path);
  check_shapes(*config.program, *model, state, path);
  return state;
}

}  // namespace coppice
