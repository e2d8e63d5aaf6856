#include "simulations/ranked_backend.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <numeric>
#include <optional>

#include "algorithms/exchange/report_blocks.h"
#include "comm/wire/wire.h"
#include "core/error.h"
#include "models/model.h"
#include "models/state_file.h"

namespace coppice {
namespace {

static_assert(std::is_trivially_copyable_v<ClientOutcome>);

std::vector<std::byte> to_bytes(const std::vector<ClientOutcome>& outcomes) {
  const auto bytes = std::as_bytes(std::span(outcomes));
  return {bytes.begin(), bytes.end()};
}

void append_outcomes(std::span<const std::byte> bytes, std::vector<ClientOutcome>& outcomes) {
  const std::size_t old = outcomes.size();
  outcomes.resize(old + bytes.size() / sizeof(ClientOutcome));
  std::memcpy(outcomes.data() + old, bytes.data(), bytes.size());
}

// Frames behind one another, each with its length in front.
void append_frame(const std::vector<std::byte>& frame, std::vector<std::byte>& all) {
  const std::uint64_t length = frame.size();
  const auto head = std::as_bytes(std::span(&length, 1));
  all.insert(all.end(), head.begin(), head.end());
  all.insert(all.end(), frame.begin(), frame.end());
}

void append_envelopes(std::span<const std::byte> all, std::vector<Envelope>& envelopes) {
  while (!all.empty()) {
    std::uint64_t length = 0;
    std::memcpy(&length, all.data(), sizeof(length));
    envelopes.push_back(decode(all.subspan(sizeof(length), length)));
    all = all.subspan(sizeof(length) + length);
  }
}

std::int64_t work_of(const RoundPlan& plan, const Population& population, std::int64_t client) {
  std::int64_t work = 0;
  for (const Task& task : plan.tasks) {
    const auto* measure = std::get_if<MeasureTask>(&task);
    const std::vector<std::int64_t>& samples = measure == nullptr                   ? population.train_samples
                                               : measure->split == Split::kTest     ? population.test_samples
                                               : measure->split == Split::kSelect   ? population.select_samples
                                                                                    : population.train_samples;
    work += samples.at(static_cast<std::size_t>(client));
  }
  return work;
}

}  // namespace

struct RankedBackend::Share {
  ExactSums sums;
  std::vector<ClientOutcome> outcomes;
  std::vector<std::byte> frames;  // single reports, where the plan wants them
};

std::vector<std::vector<std::int64_t>> deal_cohort(const RoundPlan& plan, const Population& population, int ranks) {
  std::vector<std::pair<std::int64_t, std::int64_t>> by_work;  // work, client
  for (const std::int64_t client : plan.cohort) by_work.emplace_back(work_of(plan, population, client), client);
  std::sort(by_work.begin(), by_work.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  std::vector<std::vector<std::int64_t>> shares(static_cast<std::size_t>(ranks));
  std::vector<std::int64_t> load(shares.size(), 0);
  for (const auto& [work, client] : by_work) {
    const auto least = static_cast<std::size_t>(std::min_element(load.begin(), load.end()) - load.begin());
    shares[least].push_back(client);
    load[least] += work;
  }
  for (std::vector<std::int64_t>& share : shares) std::sort(share.begin(), share.end());
  return shares;
}

RankedBackend::RankedBackend(Communicator& comm, Worker& worker, Population population, std::string folder, BackendOptions options)
    : comm_(comm),
      sum_(comm, options.regions),
      worker_(worker),
      population_(std::move(population)),
      folder_(std::move(folder)),
      extensions_(std::move(options.extensions)) {}

RankedBackend::Share RankedBackend::play_share(const RoundPlan& plan, const std::vector<ReportBlock>& blocks) {
  const auto cohort = static_cast<std::int64_t>(plan.cohort.size());
  Share share{ExactSums(plan.probe ? probe_specs(blocks) : sum_specs(plan, blocks), cohort, best_simd(), folder_), {}, {}};
  const auto mine = deal_cohort(plan, population_, comm_.size())[static_cast<std::size_t>(comm_.rank())];
  share.outcomes = worker_.play(plan, mine, blocks, [&](std::int64_t client, const Report& report) {
    if (plan.probe) return accumulate_probe(report, share.sums);
    const Decline declined = accumulate(report, share.sums);
    if (declined == Decline::kNone && plan.individual_reports) {
      append_frame(encode(to_envelope(report, plan, blocks, client)), share.frames);
    }
    return declined;
  });
  return share;
}

Answer RankedBackend::join(const RoundPlan& plan, std::vector<ReportBlock> blocks, Share share) {
  const std::size_t words = share.sums.words().size();
  sum_.reduce(share.sums.words());
  const auto outcome_parts = comm_.gather(to_bytes(share.outcomes), 0);
  std::vector<std::vector<std::byte>> frame_parts;
  if (plan.individual_reports) frame_parts = comm_.gather(share.frames, 0);
  if (comm_.rank() != 0) return {};

  std::vector<ClientOutcome> roster;
  for (const auto& part : outcome_parts) append_outcomes(part, roster);
  std::sort(roster.begin(), roster.end(),
            [](const ClientOutcome& a, const ClientOutcome& b) { return a.client < b.client; });
  std::vector<Envelope> reports;
  for (const auto& part : frame_parts) append_envelopes(part, reports);
  std::sort(reports.begin(), reports.end(), [](const Envelope& a, const Envelope& b) { return a.client < b.client; });
  if (plan.probe) {
    for (ReportBlock& block : blocks) block.count = static_cast<std::int64_t>(ExponentHistogram::kBins);
  }
  Answer answer(plan.id, std::move(blocks), std::move(share.sums), std::move(roster), std::move(reports));
  if (!sum_.is_flat()) answer.level_bytes = {{"region", sum_.bytes_to_regions(words)}, {"coordinator", sum_.bytes_to_root(words)}};
  for (const ClientOutcome& outcome : answer.roster()) answer.bytes_up = std::max(answer.bytes_up, outcome.bytes_up);
  return answer;
}

Answer RankedBackend::carry_out(const RoundPlan& plan, PhaseTimer& phases) {
  const double start = steady_seconds();
  if (comm_.size() > 1) {
    const auto phase = phases.time("broadcast");
    std::vector<std::byte> frame = encode(encode_plan(plan, masks_));
    broadcast_bytes(comm_, frame, 0);
  }
  std::vector<ReportBlock> blocks = report_blocks(plan, *make_model(plan.values->config));
  Share share = [&] {
    const auto phase = phases.time("clients");
    return play_share(plan, blocks);
  }();
  const auto phase = phases.time("join");
  Answer answer = join(plan, std::move(blocks), std::move(share));
  answer.seconds = steady_seconds() - start;
  return answer;
}

void RankedBackend::release_ranks() {
  if (comm_.size() == 1) return;
  Envelope goodbye;
  goodbye.kind = MessageKind::kControl;
  std::vector<std::byte> frame = encode(goodbye);
  broadcast_bytes(comm_, frame, 0);
}

std::optional<RoundPlan> RankedBackend::receive_plan() {
  std::vector<std::byte> frame;
  broadcast_bytes(comm_, frame, 0);
  const Envelope envelope = decode(frame);
  frame = {};  // as large as the model, and so is the envelope
  if (envelope.kind == MessageKind::kControl) return std::nullopt;
  RoundPlan plan = decode_plan(envelope, masks_, extensions_);
  if (plan.frozen) share(plan.values, *plan.frozen);
  if (plan.teacher.values) share(plan.teacher.values, plan.teacher.digest);
  if (plan.origin.values) share(plan.origin.values, plan.origin.digest);
  return plan;
}

void RankedBackend::share(std::shared_ptr<const ModelState>& values, const Digest& digest) {
  const std::string file = folder_ + "/checkpoint/" + state_file_name(digest);
  if (!is_movable(values->base) || !std::filesystem::exists(file)) return;
  try {
    auto shared = mapped_state(*values, file);
    if (!shared || shared->digest() != digest) return;
    masks_.move_model(digest, shared);
    values = std::move(shared);
  } catch (const InputError&) {
    // Gone or damaged since: the copy at hand is as good.
  }
}

void RankedBackend::serve() {
  for (;;) {
    const std::optional<RoundPlan> received = receive_plan();
    if (!received) return;
    const RoundPlan& plan = *received;
    std::vector<ReportBlock> blocks = report_blocks(plan, *make_model(plan.values->config));
    Share share = play_share(plan, blocks);
    join(plan, std::move(blocks), std::move(share));
  }
}

}  // namespace coppice
