#include "base/codec.h"

namespace forebay {
namespace {

template <class T>
void AppendLittle(std::string& out, T v) {
  for (std::size_t i = 0; i < sizeof v; ++i) out.push_back(static_cast<char>(v >> (8 * i) & 0xff));
}

template <class T>
void AppendBig(std::string& out, T v) {
  for (std::size_t i = sizeof v; i-- > 0;) out.push_back(static_cast<char>(v >> (8 * i) & 0xff));
}

std::uint64_t ByteAt(std::string_view in, std::size_t i) {
  return static_cast<unsigned char>(in[i]);
}

template <class T>
T LoadLittle(std::string_view in) {
  std::uint64_t v = 0;
  for (std::size_t i = sizeof(T); i-- > 0;) v = v << 8 | ByteAt(in, i);
  return static_cast<T>(v);
}

template <class T>
T LoadBig(std::string_view in) {
  std::uint64_t v = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) v = v << 8 | ByteAt(in, i);
  return static_cast<T>(v);
}

}  // namespace

Encoder& Encoder::U8(std::uint8_t v) {
  out_.push_back(static_cast<char>(v));
  return *this;
}

Encoder& Encoder::U32(std::uint32_t v) {
  AppendLittle(out_, v);
  return *this;
}

Encoder& Encoder::U64(std::uint64_t v) {
  AppendLittle(out_, v);
  return *this;
}

Encoder& Encoder::Varint(std::uint64_t v) {
  for (; v >= 0x80; v >>= 7) out_.push_back(static_cast<char>(v | 0x80));
  out_.push_back(static_cast<char>(v));
  return *this;
}

Encoder& Encoder::Signed(std::int64_t v) {
  auto u = static_cast<std::uint64_t>(v);
  return Varint(u << 1 ^ (v < 0 ? ~std::uint64_t{0} : 0));
}

Encoder& Encoder::String(std::string_view v) {
  Varint(v.size());
  return Raw(v);
}

Encoder& Encoder::Raw(std::string_view v) {
  out_.append(v);
  return *this;
}

bool Decoder::Need(std::size_t n) {
  if (ok_ && in_.size() >= n) return true;
  ok_ = false;
  in_ = {};
  return false;
}

std::uint8_t Decoder::U8() {
  if (!Need(1)) return 0;
  auto v = static_cast<std::uint8_t>(in_.front());
  in_.remove_prefix(1);
  return v;
}

std::uint32_t Decoder::U32() {
  if (!Need(4)) return 0;
  auto v = LoadLittle<std::uint32_t>(in_);
  in_.remove_prefix(4);
  return v;
}

std::uint64_t Decoder::U64() {
  if (!Need(8)) return 0;
  auto v = LoadLittle<std::uint64_t>(in_);
  in_.remove_prefix(8);
  return v;
}

std::uint64_t Decoder::Varint() {
  std::uint64_t v = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (!Need(1)) return 0;
    std::uint64_t byte = ByteAt(in_, 0);
    in_.remove_prefix(1);
    if (shift == 63 && byte > 1) break;  // would not fit 64 bits
    v |= (byte & 0x7f) << shift;
    if (byte < 0x80) return v;
  }
  ok_ = false;
  in_ = {};
  return 0;
}

std::int64_t Decoder::Signed() {
  std::uint64_t u = Varint();
  return static_cast<std::int64_t>(u >> 1 ^ ((u & 1) != 0 ? ~std::uint64_t{0} : 0));
}

std::string_view Decoder::StringView() {
  std::uint64_t size = Varint();
  return Raw(size);
}

std::string_view Decoder::Raw(std::size_t n) {
  if (!Need(n)) return {};
  std::string_view v = in_.substr(0, n);
  in_.remove_prefix(n);
  return v;
}

std::string_view Decoder::Rest() {
  std::string_view v = in_;
  in_ = {};
  return v;
}

Result<> Decoder::Finish(std::string_view what) const {
  if (ok_) return {};
  return Fail(Code::kCorruption, "The " + std::string(what) + " record is cut short or malformed.");
}

KeyBuilder& KeyBuilder::U8(std::uint8_t v) {
  out_.push_back(static_cast<char>(v));
  return *this;
}

KeyBuilder& KeyBuilder::U16(std::uint16_t v) {
  AppendBig(out_, v);
  return *this;
}

KeyBuilder& KeyBuilder::U32(std::uint32_t v) {
  AppendBig(out_, v);
  return *this;
}

KeyBuilder& KeyBuilder::U64(std::uint64_t v) {
  AppendBig(out_, v);
  return *this;
}

KeyBuilder& KeyBuilder::U64Descending(std::uint64_t v) { return U64(~v); }

KeyBuilder& KeyBuilder::Text(std::string_view v) {
  for (;;) {
    std::size_t zero = v.find('\0');
    out_.append(v.substr(0, zero));
    if (zero == std::string_view::npos) break;
    out_.append("\x00\xff", 2);
    v.remove_prefix(zero + 1);
  }
  out_.append("\x00\x01", 2);
  return *this;
}

KeyBuilder& KeyBuilder::Tail(std::string_view v) {
  out_.append(v);
  return *this;
}

bool KeyReader::Need(std::size_t n) {
  if (ok_ && in_.size() >= n) return true;
  ok_ = false;
  in_ = {};
  return false;
}

std::uint8_t KeyReader::U8() {
  if (!Need(1)) return 0;
  auto v = static_cast<std::uint8_t>(in_.front());
  in_.remove_prefix(1);
  return v;
}

std::uint16_t KeyReader::U16() {
  if (!Need(2)) return 0;
  auto v = LoadBig<std::uint16_t>(in_);
  in_.remove_prefix(2);
  return v;
}

std::uint32_t KeyReader::U32() {
  if (!Need(4)) return 0;
  auto v = LoadBig<std::uint32_t>(in_);
  in_.remove_prefix(4);
  return v;
}

std::uint64_t KeyReader::U64() {
  if (!Need(8)) return 0;
  auto v = LoadBig<std::uint64_t>(in_);
  in_.remove_prefix(8);
  return v;
}

std::uint64_t KeyReader::U64Descending() {
  std::uint64_t v = U64();
  return ok_ ? ~v : 0;
}

std::string KeyReader::Text() {
  std::string text;
  for (;;) {
    std::size_t zero = in_.find('\0');
    if (zero == std::string_view::npos || zero + 1 >= in_.size()) break;
    text.append(in_.substr(0, zero));
    char mark = in_[zero + 1];
    in_.remove_prefix(zero + 2);
    if (mark == '\x01') return text;
    if (mark != '\xff') break;
    text.push_back('\0');
  }
  ok_ = false;
  in_ = {};
  return {};
}

std::string_view KeyReader::Tail() {
  std::string_view v = in_;
  in_ = {};
  return v;
}

std::string PrefixEnd(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace forebay
