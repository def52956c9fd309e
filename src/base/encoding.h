// Text encodings of the wire: base64, hex, percent. Pure functions, thread safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace forebay {

std::string Base64Encode(ByteView data);
// Strict RFC 4648 with padding; nullopt where the text is anything else.
std::optional<std::string> Base64Decode(std::string_view text);
// As Node's Buffer does: skips what is not in the alphabet, takes '-' and '_' too, needs no
// padding. For account keys only.
std::string Base64DecodeLenient(std::string_view text);

std::string HexEncode(ByteView data);  // lower case

// RFC 3986: everything but unreserved characters, and but those in `keep`, becomes %XX (upper
// case).
std::string PercentEncode(std::string_view text, std::string_view keep = "");
// nullopt for a stray '%'. '+' stays '+'.
std::optional<std::string> PercentDecode(std::string_view text);

// True for well-formed UTF-8 without surrogates or overlong forms.
bool IsValidUtf8(std::string_view text);

bool EqualsIgnoreCase(std::string_view a, std::string_view b);  // ASCII
std::string ToLowerAscii(std::string_view text);

}  // namespace forebay
