#include "http/message.h"

#include <algorithm>

#include "base/encoding.h"

namespace forebay::http {
namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string_view MethodName(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kHead:
      return "HEAD";
    case Method::kPut:
      return "PUT";
    case Method::kPost:
      return "POST";
    case Method::kDelete:
      return "DELETE";
    case Method::kOptions:
      return "OPTIONS";
    case Method::kPatch:
      return "PATCH";
    case Method::kOther:
      return "OTHER";
  }
  return "OTHER";
}

Headers::Field Headers::At(std::size_t index) const {
  const Slot& slot = slots_[index];
  const std::string_view text(text_);
  return {text.substr(slot.begin, slot.name_size),
          text.substr(slot.begin + slot.name_size, slot.value_size)};
}

void Headers::Add(std::string_view name, std::string_view value) {
  if (slots_.empty()) slots_.reserve(16);
  slots_.push_back({static_cast<std::uint32_t>(text_.size()),
                    static_cast<std::uint32_t>(name.size()),
                    static_cast<std::uint32_t>(value.size())});
  const std::size_t size = text_.size() + name.size() + value.size();
  if (size <= text_.capacity()) {
    text_.append(name).append(value);
    return;
  }
  // Both may be views into this very object, so the old text lives until they are copied.
  std::string grown;
  grown.reserve(std::max<std::size_t>(512, 2 * size));
  grown.append(text_).append(name).append(value);
  text_.swap(grown);
}

void Headers::Set(std::string_view name, std::string_view value) {
  // Added first, so that a value looked up in this object may be set again under another name.
  Add(name, value);
  const Slot added = slots_.back();
  slots_.pop_back();
  const std::string_view key = std::string_view(text_).substr(added.begin, added.name_size);
  Remove(key);
  slots_.push_back(added);
}

void Headers::Remove(std::string_view name) {
  std::erase_if(slots_, [&](const Slot& slot) {
    return slot.name_size == name.size() &&
           EqualsIgnoreCase(std::string_view(text_).substr(slot.begin, slot.name_size), name);
  });
}

bool Headers::AreSafe() const {
  // Branchless, so that the compiler makes it a few vector instructions for all fields at once.
  // Fields that were removed are still in the text: at worst a safe set is taken for unsafe.
  char bad = 0;
  for (const char c : text_) bad |= static_cast<char>((c == '\r') | (c == '\n') | (c == '\0'));
  return bad == 0;
}

void Headers::Clear() {
  text_.clear();
  slots_.clear();
}

std::string_view Headers::Get(std::string_view name) const {
  return Find(name).value_or(std::string_view());
}

std::optional<std::string_view> Headers::Find(std::string_view name) const {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].name_size != name.size()) continue;
    const Field field = At(i);
    if (EqualsIgnoreCase(field.first, name)) return Trim(field.second);
  }
  return std::nullopt;
}

}  // namespace forebay::http
