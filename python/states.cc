#include "python/states.h"

#include <nanobind/stl/map.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include "core/error.h"
#include "models/shape_text.h"
#include "python/tensors.h"

namespace coppice {
namespace {

// What lies in a checkpoint's file is mapped read only: a write would end the process, so Python gets a copy.
nb::dict tensors_of(const Arena& arena) {
  nb::dict tensors;
  for (int i = 0; i < arena.layout().size(); ++i) {
    tensors[arena.layout()[i].name.c_str()] = torch_tensor(arena.in_file() ? arena.view(i).clone() : arena.view(i));
  }
  return tensors;
}

std::vector<double> numbers_of(nb::handle value) {
  const nb::object plain = nb::hasattr(value, "tolist") ? value.attr("tolist")() : nb::borrow(value);
  if (nb::isinstance<nb::int_>(plain) || nb::isinstance<nb::float_>(plain)) return {nb::cast<double>(nb::float_(plain))};
  return nb::cast<std::vector<double>>(plain);
}

struct TrackView {
  StateLease state;
  std::string name;
  Track& get() const { return state->get().track(name); }
};

nb::object mask_or_none(const std::shared_ptr<const Mask>& mask, const ArenaLayout& layout) {
  return mask ? nb::object(kept_weights(*mask, layout)) : nb::none();
}

void set_values(const TrackView& track, const SharedModel& model) {
  Track& held = track.get();
  if (!(model.state->base.layout() == held.values->base.layout())) {
    throw InputError("track '" + track.name + "': found values of another shape; expected those of the model in it");
  }
  if (held.mask) held.mask->apply_to(model.state->base);
  held.values = model.state;
}

void set_mask(const TrackView& track, const nb::object& kept) {
  Track& held = track.get();
  if (kept.is_none()) {
    held.mask = nullptr;
    return;
  }
  auto mask = mask_of(nb::cast<nb::dict>(kept), *held.values);
  ModelState values = held.values->clone();
  mask->apply_to(values.base);
  held.values = std::make_shared<const ModelState>(std::move(values));
  held.mask = std::move(mask);
}

void bind_model(nb::module_& m) {
  nb::class_<SharedModel>(m, "ModelState", "A model's weights. Tensors share its memory: write into those of a clone() alone.")
      .def_prop_ro("tensors", [](const SharedModel& self) { return tensors_of(self.state->base); },
                   "The trained tensors by name, on the memory of this object.", nb::sig("def tensors(self) -> dict[str, torch.Tensor]"))
      .def_prop_ro("moments", [](const SharedModel& self) { return tensors_of(self.state->moments); },
                   "Running statistics of batch norms by name, on the memory of this object.",
                   nb::sig("def moments(self) -> dict[str, torch.Tensor]"))
      .def_prop_ro("digest", [](const SharedModel& self) { return self.state->digest().hex(); })
      .def("clone", [](const SharedModel& self) { return SharedModel{std::make_shared<const ModelState>(self.state->clone())}; },
           "A copy to write into.")
      .def("norm", [](const SharedModel& self) { return std::sqrt(self.state->base.squared_norm()); },
           "L2 norm of the trained tensors, in double precision.");
}

void bind_track(nb::module_& m) {
  nb::class_<TrackView>(m, "Track", "One of the models that a run works on.")
      .def_prop_rw("values", [](const TrackView& self) { return SharedModel{self.get().values}; }, &set_values,
                   "The model's weights. What the mask drops is set to 0 in values that are put here.")
      .def_prop_rw("mask", [](const TrackView& self) { return mask_or_none(self.get().mask, self.get().values->base.layout()); }, &set_mask,
                   nb::for_setter(nb::arg("kept").none()),
                   nb::for_getter(nb::sig("def mask(self) -> dict[str, torch.Tensor] | None")),
                   nb::for_setter(nb::sig("def mask(self, kept: dict[str, torch.Tensor] | None) -> None")),
                   "Single weights that are kept, {tensor: bool tensor}; None: all.")
      .def_prop_ro("density", [](const TrackView& self) {
        const Track& track = self.get();
        return track.cut ? track.cut->density() : track.mask ? track.mask->density() : 1.0;
      }, "Kept fraction of what can be pruned.");
}

void bind_state(nb::module_& m) {
  nb::class_<Lease<State>>(m, "State", "Everything that changes during a run: what a checkpoint holds.")
      .def_prop_ro("stage", [](const Lease<State>& self) { return self.get().stage; }, "Index into the config's stages.")
      .def_prop_rw("step", [](const Lease<State>& self) { return self.get().step; },
                   [](Lease<State>& self, std::int64_t step) { self.get().step = step; }, "Of the stage, from 0; its meaning is the method's own.")
      .def_prop_ro("total_rounds", [](const Lease<State>& self) { return self.get().total_rounds; }, "Of all stages; the round of every seed.")
      .def_prop_ro("steps_done", [](const Lease<State>& self) { return self.get().steps_done; }, "Committed steps of all stages.")
      .def_prop_ro("tracks", [](const Lease<State>& self) {
        std::vector<std::string> names;
        for (const auto& [name, track] : self.get().tracks) names.push_back(name);
        return names;
      })
      .def("track", [](const StateLease& self, const std::string& name) {
        self->get().track(name);
        return TrackView{self, name};
      }, nb::arg("name") = kMainTrack)
      .def("numbers", [](const Lease<State>& self) {
        std::vector<std::string> names;
        for (const auto& [name, values] : self.get().numbers) names.push_back(name);
        return names;
      }, "Names of the extras.")
      .def("__contains__", [](const Lease<State>& self, const std::string& name) { return self.get().numbers.contains(name); })
      .def("__getitem__", [](const Lease<State>& self, const std::string& name) {
        const auto found = self.get().numbers.find(name);
        if (found == self.get().numbers.end()) throw nb::key_error(name.c_str());
        return float64_tensor(found->second);
      }, nb::sig("def __getitem__(self, name: str) -> torch.Tensor"), "An extra: a float64 vector that checkpoints carry.")
      .def("__setitem__", [](Lease<State>& self, const std::string& name, nb::handle value) { self.get().numbers[name] = numbers_of(value); },
           nb::sig("def __setitem__(self, name: str, value: float | collections.abc.Sequence[float] | torch.Tensor) -> None"))
      .def("__delitem__", [](Lease<State>& self, const std::string& name) {
        if (self.get().numbers.erase(name) == 0) throw nb::key_error(name.c_str());
      });
}

}  // namespace

nb::object float64_tensor(std::vector<double> values) {
  auto held = std::make_shared<std::vector<double>>(std::move(values));
  const auto size = static_cast<std::int64_t>(held->size());
  return torch_tensor(at::from_blob(held->data(), {size}, [held](void*) {}, at::TensorOptions().dtype(at::kDouble)));
}

nb::dict kept_weights(const Mask& mask, const ArenaLayout& layout) {
  nb::dict kept;
  for (int i = 0; i < layout.size(); ++i) {
    const at::Tensor tensor = at::empty(layout[i].shape, at::TensorOptions().dtype(at::kBool));
    auto* values = static_cast<bool*>(tensor.mutable_data_ptr());
    for (std::int64_t j = 0; j < layout[i].numel; ++j) values[j] = mask.keeps_all(i) || mask.bits(i)[j];
    kept[layout[i].name.c_str()] = torch_tensor(tensor);
  }
  return kept;
}

std::shared_ptr<const Mask> mask_of(const nb::dict& kept, const ModelState& values) {
  const ArenaLayout& layout = values.base.layout();
  std::map<ParamId, Bits> elements;
  for (const auto [key, value] : kept) {
    const auto name = nb::cast<std::string>(key);
    const int index = layout.find(name);
    if (index < 0) throw InputError("mask: found no tensor '" + name + "' in the model");
    const at::Tensor tensor = tensor_of(value, ("mask of '" + name + "'").c_str()).contiguous();
    if (tensor.sizes().vec() != layout[index].shape || tensor.scalar_type() != at::kBool) {
      throw InputError("mask of '" + name + "': found another shape or type; expected bool " + shape_text(layout[index].shape));
    }
    const auto* bits = static_cast<const bool*>(tensor.const_data_ptr());
    Bits packed(layout[index].numel, true);
    for (std::int64_t j = 0; j < layout[index].numel; ++j) {
      if (!bits[j]) packed.set(j, false);
    }
    if (packed.count() < layout[index].numel) elements.emplace(index, std::move(packed));
  }
  const auto model = make_model(values.config);
  return std::make_shared<const Mask>(Mask::of_elements(model->base_layout(), model->structure(), std::move(elements)));
}

void bind_states(nb::module_& m) {
  bind_model(m);
  bind_track(m);
  bind_state(m);
}

}  // namespace coppice
