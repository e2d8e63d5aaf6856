#include <cmath>

#include <nlohmann/json.hpp>

#include "coordinator/report/base64.h"
#include "coordinator/report/run_summary.h"

namespace coppice {
namespace {

using Json = nlohmann::ordered_json;

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json numbers(const std::map<std::string, double>& values) {
  Json map = Json::object();
  for (const auto& [key, value] : values) map[key] = number(value);
  return map;
}

Json variant_json(const VariantFigures& variant) {
  Json json = {{"name", variant.name},
               {"accuracy", number(variant.accuracy)},
               {"loss", number(variant.loss)},
               {"metrics", numbers(variant.metrics)},
               {"parameters", variant.parameters},
               {"flops", variant.flops}};
  json["file_bytes"] = variant.file_bytes ? Json(*variant.file_bytes) : Json(nullptr);
  json["latency_ms"] = Json::object();
  for (const auto& [batch, milliseconds] : variant.latency_ms) {
    json["latency_ms"][std::to_string(batch)] = number(milliseconds);
  }
  if (!variant.artifact.empty()) json["artifact"] = variant.artifact;
  return json;
}

Json picture_json(const MaskPicture& picture) {
  if (picture.form == MaskPicture::Form::kUnits) {
    std::string text;
    for (const std::uint8_t shade : picture.shades) text += shade != 0 ? '1' : '0';
    return text;
  }
  Json json = {{"rows", picture.rows}, {"columns", picture.columns}};
  if (picture.form == MaskPicture::Form::kShades) {
    json["shades"] = to_base64(picture.shades);
    return json;
  }
  std::vector<std::uint8_t> bytes((picture.shades.size() + 7) / 8, 0);
  for (std::size_t i = 0; i < picture.shades.size(); ++i) {
    if (picture.shades[i] != 0) bytes[i / 8] = static_cast<std::uint8_t>(bytes[i / 8] | 1U << (i % 8));
  }
  json["bits"] = to_base64(bytes);
  return json;
}

Json mask_json(const MaskFigures& mask) {
  Json layers = Json::array();
  for (const LayerKept& layer : mask.layers) {
    Json json = {{"name", layer.name}, {"kind", layer.kind}, {"kept", layer.kept}, {"total", layer.total}};
    if (layer.picture.form != MaskPicture::Form::kNone) json["picture"] = picture_json(layer.picture);
    layers.push_back(std::move(json));
  }
  return {{"pattern", mask.pattern}, {"density", number(mask.density)}, {"digest", mask.digest}, {"layers", layers}};
}

Json fusion_json(const FusionFigures& fusion) {
  Json candidates = Json::array();
  for (const FusionCandidate& candidate : fusion.candidates) {
    candidates.push_back({{"name", candidate.name},
                          {"select_loss", number(candidate.select_loss)},
                          {"select_accuracy", number(candidate.select_accuracy)}});
  }
  return {{"chosen", fusion.chosen}, {"candidates", candidates}};
}

Json devices_json(const DeviceFigures& devices) {
  Json profiles = Json::array();
  for (const DeviceFigures::Profile& profile : devices.profiles) {
    profiles.push_back({{"name", profile.name},
                        {"clients", profile.clients},
                        {"took_part", profile.took_part},
                        {"too_small", profile.too_small},
                        {"unreachable", profile.unreachable}});
  }
  return {{"seconds", number(devices.seconds)},
          {"joules", number(devices.joules)},
          {"profiles", profiles},
          {"time_to_accuracy", numbers(devices.time_to_accuracy)}};
}

}  // namespace

std::string to_json_text(const RunSummary& summary) {
  Json json = {{"name", summary.name},
               {"seed", summary.seed},
               {"config_digest", summary.config_digest},
               {"fingerprint", summary.fingerprint}};
  if (!summary.model_family.empty()) json["model"] = {{"family", summary.model_family}};
  json["data"] = {{"name", summary.data.name}, {"note", summary.data.note}, {"clients", summary.data.clients}};
  if (!summary.data.classes.empty()) json["data"]["classes"] = summary.data.classes;
  json["variants"] = Json::array();
  for (const VariantFigures& variant : summary.variants) json["variants"].push_back(variant_json(variant));
  json["traffic"] = {{"bytes_down_per_client", number(summary.traffic.bytes_down_per_client)},
                     {"bytes_up_per_client", number(summary.traffic.bytes_up_per_client)},
                     {"dense_bytes_per_client", number(summary.traffic.dense_bytes_per_client)}};
  const ClientCostFigures& client = summary.client;
  if (std::isfinite(client.flops) || std::isfinite(client.live_bytes) || std::isfinite(client.peak_bytes)) {
    json["client"] = {{"flops", number(client.flops)},
                      {"live_bytes", number(client.live_bytes)},
                      {"peak_bytes", number(client.peak_bytes)}};
  }
  if (std::isfinite(summary.coordinator_flops)) json["coordinator_flops"] = summary.coordinator_flops;
  if (summary.devices) json["devices"] = devices_json(*summary.devices);
  if (!summary.level_bytes.empty()) json["level_bytes"] = numbers(summary.level_bytes);
  if (!summary.warnings.empty()) json["warnings"] = summary.warnings;
  json["seconds"] = numbers(summary.seconds);
  json["peak_memory_bytes"] = summary.peak_memory_bytes;
  json["threads"] = summary.threads;
  json["ranks"] = summary.ranks;
  if (summary.mask) json["mask"] = mask_json(*summary.mask);
  if (summary.fusion) json["fusion"] = fusion_json(*summary.fusion);
  if (const auto& personal = summary.personal) {
    json["personal"] = {{"accuracy", number(personal->accuracy)},
                        {"loss", number(personal->loss)},
                        {"density", number(personal->density)},
                        {"clients", personal->clients},
                        {"samples", personal->samples}};
  }
  for (const ClientFigures& one : summary.per_client) {
    json["per_client"].push_back({{"client", one.client},
                                  {"samples", one.samples},
                                  {"accuracy", number(one.accuracy)},
                                  {"loss", number(one.loss)}});
  }
  if (!summary.confusion.empty()) json["confusion"] = summary.confusion;
  for (const CalibrationBin& bin : summary.calibration) {
    json["calibration"]["bins"].push_back(
        {{"count", bin.count}, {"confidence", number(bin.confidence)}, {"accuracy", number(bin.accuracy)}});
  }
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace coppice
