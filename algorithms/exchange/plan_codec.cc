#include "algorithms/exchange/plan_codec.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "algorithms/exchange/plan_checks.h"
#include "algorithms/taps/masked_lora.h"
#include "comm/wire/frame_layout.h"
#include "comm/wire/positions.h"
#include "core/config_yaml.h"
#include "core/error.h"
#include "core/exponent.h"
#include "models/config_json.h"
#include "models/support.h"

namespace coppice {
namespace {

constexpr std::string_view kMask = "mask/";
constexpr std::string_view kDelta = "mask-delta/";

std::string to_hex(std::uint64_t value) {
  char text[17];
  const auto end = std::to_chars(text, text + 16, value, 16).ptr;
  return {text, end};
}

std::uint64_t from_hex(const std::string& text, const char* what) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw InputError(std::string("plan: ") + what + ": found '" + text + "'; expected hexadecimal digits");
  }
  return value;
}

// The settings of a plan, in the form of a config.
struct PlanBody {
  std::string model;
  std::string stage;
  std::string run;
  std::int64_t seed_round = 0;
  LossKind loss = LossKind::kCrossEntropy;
  bool probe = false;
  bool individual = false;
  std::vector<std::int64_t> cohort;
  std::vector<Task> tasks;
  std::string mask;
  bool shadows = false;
  std::string frozen;
  std::string teacher, teacher_model;
  std::string origin;
  bool personal = false;
  std::vector<std::string> variants, variant_masks;
  std::vector<std::int64_t> variant_moments;  // 1 where the variant brings running statistics
  std::vector<std::string> exponent_blocks, store_versions;
  std::vector<std::int64_t> exponents, store_clients;
  std::vector<std::int64_t> assigned_clients, assigned_variants;

  void visit(FieldVisitor& v) {
    v.field("model", model, "config of the model");
    v.field("stage", stage, "name of the stage");
    v.field("run", run, "run of the seed, hexadecimal");
    v.field("seed_round", seed_round, "round of the seed", within(0, std::numeric_limits<std::uint32_t>::max()));
    v.choice("loss", loss, {"cross_entropy", "binary", "squared_error", "word_costs"}, "loss");
    v.field("probe", probe, "histograms of exponents only");
    v.field("individual", individual, "single reports too");
    v.field("cohort", cohort, "clients", at_least(0));
    v.list("tasks", tasks, "tasks");
    v.field("mask", mask, "digest");
    v.field("frozen", frozen, "digest of the values, where they travel once");
    v.field("teacher", teacher, "digest");
    v.field("teacher_model", teacher_model, "its config");
    v.field("origin", origin, "digest");
    v.field("personal", personal, "masks are the clients' own");
    v.field("shadows", shadows, "values where the mask drops, too");
    v.field("variants", variants, "names");
    v.field("variant_masks", variant_masks, "digests");
    v.field("variant_moments", variant_moments, "flags");
    v.field("assigned_clients", assigned_clients, "clients", at_least(0));
    v.field("assigned_variants", assigned_variants, "of the clients", at_least(0));
    v.field("exponent_blocks", exponent_blocks, "names");
    v.field("exponents", exponents, "of the blocks", within(-kMostExponent, kMostExponent));
    v.field("store_clients", store_clients, "clients", at_least(0));
    v.field("store_versions", store_versions, "of the clients, hexadecimal");
  }
};

std::string digest_text(const std::shared_ptr<const Mask>& mask) { return mask ? mask->digest().hex() : ""; }

// What the plan's weights travel on; null: all.
const Mask* support_of(const RoundPlan& plan) { return plan.shadows ? nullptr : plan.mask.get(); }

PlanBody body_of(const RoundPlan& plan) {
  PlanBody body;
  body.model = model_config_to_json(plan.values->config);
  body.stage = plan.stage;
  body.run = to_hex(plan.seed.run);
  body.seed_round = plan.seed.round;
  body.loss = plan.loss;
  body.probe = plan.probe;
  body.individual = plan.individual_reports;
  body.cohort = plan.cohort;
  body.tasks = plan.tasks;
  body.mask = digest_text(plan.mask);
  body.shadows = plan.shadows;
  if (plan.frozen) body.frozen = plan.frozen->hex();
  if (plan.teacher.values) {
    body.teacher = plan.teacher.digest.hex();
    body.teacher_model = model_config_to_json(plan.teacher.values->config);
  }
  if (plan.origin.values) body.origin = plan.origin.digest.hex();
  body.personal = plan.personal;
  for (const Variant& variant : plan.variants) {
    body.variants.push_back(variant.name);
    body.variant_masks.push_back(digest_text(variant.mask));
    body.variant_moments.push_back(variant.moments ? 1 : 0);
  }
  for (const auto& [client, variant] : plan.assignment) {
    body.assigned_clients.push_back(client);
    body.assigned_variants.push_back(variant);
  }
  for (const auto& [block, exponent] : plan.exponents) {
    body.exponent_blocks.push_back(block);
    body.exponents.push_back(exponent);
  }
  for (const auto& [client, version] : plan.store_versions) {
    body.store_clients.push_back(client);
    body.store_versions.push_back(to_hex(version));
  }
  return body;
}

Block dense_block(const std::string& name, const std::vector<std::int64_t>& shape, std::span<const float> values) {
  const auto bytes = std::as_bytes(values);
  Block block;
  block.name = name;
  block.shape = shape;
  block.values.assign(bytes.begin(), bytes.end());
  return block;
}

void put_arena(const std::string& prefix, const Arena& arena, const Mask* mask, std::vector<Block>& blocks) {
  for (int i = 0; i < arena.layout().size(); ++i) {
    const ArenaEntry& entry = arena.layout()[i];
    if (mask == nullptr || mask->keeps_all(i)) {
      blocks.push_back(dense_block(prefix + entry.name, entry.shape, arena.floats(i)));
      continue;
    }
    std::vector<float> kept;
    gather_kept(arena.floats(i), mask->bits(i), kept);
    blocks.push_back(dense_block(prefix + entry.name, entry.shape, kept));
    blocks.back().layout = Layout::kOnSupport;
  }
}

void put_model(const std::string& prefix, const ModelState& model, const Mask* support, std::vector<Block>& blocks) {
  put_arena(prefix + "base/", model.base, support, blocks);
  put_arena(prefix + "moments/", model.moments, nullptr, blocks);
}

// A model that travels once.
void put_frozen(const std::string& prefix, const FrozenModel& frozen, PlanCache& known, std::vector<Block>& blocks) {
  if (!frozen.values || known.find_model(frozen.digest)) return;
  put_model(prefix, *frozen.values, nullptr, blocks);
  known.add_model(frozen.digest, frozen.values);
}

// One mask the receiver does not know: each bitmap, or its flips against the latest mask where it has that tensor too.
void put_mask(const Mask& mask, const Mask* previous, std::vector<Block>& blocks) {
  const std::string digest = mask.digest().hex() + "/";
  const std::vector<Block> old = previous != nullptr ? previous->to_blocks() : std::vector<Block>{};
  for (Block& block : mask.to_blocks()) {
    const auto same = std::find_if(old.begin(), old.end(), [&](const Block& o) {
      return o.name == block.name && o.values.size() == block.values.size();
    });
    if (same != old.end()) {
      block.values = encode_mask_delta(same->values, block.values, static_cast<std::int64_t>(block.values.size()) * 8);
      block.shape = {static_cast<std::int64_t>(block.values.size())};
    }
    block.name = std::string(same != old.end() ? kDelta : kMask) + digest + block.name;
    blocks.push_back(std::move(block));
  }
}

// All masks of the plan that `known` lacks, in the order in which read_mask asks for them; `known` has them afterwards.
void put_masks(const RoundPlan& plan, PlanCache& known, std::vector<Block>& blocks) {
  const auto put = [&](const std::shared_ptr<const Mask>& mask) {
    if (!mask || known.find(mask->digest())) return;
    put_mask(*mask, known.latest().get(), blocks);
    known.add(mask);
  };
  put(plan.mask);
  for (const Variant& variant : plan.variants) put(variant.mask);
}

const Block& required(const Envelope& envelope, const std::string& name) {
  for (const Block& block : envelope.blocks) {
    if (block.name == name) return block;
  }
  throw InputError("plan " + std::to_string(envelope.plan_id) + ": lacks the block '" + name + "'");
}

// Every block is checked before anything of the layout's size is made.
Arena read_arena(const Envelope& envelope, const std::string& prefix, const Mask* mask, const char* name,
                 std::shared_ptr<const ArenaLayout> layout) {
  std::vector<const Block*> blocks;
  for (int i = 0; i < layout->size(); ++i) {
    const ArenaEntry& entry = (*layout)[i];
    const Block& block = required(envelope, prefix + entry.name);
    const bool masked = mask != nullptr && !mask->keeps_all(i);
    if (masked && mask->bits(i).size() != entry.numel) {
      throw InputError("plan: the mask of '" + entry.name + "' belongs to another model");
    }
    const std::int64_t expected = masked ? mask->bits(i).count() : entry.numel;
    if (block.dtype != DType::kF32 || block.num_values() != expected || block.shape != entry.shape ||
        block.layout != (masked ? Layout::kOnSupport : Layout::kDense)) {
      throw InputError("plan: block '" + block.name + "': found " + std::to_string(block.num_values()) +
                       " values; expected " + std::to_string(expected) + " float32");
    }
    blocks.push_back(&block);
  }
  Arena arena(name, std::move(layout));
  for (int i = 0; i < arena.layout().size(); ++i) {
    const Block& block = *blocks[static_cast<std::size_t>(i)];
    const std::span values(reinterpret_cast<const float*>(block.values.data()),
                           static_cast<std::size_t>(block.num_values()));
    if (block.layout == Layout::kOnSupport) {
      scatter_kept(values, mask->bits(i), arena.floats(i));
    } else {
      std::copy(values.begin(), values.end(), arena.floats(i).begin());
    }
  }
  return arena;
}

ModelState read_model(const Envelope& envelope, const std::string& prefix, const Model& model, const Mask* support) {
  return {model.config(), read_arena(envelope, prefix + "base/", support, "base", model.base_layout()),
          read_arena(envelope, prefix + "moments/", nullptr, "moments", model.moments_layout())};
}

// A model that travels once, by its digest.
std::shared_ptr<const ModelState> read_frozen(const Envelope& envelope, const std::string& prefix, const std::string& hex,
                                              const Model& model, const Mask* support, PlanCache& known) {
  const Digest digest = Digest::from_hex(hex);
  std::shared_ptr<const ModelState> values = known.find_model(digest);
  if (values && !(values->base.layout() == *model.base_layout())) throw InputError("plan: a frozen model has another layout");
  if (values) return values;
  values = std::make_shared<const ModelState>(read_model(envelope, prefix, model, support));
  if (values->digest() != digest) {
    throw InputError("plan: a model of digest " + values->digest().short_hex() + " came as " + hex.substr(0, 12));
  }
  known.add_model(digest, values);
  return values;
}

FrozenModel read_teacher(const Envelope& envelope, const PlanBody& body, PlanCache& known) {
  if (body.teacher.empty()) return {};
  const auto model = make_model(model_config_from_json(body.teacher_model, "plan"));
  return {read_frozen(envelope, "teacher/", body.teacher, *model, nullptr, known), Digest::from_hex(body.teacher)};
}

std::shared_ptr<const Arena> read_adapters(const Envelope& envelope, const std::vector<Task>& tasks, const Model& model) {
  for (const Task& task : tasks) {
    const auto* training = std::get_if<TrainTask>(&task);
    const auto* lora = training != nullptr ? std::get_if<LoraConfig>(&training->adapter) : nullptr;
    if (lora == nullptr) continue;
    auto layout = lora_layout(*model.base_layout(), adapted_weights(*lora, model), lora->rank);
    return std::make_shared<const Arena>(read_arena(envelope, "adapter/", nullptr, "adapter", std::move(layout)));
  }
  return nullptr;
}

void read_assignment(const PlanBody& body, RoundPlan& plan) {
  for (std::size_t i = 0; i < body.assigned_clients.size(); ++i) {
    const auto variant = static_cast<std::size_t>(body.assigned_variants[i]);
    if (variant >= plan.variants.size() || !plan.variants[variant].mask) {
      throw InputError("plan: assigned_variants: found " + std::to_string(variant) + "; expected one of " +
                       std::to_string(plan.variants.size()) + " variants with a mask");
    }
    plan.assignment[body.assigned_clients[i]] = body.assigned_variants[i];
  }
  for (const std::int64_t client : plan.cohort) {
    if (!plan.assignment.empty() && !plan.assignment.contains(client)) {
      throw InputError("plan: assigned_clients: found none for client " + std::to_string(client) + " of the cohort");
    }
  }
}

void check_reference(const Block& block) {
  if (block.name == kAgreementReference && (block.dtype != DType::kF64 || block.layout != Layout::kDense)) {
    throw InputError("plan: block '" + block.name + "': found " + name_of(block.dtype) + "; expected dense " +
                     name_of(DType::kF64));
  }
}

std::shared_ptr<const Mask> read_mask(const Envelope& envelope, const std::string& digest, const Model& model,
                                      PlanCache& known) {
  if (digest.empty()) return nullptr;
  if (auto mask = known.find(Digest::from_hex(digest))) return mask;
  const std::vector<Block> old = known.latest() ? known.latest()->to_blocks() : std::vector<Block>{};
  std::vector<Block> blocks;
  for (const Block& block : envelope.blocks) {
    const std::string whole = std::string(kMask) + digest + "/";
    const std::string delta = std::string(kDelta) + digest + "/";
    if (block.name.starts_with(whole)) {
      blocks.push_back(block);
      blocks.back().name = block.name.substr(whole.size());
    } else if (block.name.starts_with(delta)) {
      const std::string name = block.name.substr(delta.size());
      const auto same = std::find_if(old.begin(), old.end(), [&](const Block& o) { return o.name == name; });
      if (same == old.end()) throw InputError("plan: '" + block.name + "' refers to a mask that was never sent");
      if (block.dtype != DType::kU8 || block.layout != Layout::kDense ||
          block.shape != std::vector{block.num_values()}) {
        throw InputError("plan: block '" + block.name + "': found " + name_of(block.dtype) +
                         "; expected one dense row of " + name_of(DType::kU8));
      }
      blocks.push_back(*same);
      blocks.back().values =
          apply_mask_delta(same->values, block.values, static_cast<std::int64_t>(same->values.size()) * 8);
    }
  }
  auto mask = std::make_shared<const Mask>(Mask::from_blocks(model.base_layout(), model.structure(), blocks));
  if (mask->digest().hex() != digest) {
    throw InputError("plan: a mask of digest " + mask->digest().short_hex() + " came as " + digest.substr(0, 12));
  }
  known.add(mask);
  return mask;
}

}  // namespace

Envelope encode_plan(const RoundPlan& plan, PlanCache& known) {
  Envelope envelope;
  envelope.kind = MessageKind::kPlan;
  envelope.run_id = plan.run_id;
  envelope.plan_id = plan.id;
  envelope.round = static_cast<std::uint32_t>(plan.round);
  if (plan.mask) envelope.mask_digest = plan.mask->digest();
  PlanBody body = body_of(plan);
  envelope.body = write_yaml([&body](FieldVisitor& v) { body.visit(v); });
  put_masks(plan, known, envelope.blocks);
  if (!plan.frozen || !known.find_model(*plan.frozen)) put_model("", *plan.values, support_of(plan), envelope.blocks);
  if (plan.frozen) known.add_model(*plan.frozen, plan.values);
  if (plan.adapters) put_arena("adapter/", *plan.adapters, nullptr, envelope.blocks);
  put_frozen("teacher/", plan.teacher, known, envelope.blocks);
  put_frozen("origin/", plan.origin, known, envelope.blocks);
  for (std::size_t i = 0; i < plan.variants.size(); ++i) {
    if (!plan.variants[i].moments) continue;
    put_arena("variant/" + std::to_string(i) + "/", *plan.variants[i].moments, nullptr, envelope.blocks);
  }
  for (const auto& [name, block] : plan.references) envelope.blocks.push_back(block);
  return envelope;
}

RoundPlan decode_plan(const Envelope& envelope, PlanCache& known, const Extensions& extensions) {
  if (envelope.kind != MessageKind::kPlan) throw InputError("plan: the message is of another kind");
  PlanBody body;
  read_yaml_text("plan", envelope.body, {}, [&body](FieldVisitor& v) { body.visit(v); }, extensions);
  if (body.variants.size() != body.variant_masks.size() || body.variants.size() != body.variant_moments.size() ||
      body.exponents.size() != body.exponent_blocks.size() || body.store_clients.size() != body.store_versions.size() ||
      body.assigned_clients.size() != body.assigned_variants.size()) {
    throw InputError("plan: lists that belong together differ in length");
  }
  RoundPlan plan;
  plan.run_id = envelope.run_id;
  plan.id = envelope.plan_id;
  plan.round = envelope.round;
  plan.stage = body.stage;
  plan.seed = Seed{from_hex(body.run, "run"), static_cast<std::uint32_t>(body.seed_round), 0};
  plan.loss = body.loss;
  plan.probe = body.probe;
  plan.individual_reports = body.individual;
  plan.cohort = std::move(body.cohort);
  plan.tasks = std::move(body.tasks);
  for (std::size_t i = 0; i < body.exponents.size(); ++i) {
    plan.exponents[body.exponent_blocks[i]] = static_cast<int>(body.exponents[i]);
  }
  for (std::size_t i = 0; i < body.store_clients.size(); ++i) {
    plan.store_versions[body.store_clients[i]] = from_hex(body.store_versions[i], "store version");
  }
  const auto model = make_model(model_config_from_json(body.model, "plan"));
  check_tasks(plan.tasks, *model);
  plan.mask = read_mask(envelope, body.mask, *model, known);
  plan.shadows = body.shadows;
  if (envelope.mask_digest != (plan.mask ? plan.mask->digest() : Digest())) {
    throw InputError("plan: its blocks refer to mask " + envelope.mask_digest.short_hex() +
                     ", its settings to another");
  }
  if (body.frozen.empty()) {
    plan.values = std::make_shared<const ModelState>(read_model(envelope, "", *model, support_of(plan)));
  } else {
    plan.frozen = Digest::from_hex(body.frozen);
    plan.values = read_frozen(envelope, "", body.frozen, *model, support_of(plan), known);
  }
  plan.adapters = read_adapters(envelope, plan.tasks, *model);
  plan.teacher = read_teacher(envelope, body, known);
  check_teacher(plan, *model);
  plan.personal = body.personal;
  if (!body.origin.empty()) {
    plan.origin = {read_frozen(envelope, "origin/", body.origin, *model, nullptr, known), Digest::from_hex(body.origin)};
  }
  check_lottery(plan);
  for (std::size_t i = 0; i < body.variants.size(); ++i) {
    Variant variant{body.variants[i], read_mask(envelope, body.variant_masks[i], *model, known), nullptr};
    if (body.variant_moments[i] != 0) {
      variant.moments = std::make_shared<const Arena>(read_arena(
          envelope, "variant/" + std::to_string(i) + "/", nullptr, "moments", model->moments_layout()));
    }
    plan.variants.push_back(std::move(variant));
  }
  read_assignment(body, plan);
  for (const Block& block : envelope.blocks) {
    if (!block.name.starts_with("reference/") && !block.name.starts_with("control/")) continue;
    check_reference(block);
    plan.references[block.name] = block;
  }
  return plan;
}

std::uint64_t plan_bytes(const RoundPlan& plan, const std::shared_ptr<const Mask>& held, bool knows_frozen) {
  PlanBody body = body_of(plan);
  std::vector<BlockExtent> extents;
  std::vector<Block> masks;
  PlanCache known;
  if (held) known.add(held);
  put_masks(plan, known, masks);
  for (const Block& block : masks) extents.push_back(extent_of(block));
  const auto arena = [&](const std::string& prefix, const Arena& values, const Mask* mask) {
    for (int i = 0; i < values.layout().size(); ++i) {
      const ArenaEntry& entry = values.layout()[i];
      const std::int64_t count = mask == nullptr || mask->keeps_all(i) ? entry.numel : mask->bits(i).count();
      extents.push_back({prefix.size() + entry.name.size(), entry.shape.size(),
                         static_cast<std::size_t>(count) * sizeof(float), 0});
    }
  };
  const auto model = [&](const std::string& prefix, const ModelState& values, const Mask* support) {
    arena(prefix + "base/", values.base, support);
    arena(prefix + "moments/", values.moments, nullptr);
  };
  if (!plan.frozen || !knows_frozen) model("", *plan.values, support_of(plan));
  if (plan.adapters) arena("adapter/", *plan.adapters, nullptr);
  if (plan.teacher.values && !knows_frozen) model("teacher/", *plan.teacher.values, nullptr);
  if (plan.origin.values && !knows_frozen) model("origin/", *plan.origin.values, nullptr);
  for (std::size_t i = 0; i < plan.variants.size(); ++i) {
    if (plan.variants[i].moments) arena("variant/" + std::to_string(i) + "/", *plan.variants[i].moments, nullptr);
  }
  for (const auto& [name, block] : plan.references) extents.push_back(extent_of(block));
  return encoded_size(write_yaml([&body](FieldVisitor& v) { body.visit(v); }).size(), extents);
}

}  // namespace coppice
