// The configuration explained, from the schema alone: for `--help`, docs/configuration.md and
// docs/forebay.example.toml. A test holds the committed pages to these functions. Pure, thread
// safe.
#pragma once

#include <string>

namespace forebay::config {

std::string ConfigHelp();      // plain text for a terminal, at most 100 columns
std::string ConfigMarkdown();  // docs/configuration.md
std::string
ConfigExample();  // docs/forebay.example.toml: every key, commented out, with its default

}  // namespace forebay::config
