#include "comm/wire/wire.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <utility>

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include "core/error.h"
#include "comm/wire/check_envelope.h"
#include "comm/wire/envelope.capnp.h"

namespace coppice {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors travel little-endian and are copied as they are");

constexpr std::uint16_t kSchema = 1;

// The wire's numbers are for ever, ours may be reordered: hence tables, not casts.
constexpr std::array kKinds = {std::pair{MessageKind::kPlan, wire::MessageKind::PLAN},
                               std::pair{MessageKind::kReport, wire::MessageKind::REPORT},
                               std::pair{MessageKind::kControl, wire::MessageKind::CONTROL}};
constexpr std::array kDTypes = {
    std::pair{DType::kF32, wire::DType::F32},   std::pair{DType::kF64, wire::DType::F64},
    std::pair{DType::kF16, wire::DType::F16},   std::pair{DType::kBF16, wire::DType::BF16},
    std::pair{DType::kI8, wire::DType::I8},     std::pair{DType::kU8, wire::DType::U8},
    std::pair{DType::kI32, wire::DType::I32},   std::pair{DType::kI64, wire::DType::I64},
    std::pair{DType::kBool, wire::DType::BOOL},
};
constexpr std::array kLayouts = {
    std::pair{Layout::kDense, wire::Layout::DENSE}, std::pair{Layout::kOnSupport, wire::Layout::ON_SUPPORT},
    std::pair{Layout::kIndices, wire::Layout::INDICES}, std::pair{Layout::kBitmap, wire::Layout::BITMAP}};

template <class Table, class Ours>
auto to_wire(const Table& table, Ours ours, const char* what) {
  for (const auto& [mine, theirs] : table) {
    if (mine == ours) return theirs;
  }
  throw Error(std::string(what) + " " + std::to_string(static_cast<int>(ours)) + " has no place on the wire");
}

template <class Table, class Theirs>
auto from_wire(const Table& table, Theirs theirs, const char* what) {
  for (const auto& [mine, known] : table) {
    if (known == theirs) return mine;
  }
  throw InputError(std::string("found ") + what + " " + std::to_string(static_cast<unsigned>(theirs)) +
                   "; expected one this version knows (below " + std::to_string(table.size()) + ")");
}

// Hands out the planned segments inside the frame's own memory, so that building the message writes the frame.
class FrameBuilder final : public capnp::MessageBuilder {
 public:
  FrameBuilder(const FrameLayout& layout, std::vector<std::byte>& frame) : layout_(layout), frame_(frame) {}
  ~FrameBuilder() noexcept(false) override = default;

  kj::ArrayPtr<capnp::word> allocateSegment(unsigned minimum_words) override {
    if (next_ == layout_.segment_words.size() || minimum_words > layout_.segment_words[next_]) {
      throw Error("a frame does not have the layout that its sizes gave");
    }
    const std::size_t words = layout_.segment_words[next_++];
    auto* begin = reinterpret_cast<capnp::word*>(frame_.data() + layout_.table_bytes() + used_ * sizeof(capnp::word));
    used_ += words;
    return kj::arrayPtr(begin, words);
  }

  // Writes the segment table; throws unless every planned word is in use.
  void finish() {
    const auto segments = getSegmentsForOutput();
    std::vector<std::uint32_t> table{static_cast<std::uint32_t>(segments.size() - 1)};
    bool as_planned = segments.size() == layout_.segment_words.size();
    for (std::size_t i = 0; as_planned && i < segments.size(); ++i) {
      as_planned = segments[i].size() == layout_.segment_words[i];
      table.push_back(static_cast<std::uint32_t>(segments[i].size()));
    }
    if (!as_planned) throw Error("a frame does not have the layout that its sizes gave");
    std::memcpy(frame_.data(), table.data(), table.size() * sizeof(std::uint32_t));
  }

 private:
  const FrameLayout& layout_;
  std::vector<std::byte>& frame_;
  std::size_t next_ = 0;
  std::size_t used_ = 0;  // words
};

void write_parts(capnp::List<capnp::Data>::Builder parts, std::span<const std::byte> bytes, const FrameLimits& limits) {
  for (unsigned i = 0; i < parts.size(); ++i) {
    const auto part =
        bytes.subspan(i * limits.part_bytes, std::min(limits.part_bytes, bytes.size() - i * limits.part_bytes));
    std::memcpy(parts.init(i, static_cast<unsigned>(part.size())).begin(), part.data(), part.size());
  }
}

void write_text(capnp::Text::Builder text, const std::string& value) {
  std::memcpy(text.begin(), value.data(), value.size());
}

std::vector<std::byte> read_parts(capnp::List<capnp::Data>::Reader list) {
  // Each pointer is followed once: every reading counts against the traversal limit.
  std::vector<capnp::Data::Reader> parts;
  std::size_t total = 0;
  for (const capnp::Data::Reader part : list) {
    parts.push_back(part);
    total += part.size();
  }
  std::vector<std::byte> bytes;
  bytes.reserve(total);
  for (const capnp::Data::Reader part : parts) {
    const std::span data(reinterpret_cast<const std::byte*>(part.begin()), part.size());
    bytes.insert(bytes.end(), data.begin(), data.end());
  }
  return bytes;
}

std::string read_text(capnp::Text::Reader text) { return {text.begin(), text.size()}; }

Block read_block(wire::Block::Reader reader) {
  Block block;
  block.name = read_text(reader.getName());
  block.dtype = from_wire(kDTypes, reader.getDtype(), "dtype");
  block.layout = from_wire(kLayouts, reader.getLayout(), "layout");
  block.scale = reader.getScale();
  for (const std::int64_t dim : reader.getShape()) block.shape.push_back(dim);
  block.values = read_parts(reader.getValues());
  block.positions = read_parts(reader.getPositions());
  return block;
}

Envelope read_envelope(wire::Envelope::Reader reader) {
  if (reader.getSchema() != kSchema) {
    throw InputError("found schema " + std::to_string(reader.getSchema()) + "; expected " + std::to_string(kSchema));
  }
  Envelope envelope;
  envelope.kind = from_wire(kKinds, reader.getKind(), "message kind");
  envelope.round = reader.getRound();
  envelope.client = reader.getClient();
  envelope.run_id = reader.getRunId();
  envelope.plan_id = reader.getPlanId();
  const capnp::Data::Reader digest = reader.getMaskDigest();
  if (digest.size() != envelope.mask_digest.bytes.size()) {
    throw InputError("found a mask digest of " + std::to_string(digest.size()) + " bytes; expected 32");
  }
  std::copy(digest.begin(), digest.end(), envelope.mask_digest.bytes.begin());
  envelope.body = read_text(reader.getBody());
  // Not reserved: a list may claim more blocks than the frame has bytes for, and the first empty one ends it here.
  for (const wire::Block::Reader block : reader.getBlocks()) {
    envelope.blocks.push_back(read_block(block));
    if (envelope.blocks.back().name.empty()) throw InputError("found a block without a name");
  }
  return envelope;
}

Envelope decode_aligned(kj::ArrayPtr<const capnp::word> words) {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = words.size();
  options.nestingLimit = 8;
  try {
    capnp::FlatArrayMessageReader message(words, options);
    if (message.getEnd() != words.end()) {
      throw InputError("found " + std::to_string((words.end() - message.getEnd()) * 8) + " bytes after its end");
    }
    return read_envelope(message.getRoot<wire::Envelope>());
  } catch (const kj::Exception& exception) {
    const std::string text = exception.getDescription().cStr();
    throw InputError("not a well-formed message: " + text.substr(0, text.find('\n')));
  }
}

Envelope decode_anywhere(std::span<const std::byte> frame) {
  if (frame.empty() || frame.size() % sizeof(capnp::word) != 0) {
    throw InputError("found " + std::to_string(frame.size()) + " bytes; expected a positive multiple of 8");
  }
  const std::size_t words = frame.size() / sizeof(capnp::word);
  if (reinterpret_cast<std::uintptr_t>(frame.data()) % alignof(std::uint64_t) == 0) {
    return decode_aligned(kj::arrayPtr(reinterpret_cast<const capnp::word*>(frame.data()), words));
  }
  std::vector<std::uint64_t> aligned(words);
  std::memcpy(aligned.data(), frame.data(), frame.size());
  return decode_aligned(kj::arrayPtr(reinterpret_cast<const capnp::word*>(aligned.data()), words));
}

void build(FrameBuilder& message, const Envelope& envelope, const FrameLimits& limits) {
  auto root = message.initRoot<wire::Envelope>();
  root.setSchema(kSchema);
  root.setKind(to_wire(kKinds, envelope.kind, "message kind"));
  root.setRound(envelope.round);
  root.setClient(envelope.client);
  root.setRunId(envelope.run_id);
  root.setPlanId(envelope.plan_id);
  const auto& digest = envelope.mask_digest.bytes;
  root.setMaskDigest(kj::arrayPtr(digest.data(), digest.size()));
  write_text(root.initBody(static_cast<unsigned>(envelope.body.size())), envelope.body);

  // Everything small first, so that it fills segment 0 and the parts find no room there.
  auto blocks = root.initBlocks(static_cast<unsigned>(envelope.blocks.size()));
  std::vector<std::pair<capnp::List<capnp::Data>::Builder, std::span<const std::byte>>> tensors;
  for (unsigned i = 0; i < blocks.size(); ++i) {
    const Block& block = envelope.blocks[i];
    auto builder = blocks[i];
    write_text(builder.initName(static_cast<unsigned>(block.name.size())), block.name);
    builder.setDtype(to_wire(kDTypes, block.dtype, "dtype"));
    builder.setLayout(to_wire(kLayouts, block.layout, "layout"));
    builder.setScale(block.scale);
    auto shape = builder.initShape(static_cast<unsigned>(block.shape.size()));
    for (unsigned d = 0; d < shape.size(); ++d) shape.set(d, block.shape[d]);
    const auto parts = [&](const std::vector<std::byte>& bytes) {
      return static_cast<unsigned>(num_parts(bytes.size(), limits));
    };
    tensors.emplace_back(builder.initValues(parts(block.values)), block.values);
    tensors.emplace_back(builder.initPositions(parts(block.positions)), block.positions);
  }
  for (const auto& [parts, bytes] : tensors) write_parts(parts, bytes, limits);
}

}  // namespace

std::vector<std::byte> encode(const Envelope& envelope, const FrameLimits& limits) {
  try {
    check_envelope(envelope);
  } catch (const InputError& error) {
    throw Error(std::string("encode: ") + error.what());
  }
  const FrameLayout layout = frame_layout(envelope, limits);
  std::vector<std::byte> frame(layout.frame_bytes());
  FrameBuilder message(layout, frame);
  build(message, envelope, limits);
  message.finish();
  return frame;
}

Envelope decode(std::span<const std::byte> frame) {
  try {
    Envelope envelope = decode_anywhere(frame);
    check_envelope(envelope);
    return envelope;
  } catch (InputError& error) {
    error.within("frame");
    throw;
  }
}

}  // namespace coppice
