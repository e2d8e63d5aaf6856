#include "coordinator/checkpoint.h"

#include <ATen/Parallel.h>

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/digest.h"
#include "core/error.h"
#include "core/file.h"
#include "core/strict_json.h"
#include "models/config_json.h"
#include "models/safetensors.h"
#include "models/state_file.h"

namespace coppice {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kManifest = "manifest.json";
constexpr int kFormat = 2;
constexpr std::uint64_t kMostManifestBytes = std::uint64_t{1} << 30;

void take(const std::string& prefix, const MappedSafetensors& file, const std::string& where, const Arena& arena) {
  for (int i = 0; i < arena.layout().size(); ++i) {
    const ArenaEntry& entry = arena.layout()[i];
    const TensorBytes* tensor = file.find(prefix + entry.name);
    if (tensor == nullptr || tensor->dtype != DType::kF32 || tensor->shape != entry.shape) {
      throw InputError(where + ": tensor '" + prefix + entry.name + "' is absent or has another shape");
    }
    if (!tensor->values.empty()) std::memcpy(arena.floats(i).data(), tensor->values.data(), tensor->values.size());
  }
}

std::string values_file(const ModelState& state) { return state_file_name(state.digest()); }
std::string arena_file(const Arena& arena) { return "arena-" + arena.digest().hex() + ".safetensors"; }
std::string mask_file(const Mask& mask) { return "mask-" + mask.digest().hex() + ".safetensors"; }

// The program, or the module of another program that this code was loaded with.
std::string file_of_this_code() {
  Dl_info info;
  link_map* module = nullptr;
  const auto here = reinterpret_cast<const void*>(&file_of_this_code);
  if (dladdr1(here, &info, reinterpret_cast<void**>(&module), RTLD_DL_LINKMAP) == 0 || *module->l_name == 0) return "/proc/self/exe";
  return module->l_name;
}

// 64-bit numbers as text: JSON readers may take them for doubles.
std::string text_of(std::uint64_t value) { return std::to_string(value); }

std::uint64_t number_of(const json& value, const std::string& where) {
  const std::string text = value.get<std::string>();
  std::size_t used = 0;
  const std::uint64_t number = std::stoull(text, &used);
  if (used != text.size()) throw InputError(where + ": found '" + text + "'; expected a whole number");
  return number;
}

}  // namespace

std::string Fingerprint::differences(const Fingerprint& other) const {
  std::string text;
  const auto compare = [&text](const char* what, const std::string& a, const std::string& b) {
    if (a != b) text += (text.empty() ? "" : ", ") + std::string(what) + " " + a + " -> " + b;
  };
  compare("program", binary.substr(0, 12), other.binary.substr(0, 12));
  compare("instruction set", instruction_set, other.instruction_set);
  compare("device", device, other.device);
  compare("threads", std::to_string(threads), std::to_string(other.threads));
  return text;
}

Fingerprint fingerprint_of_this_process() {
  const MappedFile program(file_of_this_code());
  const char* isa = __builtin_cpu_supports("avx512bf16") ? "avx512-bf16"
                    : __builtin_cpu_supports("avx512f")  ? "avx512"
                    : __builtin_cpu_supports("avx2")     ? "avx2"
                                                         : "x86-64";
  return {digest_of(program.bytes()).hex(), isa, "cpu", at::get_num_threads()};
}

Checkpoint::Checkpoint(std::string folder, std::string config_digest, Fingerprint fingerprint)
    : folder_(std::move(folder)), config_digest_(std::move(config_digest)), fingerprint_(std::move(fingerprint)) {}

bool Checkpoint::exists() const { return fs::exists(path(kManifest)); }

void Checkpoint::save(State& state) {
  fs::create_directories(folder_);
  std::set<std::string> named;
  const auto write_once = [&](const std::string& name, const auto& fill) {
    named.insert(name);
    if (!written_.contains(name)) {
      std::vector<TensorBytes> file;
      fill(file);
      write_safetensors(path(name), file);
    }
    return name;
  };
  const auto mask_entry = [&](const std::shared_ptr<const Mask>& mask) {
    if (!mask) return std::string();
    const std::vector<Block> blocks = mask->to_blocks();
    return write_once(mask_file(*mask), [&](std::vector<TensorBytes>& file) {
      for (const Block& block : blocks) file.push_back({block.name, block.dtype, block.shape, block.values});
    });
  };

  json tracks = json::object();
  for (auto& [name, track] : state.tracks) {
    json entry;
    entry["config"] = model_config_to_json(track.values->config);
    entry["values"] = write_once(values_file(*track.values), [&](std::vector<TensorBytes>& file) {
      put_state(*track.values, file);
    });
    track.values->base.set_aside();
    if (is_movable(track.values->base)) {
      if (auto moved = mapped_state(*track.values, path(entry["values"]))) track.values = std::move(moved);
    }
    entry["mask"] = mask_entry(track.mask);
    entry["cut"] = mask_entry(track.cut);
    if (track.cut) entry["cut_from"] = model_config_to_json(state.track(kDenseTrack).values->config);
    json slots = json::object();
    for (const auto& [slot, arena] : track.server) {
      slots[slot] = write_once(arena_file(*arena), [&, &kept = arena](std::vector<TensorBytes>& file) { put_arena("", *kept, file); });
    }
    entry["server"] = slots;
    tracks[name] = entry;
  }
  json versions = json::object();
  for (const auto& [client, version] : state.store_versions) versions[std::to_string(client)] = text_of(version);
  json held = json::object();
  for (const auto& [client, digest] : state.client_masks) held[std::to_string(client)] = digest;
  json models = json::object();
  for (const auto& [client, digest] : state.client_models) models[std::to_string(client)] = digest;
  const json manifest = {
      {"format", kFormat},
      {"config_digest", config_digest_},
      {"fingerprint",
       {{"binary", fingerprint_.binary},
        {"instruction_set", fingerprint_.instruction_set},
        {"device", fingerprint_.device},
        {"threads", fingerprint_.threads}}},
      {"run_id", text_of(state.run_id)},
      {"next_plan_id", text_of(state.next_plan_id)},
      {"stage", state.stage},
      {"step", state.step},
      {"total_rounds", state.total_rounds},
      {"steps_done", state.steps_done},
      {"tracks", tracks},
      {"numbers", state.numbers},
      {"texts", state.texts},
      {"exponents", state.exponents},
      {"store_versions", versions},
      {"client_masks", held},
      {"client_models", models},
  };
  write_file_atomically(path(kManifest), manifest.dump());
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const std::string name = entry.path().filename().string();
    if (name != kManifest && !named.contains(name)) fs::remove(entry.path());
  }
  written_ = std::move(named);
}

bool Checkpoint::would_move(const State& state) {
  return std::any_of(state.tracks.begin(), state.tracks.end(), [](const auto& track) { return is_movable(track.second.values->base); });
}

State Checkpoint::load(std::string& warning) {
  const std::string where = path(kManifest);
  const json manifest = parse_strict_json(read_text_file(where, kMostManifestBytes), where);
  try {
    if (manifest.at("format") != kFormat) {
      throw InputError(where + ": found format " + manifest.at("format").dump() + "; expected " + std::to_string(kFormat));
    }
    if (manifest.at("config_digest") != config_digest_) {
      throw InputError(where + ": is the checkpoint of another config (digest " +
                       manifest.at("config_digest").get<std::string>().substr(0, 12) + "; expected " +
                       config_digest_.substr(0, 12) + "); resume with the config.yaml beside it, or choose another --out");
    }
    const json& print = manifest.at("fingerprint");
    warning = Fingerprint{print.at("binary"), print.at("instruction_set"), print.at("device"), print.at("threads")}
                  .differences(fingerprint_);
    State state;
    state.run_id = number_of(manifest.at("run_id"), where);
    state.next_plan_id = number_of(manifest.at("next_plan_id"), where);
    state.stage = manifest.at("stage");
    state.step = manifest.at("step");
    state.total_rounds = manifest.at("total_rounds");
    state.steps_done = manifest.at("steps_done");
    state.numbers = manifest.at("numbers").get<decltype(state.numbers)>();
    state.texts = manifest.at("texts").get<decltype(state.texts)>();
    state.exponents = manifest.at("exponents").get<decltype(state.exponents)>();
    for (const auto& [client, version] : manifest.at("store_versions").items()) {
      state.store_versions[std::stoll(client)] = number_of(version, where);
    }
    for (const auto& [client, digest] : manifest.at("client_masks").items()) {
      state.client_masks[std::stoll(client)] = digest;
    }
    for (const auto& [client, digest] : manifest.at("client_models").items()) {
      state.client_models[std::stoll(client)] = digest;
    }
    const auto open = [&](const std::string& name) {
      if (name.find('/') != std::string::npos) throw InputError(where + ": tensor file '" + name + "' lies elsewhere");
      written_.insert(name);
      return path(name);
    };
    const auto mask_of = [&](const json& name, const Model& model) -> std::shared_ptr<const Mask> {
      if (name.get<std::string>().empty()) return nullptr;
      auto mask = std::make_shared<const Mask>(
          Mask::from_blocks(model.base_layout(), model.structure(), read_safetensors(open(name)).tensors));
      if (mask_file(*mask) != name) throw InputError(path(name) + ": does not hold what its name says; the file is damaged");
      return mask;
    };
    for (const auto& [name, entry] : manifest.at("tracks").items()) {
      const auto model = make_model(model_config_from_json(entry.at("config").get<std::string>(), where));
      ModelState values{model->config(), Arena("base", model->base_layout()), Arena("moments", model->moments_layout())};
      const std::string file_name = entry.at("values");
      const MappedSafetensors file(open(file_name));
      take("base/", file, path(file_name), values.base);
      take("moments/", file, path(file_name), values.moments);
      if (values_file(values) != file_name) {
        throw InputError(path(file_name) + ": does not hold what its name says; the file is damaged");
      }
      Track track;
      track.values = std::make_shared<const ModelState>(std::move(values));
      track.mask = mask_of(entry.at("mask"), *model);
      if (!entry.at("cut").get<std::string>().empty()) {
        track.cut = mask_of(entry.at("cut"),
                            *make_model(model_config_from_json(entry.at("cut_from").get<std::string>(), where)));
      }
      for (const auto& [slot, slot_file] : entry.at("server").items()) {
        const MappedSafetensors stored(open(slot_file));
        auto layout = std::make_shared<ArenaLayout>();
        for (const TensorBytes& tensor : stored.tensors()) layout->add(tensor.name, tensor.shape);
        // Arena names take part in digests; a slot is named as the method left it.
        Arena arena(slot.starts_with("adapter/") ? "adapter" : "base", std::move(layout));
        take("", stored, path(slot_file), arena);
        if (arena_file(arena) != slot_file) {
          throw InputError(path(slot_file) + ": does not hold what its name says; the file is damaged");
        }
        track.server[slot] = std::make_shared<const Arena>(std::move(arena));
      }
      state.tracks[name] = std::move(track);
    }
    return state;
  } catch (const json::exception& error) {
    throw InputError(where + ": " + error.what());
  } catch (const std::logic_error& error) {
    throw InputError(where + ": " + std::string(error.what()));
  }
}

}  // namespace coppice
