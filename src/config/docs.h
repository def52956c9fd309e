// The configuration explained, from the schema alone: for docs/configuration.md and
// docs/forebay.example.toml. A test holds the committed pages to these functions. Pure, thread
// safe.
#pragma once

#include <string>

namespace forebay::config {

std::string ConfigMarkdown();  // docs/configuration.md
std::string
ConfigExample();  // docs/forebay.example.toml: every key, commented out, with its default

}  // namespace forebay::config
