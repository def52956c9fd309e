#include "config/docs.h"

#include <fmt/format.h>

#include "config/schema.h"
#include "config/settings.h"

namespace forebay::config {
namespace {

// Words of `text` in lines of at most `width`, each after `indent`.
std::string Wrap(std::string_view text, std::string_view indent, std::size_t width) {
  std::string out, line(indent);
  while (!text.empty()) {
    std::size_t space = std::min(text.find(' '), text.size());
    std::string_view word = text.substr(0, space);
    text.remove_prefix(std::min(space + 1, text.size()));
    if (line.size() + 1 + word.size() > width && line.size() > indent.size()) {
      out += line + "\n";
      line = indent;
    }
    if (line.size() > indent.size()) line += ' ';
    line += word;
  }
  return out + line + "\n";
}

std::string TomlValue(const Key& key) {
  std::string_view value = key.default_value;
  switch (key.type) {
    case Type::kBool:
    case Type::kInteger:
      return std::string(value);
    case Type::kAddressList:
    case Type::kTextList:
    case Type::kSourceList: {
      std::string text;
      for (const std::string& item : SplitList(value)) {
        text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", item);
      }
      return "[" + text + "]";
    }
    default:
      return fmt::format("\"{}\"", value);
  }
}

std::string_view TableOf(const Key& key) {
  std::size_t dot = key.name.find('.');
  return dot == std::string_view::npos ? std::string_view() : key.name.substr(0, dot);
}

}  // namespace

std::string ConfigMarkdown() {
  std::string out = R"(# Configuration

<!-- Generated from src/config/schema.cc; `FOREBAY_UPDATE_GOLDEN=1 config_test` writes this page. -->

`forebay serve` needs no configuration. What there is comes from four places; the first that has a key
wins: a flag, an environment variable, the TOML file (`--config FILE` or `FOREBAY_CONFIG`), the default.
A wrong key or value stops the start with the place it came from and the nearest right name.

Sizes are written `"64MiB"`, or as a number of bytes; durations `"30s"`, `"1h30m"` or `"7d"`. In the file all values but numbers,
`true` and `false` stand in quotes, and a value of another type than its key's is refused; a list of one entry needs no brackets. In
flags and variables, a list's entries are separated by commas; a list's flag may also be repeated. `SIGHUP` reads everything
again: keys marked *reload*, accounts and their keys, and TLS certificates take effect at once; for
the others a warning names the key that waits for a restart.

## Keys

| Key | Type | Default | Flag, variable | |
|---|---|---|---|---|
)";
  for (const Key& key : Schema()) {
    out += fmt::format("| `{}` | {} | `{}` | `{}`<br>`{}` | {}{} |\n", key.name, TypeName(key.type),
                       TomlValue(key), FlagOf(key), EnvironmentOf(key), key.doc,
                       key.reloadable ? " *reload*" : "");
  }
  out += R"(
## Tables

`[[account]]` and `[[listener]]` may be repeated. Outside the file a row is written
`key=value,key=value`: a flag for each row, or all rows in one variable, separated by semicolons. A value
holds neither comma nor semicolon. `@FILE` instead of a key reads it from a file, so that no key shows in
a list of processes.

```sh
forebay serve --account name=lake,key1=@/etc/forebay/lake.key,hierarchical=true \
  --listener address=0.0.0.0:443,tls_cert=/etc/forebay/tls.crt,tls_key=/etc/forebay/tls.key
FOREBAY_ACCOUNTS='name=lake,key1=@/run/secrets/lake;name=logs,key1=@/run/secrets/logs' forebay serve
```

An account that is named in several places is put together key by key, the flag's key before the
variable's before the file's. The first place that names a listener, with `listen` or `[[listener]]`, names
them all. With no account, the development account `devstoreaccount1` exists with its published key, so
that `UseDevelopmentStorage=true` works, and the hierarchical `devlakeaccount1` with the same key for
the Data Lake API; the server refuses to listen beyond loopback with it.

| Table | Flag, variable |
|---|---|
)";
  for (const Table& table : Tables()) {
    out += fmt::format("| `[[{}]]` | `{}`<br>`{}` |\n", table.name, table.flag, table.variable);
  }
  out += R"(
| Table | Key | Type | |
|---|---|---|---|
)";
  for (const TableKey& key : TableSchema()) {
    out += fmt::format("| `[[{}]]` | `{}` | {} | {} |\n", key.table, key.name, key.type, key.doc);
  }
  return out;
}

std::string ConfigExample() {
  std::string out =
      "# An example configuration: every key with its default, commented out. See "
      "docs/configuration.md.\n";
  std::string_view table;
  for (const Key& key : Schema()) {
    if (TableOf(key) != table) {
      table = TableOf(key);
      out += fmt::format("\n[{}]\n", table);
    }
    std::string_view name = key.name.substr(table.empty() ? 0 : table.size() + 1);
    out += "\n" + Wrap(key.doc, "# ", 98);
    out += fmt::format("#{} = {}\n", name, TomlValue(key));
  }
  out += R"(
# Accounts. Without one, the development account exists, on loopback only.
# A key: head -c 64 /dev/urandom | base64 -w0
#[[account]]
#name = "myaccount"
#key1 = "@/etc/forebay/myaccount.key1"
#key2 = "@/etc/forebay/myaccount.key2"
#hierarchical = false
#allow_public_access = false
#default_access_tier = "Hot"

# Listeners with TLS; certificates are read again on SIGHUP.
#[[listener]]
#address = "0.0.0.0:10443"
#tls_cert = "/etc/forebay/tls.crt"
#tls_key = "/etc/forebay/tls.key"
)";
  return out;
}

}  // namespace forebay::config
