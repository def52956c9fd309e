#include "engine/lazy.h"

#include <algorithm>
#include <charconv>

#include "base/codec.h"
#include "base/encoding.h"
#include "engine/get_container.h"
#include "engine/read_gate.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

// Starts of the server with lazy changes that are remembered; a mark of an older one counts as
// lost.
constexpr std::size_t kMaxStarts = 64;

std::string CountKey() { return keys::Setting("lazy_changes"); }
std::string StartsKey() { return keys::Setting("lazy_starts"); }

// A start of the server, and how many lazy changes there had been before it.
using Starts = std::vector<LazyMark>;

Result<Starts> ReadStarts(const kv::Reader& reader) {
  Starts starts;
  FB_ASSIGN_OR_RETURN(const auto stored, reader.Get(StartsKey()));
  if (!stored) return starts;
  Decoder in(*stored);
  if (in.U8() != 1) return Fail(Code::kUnsupported, "A newer server wrote the list of starts.");
  for (std::uint64_t left = in.Varint(); left > 0 && in.ok(); --left) {
    const std::int64_t start = in.Signed();
    starts.push_back({start, in.Varint()});
  }
  FB_RETURN_IF_ERROR(in.Finish("the list of starts"));
  return starts;
}

void WriteStarts(kv::Transaction& txn, const Starts& starts) {
  Encoder out;
  out.U8(1).Varint(starts.size());
  for (const LazyMark& start : starts) out.Signed(start.start).Varint(start.count);
  txn.Put(StartsKey(), out.Take());
}

Result<std::uint64_t> ReadCount(const kv::Reader& reader) {
  FB_ASSIGN_OR_RETURN(const auto stored, reader.Get(CountKey()));
  return static_cast<std::uint64_t>(kv::CounterValue(stored));
}

bool Survived(const LazyMark& mark, const Starts& starts, std::uint64_t count) {
  const auto start = std::ranges::find(starts, mark.start, &LazyMark::start);
  // Its first lazy change would have noted it.
  if (start == starts.end()) return false;
  // What the next start found is what this one has left behind.
  const std::uint64_t left = start + 1 == starts.end() ? count : (start + 1)->count;
  return mark.count <= left;
}

template <class Number>
bool Parse(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

std::string FormatLazyMark(const LazyMark& mark) {
  return std::to_string(mark.start) + "/" + std::to_string(mark.count);
}

Result<std::vector<LazyMark>> ParseLazyMarks(std::string_view text) {
  std::vector<LazyMark> marks;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t slash = word.find('/');
    LazyMark mark;
    if (slash == std::string_view::npos || marks.size() == kMaxLazyMarks ||
        !Parse(word.substr(0, slash), mark.start) || !Parse(word.substr(slash + 1), mark.count)) {
      return Fail(Code::kInvalidInput, "A mark of lazy changes is malformed.");
    }
    marks.push_back(mark);
  }
  return marks;
}

Task<bool> MayBeLazy(Services& services, OpContext context, ContainerTarget container) {
  co_return co_await ReadMeta(
      services,
      [&container](const kv::Reader& reader) -> Result<bool> {
        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord record,
                            RequireContainer(reader, container.account.name, container.container));
        return !record.lake.mirrors();
      },
      context);
}

Result<> CountLazy(const Services& services, kv::Transaction& txn) {
  FB_ASSIGN_OR_RETURN(Starts starts, ReadStarts(txn));
  const std::int64_t now = services.started.ticks;
  if (starts.empty() || starts.back().start != now) {
    FB_ASSIGN_OR_RETURN(const std::uint64_t count, ReadCount(txn));
    starts.push_back({now, count});
    if (starts.size() > kMaxStarts) starts.erase(starts.begin());
    WriteStarts(txn, starts);
  }
  txn.Add(CountKey(), 1);
  return {};
}

Task<LazyMark> MarkNow(Services& services, OpContext context) {
  FB_CO_ASSIGN_OR_RETURN(const std::uint64_t count,
                         co_await ReadMeta(services, &ReadCount, std::move(context)));
  co_return LazyMark{services.started.ticks, count};
}

Task<> SyncLazy(Services& services, OpContext context, std::vector<LazyMark> marks) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  co_return co_await services.store.Transact(
      [&services, marks = std::move(marks)](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(const Starts starts, ReadStarts(txn));
        FB_ASSIGN_OR_RETURN(const std::uint64_t count, ReadCount(txn));
        for (const LazyMark& mark : marks) {
          if (mark.start == services.started.ticks || Survived(mark, starts, count)) continue;
          return Fail(Code::kChangesLost,
                      "The server ended before changes that it had acknowledged were durable.");
        }
        // A transaction that writes nothing is answered without a sync. The record is there
        // already, and an fsync tells of what a mount deleted, too.
        txn.MakesRoom();
        txn.Put(keys::Setting("lazy_synced"), Encoder().U64(count).Take());
        return {};
      },
      kv::Durability::kAwaited);
}

}  // namespace forebay::engine
