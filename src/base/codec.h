// Encoding of durable records and ordered keys.
//
// Records: little-endian fixed integers, LEB128 varints, length-prefixed strings, each record led
// by a version byte that its own format page describes (docs/formats/). Keys: big-endian integers
// and escaped strings, so that byte order of keys is order of values. A Decoder never reads past
// its input: once anything was short or malformed it stays failed, and `Finish()` reports
// kCorruption. Value types; one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace forebay {

class Encoder {
 public:
  Encoder& U8(std::uint8_t v);
  Encoder& U32(std::uint32_t v);        // little-endian, 4 bytes
  Encoder& U64(std::uint64_t v);        // little-endian, 8 bytes
  Encoder& Varint(std::uint64_t v);     // 1 to 10 bytes
  Encoder& Signed(std::int64_t v);      // zigzag varint
  Encoder& String(std::string_view v);  // varint length, then bytes
  Encoder& Raw(std::string_view v);     // bytes as they are
  std::string Take() { return std::move(out_); }
  const std::string& str() const { return out_; }

 private:
  std::string out_;
};

class Decoder {
 public:
  explicit Decoder(std::string_view in) : in_(in) {}
  std::uint8_t U8();
  std::uint32_t U32();
  std::uint64_t U64();
  std::uint64_t Varint();
  std::int64_t Signed();
  std::string_view StringView();  // into the input
  std::string String() { return std::string(StringView()); }
  std::string_view Raw(std::size_t n);
  std::string_view Rest();
  bool ok() const { return ok_; }
  std::size_t remaining() const { return in_.size(); }
  // kCorruption when anything was short or malformed. Unread bytes are allowed: a newer writer may
  // append fields (docs/formats/README.md).
  Result<> Finish(std::string_view what) const;

 private:
  bool Need(std::size_t n);
  std::string_view in_;
  bool ok_ = true;
};

// Ordered keys. `Text` escapes 0x00 as 0x00 0xFF and ends with 0x00 0x01, so that it sorts as its
// bytes and a prefix sorts first; `Tail` is unescaped and only fit for the end of a key.
class KeyBuilder {
 public:
  KeyBuilder() = default;
  explicit KeyBuilder(char table) { out_.push_back(table); }
  KeyBuilder& U8(std::uint8_t v);
  KeyBuilder& U16(std::uint16_t v);
  KeyBuilder& U32(std::uint32_t v);  // big-endian
  KeyBuilder& U64(std::uint64_t v);  // big-endian
  KeyBuilder& U64Descending(std::uint64_t v);
  KeyBuilder& Text(std::string_view v);
  KeyBuilder& Tail(std::string_view v);
  std::string Take() { return std::move(out_); }
  const std::string& str() const { return out_; }

 private:
  std::string out_;
};

class KeyReader {
 public:
  explicit KeyReader(std::string_view in) : in_(in) {}
  std::uint8_t U8();
  std::uint16_t U16();
  std::uint32_t U32();
  std::uint64_t U64();
  std::uint64_t U64Descending();
  std::string Text();
  std::string_view Tail();
  bool ok() const { return ok_; }

 private:
  bool Need(std::size_t n);
  std::string_view in_;
  bool ok_ = true;
};

// The smallest key greater than every key that starts with `prefix`; empty when there is none.
std::string PrefixEnd(std::string_view prefix);

}  // namespace forebay
