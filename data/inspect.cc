#include "data/inspect.h"

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "core/human_text.h"
#include "core/text_table.h"
#include "data/client_manifest.h"

namespace coppice {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostBars = 40;

std::vector<std::int64_t> no_counts(const Dataset& data) {
  const bool classes = data.spec().target == ExampleSpec::Target::kClass;
  return std::vector<std::int64_t>(classes ? static_cast<std::size_t>(data.spec().num_targets) : 0, 0);
}

SplitSummary summarize_split(const Dataset& data) {
  SplitSummary split{data.size(), no_counts(data), data.digest().hex()};
  for (const std::int32_t label : data.classes()) ++split.class_counts[static_cast<std::size_t>(label)];
  return split;
}

double total_variation(const std::vector<std::int64_t>& counts, std::int64_t total, const std::vector<std::int64_t>& all_counts,
                       std::int64_t all) {
  double sum = 0.0;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    sum += std::abs(static_cast<double>(counts[k]) / static_cast<double>(total) - static_cast<double>(all_counts[k]) / static_cast<double>(all));
  }
  return sum / 2.0;
}

double entropy(const std::vector<std::int64_t>& counts, std::int64_t total) {
  double sum = 0.0;
  for (const std::int64_t count : counts) {
    if (count == 0) continue;
    const double p = static_cast<double>(count) / static_cast<double>(total);
    sum -= p * std::log(p);
  }
  return sum;
}

Json json_of(const SplitSummary& split) {
  Json out{{"examples", split.examples}, {"digest", split.digest}};
  if (!split.class_counts.empty()) out["class_counts"] = split.class_counts;
  return out;
}

// One character a class: height = its share, full = all of the client's examples.
std::string bars(const std::vector<std::int64_t>& counts, std::int64_t total) {
  static constexpr const char* kBars[] = {"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string out;
  for (std::size_t k = 0; k < std::min(counts.size(), kMostBars); ++k) {
    // Rounded up: what a client has at all is visible.
    const std::int64_t height = total == 0 ? 0 : (8 * counts[k] + total - 1) / total;
    out += kBars[height];
  }
  if (counts.size() > kMostBars) out += "…";
  return out;
}

std::string more(std::size_t hidden, const char* what) {
  if (hidden == 0) return "";
  return std::string("... and ").append(std::to_string(hidden)).append(" more ").append(what).append("\n");
}

std::string class_table(const DataSummary& summary) {
  TextTable table({"class", "train", "test"});
  const std::vector<std::int64_t>& counts = summary.train.class_counts;
  for (std::size_t k = 0; k < std::min(counts.size(), kMostBars); ++k) {
    const std::string name = k < summary.class_names.size() ? summary.class_names[k] : std::to_string(k);
    table.add_row({name, std::to_string(counts[k]), std::to_string(summary.test.class_counts[k])});
  }
  const std::size_t hidden = counts.size() - std::min(counts.size(), kMostBars);
  return table.text() + more(hidden, "classes");
}

std::string client_table(const DataSummary& summary) {
  using Align = TextTable::Align;
  TextTable table({"client", "examples", "bytes", "digest", summary.train.class_counts.empty() ? "" : "share of each class"},
                  {Align::kRight, Align::kRight, Align::kRight, Align::kLeft, Align::kLeft});
  for (const ClientSummary& client : summary.clients) {
    table.add_row(
        {std::to_string(client.client), std::to_string(client.examples), bytes_text(static_cast<std::uint64_t>(client.bytes)),
         client.digest.substr(0, 12), bars(client.class_counts, client.examples)});
  }
  const std::int64_t hidden = summary.num_clients - static_cast<std::int64_t>(summary.clients.size());
  return table.text() + more(static_cast<std::size_t>(hidden), "clients");
}

Json json_of(const ExamplesSummary& examples) {
  Json out{{"repeated_in_train", examples.repeated_in_train}, {"test_in_train", examples.test_in_train}};
  for (const ColumnSummary& column : examples.columns) {
    Json item{{"name", column.name}, {"missing", column.missing}};
    if (column.categories.empty()) item.update({{"least", column.least}, {"mean", column.mean}, {"most", column.most}});
    for (const auto& [name, count] : column.categories) item["categories"][name] = count;
    out["columns"].push_back(std::move(item));
  }
  return out;
}

std::string column_table(const std::vector<ColumnSummary>& columns) {
  if (columns.empty()) return "";
  TextTable table({"input", "least", "mean", "most", "missing", "categories"});
  for (const ColumnSummary& column : columns) {
    if (column.categories.empty()) {
      table.add_row({column.name, fixed_text(column.least, 4), fixed_text(column.mean, 4), fixed_text(column.most, 4),
                     std::to_string(column.missing), ""});
      continue;
    }
    std::string text;
    for (const auto& [name, count] : column.categories) text += (text.empty() ? "" : ", ") + name + " " + std::to_string(count);
    table.add_row({column.name, "", "", "", std::to_string(column.missing), std::string(first_columns(text, 60))});
  }
  return '\n' + table.text();
}

std::string text_of(const char* name, const SplitSummary& split) {
  return std::string(name) + ": " + std::to_string(split.examples) + " examples, digest " + split.digest.substr(0, 12) +
         "\n";
}

}  // namespace

DataSummary summarize(const LoadedData& data) {
  DataSummary summary;
  summary.description = data.train->spec().describe();
  summary.note = data.note;
  summary.class_names = data.train->class_names();
  summary.columns = data.train->column_names();
  summary.train = summarize_split(*data.train);
  summary.test = summarize_split(*data.test);
  return summary;
}

DataSummary summarize(const LoadedData& data, const Partition& partition, std::int64_t max_clients) {
  DataSummary summary = summarize(data);
  summary.num_clients = partition.num_clients();
  summary.examples_of_clients = partition.num_samples();
  const auto classes = data.train->classes();
  std::vector<std::int64_t>& sizes = summary.sizes;
  std::vector<std::int64_t> of_all = no_counts(*data.train);
  for (std::int64_t c = 0; c < partition.num_clients() && !of_all.empty(); ++c) {
    for (const std::int64_t i : partition.samples_of(c)) ++of_all[static_cast<std::size_t>(classes[static_cast<std::size_t>(i)])];
  }
  for (std::int64_t c = 0; c < partition.num_clients(); ++c) {
    const auto samples = partition.samples_of(c);
    ClientSummary client{c, static_cast<std::int64_t>(samples.size()), no_counts(*data.train)};
    if (!client.class_counts.empty()) {
      for (const std::int64_t i : samples)
        ++client.class_counts[static_cast<std::size_t>(classes[static_cast<std::size_t>(i)])];
      summary.mean_class_entropy +=
          entropy(client.class_counts, client.examples) / static_cast<double>(summary.num_clients);
      summary.mean_total_variation += total_variation(client.class_counts, client.examples, of_all, summary.examples_of_clients) /
                                      static_cast<double>(summary.num_clients);
    }
    sizes.push_back(client.examples);
    if (c >= max_clients) continue;
    const ClientManifest manifest = manifest_of(*data.train, c, samples, {}, false, !data.trusted);
    client.bytes = manifest.bytes;
    client.digest = manifest.digest.hex();
    summary.clients.push_back(std::move(client));
  }
  std::sort(sizes.begin(), sizes.end());
  if (!sizes.empty()) {
    summary.least = sizes.front();
    summary.median = sizes[sizes.size() / 2];
    summary.most = sizes.back();
  }
  return summary;
}

std::string to_json(const DataSummary& summary) {
  Json out{{"examples_are", summary.description}, {"note", summary.note}};
  out["class_names"] = summary.class_names;
  out["columns"] = summary.columns;
  out["train"] = json_of(summary.train);
  out["test"] = json_of(summary.test);
  if (summary.examples_looked_at) out["looked_at"] = json_of(*summary.examples_looked_at);
  if (!summary.contract.empty()) out["contract"] = summary.contract;
  if (summary.num_clients > 0) {
    Json& clients = out["clients"];
    clients["count"] = summary.num_clients;
    clients["examples"] = summary.examples_of_clients;
    clients["size"] = {{"least", summary.least}, {"median", summary.median}, {"most", summary.most}};
    if (!summary.train.class_counts.empty()) {
      clients["mean_class_entropy"] = summary.mean_class_entropy;
      clients["mean_total_variation"] = summary.mean_total_variation;
    }
    clients["listed"] = Json::array();
    for (const ClientSummary& client : summary.clients) {
      Json item{{"client", client.client}, {"examples", client.examples}, {"bytes", client.bytes}, {"digest", client.digest}};
      if (!client.class_counts.empty()) item["class_counts"] = client.class_counts;
      clients["listed"].push_back(std::move(item));
    }
  }
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_text(const DataSummary& summary) {
  std::string out = summary.description + "\n";
  if (!summary.note.empty()) out += "note: " + summary.note + "\n";
  out += text_of("train", summary.train) + text_of("test", summary.test);
  for (std::size_t i = 0; i < summary.columns.size(); ++i) out += (i == 0 ? "columns: " : ", ") + summary.columns[i];
  if (!summary.columns.empty()) out += "\n";
  if (!summary.contract.empty()) out += "contract: " + summary.contract + "\n";
  if (summary.examples_looked_at) {
    out += "equal inputs: " + std::to_string(summary.examples_looked_at->test_in_train) + " test examples are training examples, too; " +
           std::to_string(summary.examples_looked_at->repeated_in_train) + " training examples stand there twice\n" +
           column_table(summary.examples_looked_at->columns);
  }
  const std::size_t classes = summary.train.class_counts.size();
  if (classes > 0) out += '\n' + class_table(summary);
  if (summary.num_clients == 0) return out;

  out += '\n' + std::to_string(summary.num_clients) + " clients hold " + std::to_string(summary.examples_of_clients) +
         " examples: " + std::to_string(summary.least) + " least, " + std::to_string(summary.median) + " median, " +
         std::to_string(summary.most) + " most\n";
  if (classes > 0) {
    out += "mean class entropy " + fixed_text(summary.mean_class_entropy, 3) + " of at most " +
           fixed_text(std::log(static_cast<double>(classes)), 3) + " nats; mean total variation from all clients' classes " +
           fixed_text(summary.mean_total_variation, 3) + "\n";
  }
  return out + '\n' + client_table(summary);
}

}  // namespace coppice
