#include "cli/mount_options.h"

#include <algorithm>
#include <charconv>
#include <functional>

#include "base/units.h"
#include "config/settings.h"

namespace forebay::cli {
namespace {

using std::chrono::milliseconds;

// `value` is absent where the option was written without "=".
using Setter = std::function<Result<>(std::string_view value, MountOptions& to)>;

struct Option {
  std::string name;
  std::string value;  // what stands behind "="; empty for a switch
  std::string help;   // empty: an alias, or what others read
  Setter set;
};

Result<std::uint64_t> Number(std::string_view text) {
  std::uint64_t out = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (ec != std::errc() || end != text.data() + text.size() || text.empty()) {
    return Fail(Code::kInvalidInput, "needs a number");
  }
  return out;
}

// "30s", "500ms", or seconds as mount options have them: "30", "0.5".
Result<milliseconds> Time(std::string_view text) {
  double seconds = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (ec == std::errc() && end == text.data() + text.size() && seconds >= 0 && seconds < 1e9) {
    return milliseconds(static_cast<std::int64_t>(seconds * 1000));
  }
  auto parsed = ParseDuration(std::string(text));
  if (!parsed) return Fail(Code::kInvalidInput, "needs a time, such as 30s or 0.5");
  return std::chrono::duration_cast<milliseconds>(*parsed);
}

template <class T>
Setter SetNumber(T MountOptions::* group, unsigned T::* field, unsigned least, unsigned most) {
  return [=](std::string_view value, MountOptions& to) -> Result<> {
    FB_ASSIGN_OR_RETURN(const std::uint64_t number, Number(value));
    if (number < least || number > most) {
      return Fail(Code::kInvalidInput,
                  "must be from " + std::to_string(least) + " to " + std::to_string(most));
    }
    (to.*group).*field = static_cast<unsigned>(number);
    return {};
  };
}
Setter SetTime(milliseconds vfs::FileSystemOptions::* field) {
  return [=](std::string_view value, MountOptions& to) -> Result<> {
    FB_ASSIGN_OR_RETURN(to.files.*field, Time(value));
    return {};
  };
}
template <class T>
Setter SetSize(T vfs::BufferedFilesOptions::* field, std::uint64_t least) {
  return [=](std::string_view value, MountOptions& to) -> Result<> {
    FB_ASSIGN_OR_RETURN(const std::uint64_t bytes, ParseBytes(std::string(value)));
    if (bytes < least) {
      return Fail(Code::kInvalidInput, "must be " + std::to_string(least) + " bytes or more");
    }
    to.buffers.*field = bytes;
    return {};
  };
}
Setter SetText(std::string MountOptions::* field) {
  return [=](std::string_view value, MountOptions& to) -> Result<> {
    to.*field = std::string(value);
    return {};
  };
}
Setter SetMode(std::uint32_t vfs::FileSystemOptions::* field) {
  return [=](std::string_view value, MountOptions& to) -> Result<> {
    std::uint32_t mode = 0;
    auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), mode, 8);
    if (ec != std::errc() || end != value.data() + value.size() || mode > 07777) {
      return Fail(Code::kInvalidInput, "needs an octal mode such as 0644");
    }
    to.files.*field = mode;
    return {};
  };
}
Setter SetSwitch(bool fuse::SessionOptions::* field, bool on) {
  return [=](std::string_view, MountOptions& to) -> Result<> {
    to.session.*field = on;
    return {};
  };
}
Setter Kernel(std::string name) {
  return [name](std::string_view, MountOptions& to) -> Result<> {
    to.session.kernel_options.push_back(name);
    return {};
  };
}
Result<> SetReadOnly(std::string_view, MountOptions& to) {
  to.session.read_only = to.files.read_only = true;
  return {};
}
Result<> SetThreads(std::string_view value, MountOptions& to) {
  FB_ASSIGN_OR_RETURN(to.threads, Number(value));
  if (to.threads < 1 || to.threads > 256) {
    return Fail(Code::kInvalidInput, "must be from 1 to 256");
  }
  return {};
}
Result<> SetCacheSize(std::string_view value, MountOptions& to) {
  FB_ASSIGN_OR_RETURN(to.cache_bytes, ParseBytes(std::string(value)));
  if (to.cache_bytes < 64_MiB) return Fail(Code::kInvalidInput, "must be 64MiB or more");
  return {};
}
Result<> Ignore(std::string_view, MountOptions&) { return {}; }

std::vector<Option> AccessOptions() {
  using Files = vfs::FileSystemOptions;
  return {
      {"ro", "", "Refuse every change.", SetReadOnly},
      {"key_file", "FILE", "The account's key, in a file.", SetText(&MountOptions::key_file)},
      {"sas_file", "FILE", "A SAS, in a file; read again when it changes.",
       SetText(&MountOptions::sas_file)},
      {"token_file", "FILE", "A bearer token, in a file; read again when it changes.",
       SetText(&MountOptions::token_file)},
      {"credential", "WORD", "managed-identity, workload-identity or anonymous.",
       SetText(&MountOptions::credential)},
      {"account", "NAME", "The account, where the URL's host does not say it.",
       SetText(&MountOptions::account)},
      {"ca_file", "FILE", "Further certificates to trust (PEM).", SetText(&MountOptions::ca_file)},
      {"noallow_other", "", "Only the user who mounts may look.",
       SetSwitch(&fuse::SessionOptions::allow_other, false)},
      {"allow_other", "", "", SetSwitch(&fuse::SessionOptions::allow_other, true)},
      {"uid", "N", "Owner of what the server knows no owner of; gid=N likewise.",
       [](std::string_view value, MountOptions& to) -> Result<> {
         FB_ASSIGN_OR_RETURN(const std::uint64_t id, Number(value));
         to.files.default_uid = static_cast<std::uint32_t>(id);
         return {};
       }},
      {"gid", "N", "",
       [](std::string_view value, MountOptions& to) -> Result<> {
         FB_ASSIGN_OR_RETURN(const std::uint64_t id, Number(value));
         to.files.default_gid = static_cast<std::uint32_t>(id);
         return {};
       }},
      {"file_mode", "MODE", "Mode of files that the server knows none of (0644).",
       SetMode(&Files::default_file_mode)},
      {"dir_mode", "MODE", "The same of directories (0755).",
       SetMode(&Files::default_directory_mode)},
      {"connect_timeout", "TIME", "Give up mounting a server that is not there (5s).",
       [](std::string_view value, MountOptions& to) -> Result<> {
         FB_ASSIGN_OR_RETURN(to.connect_timeout, Time(value));
         return {};
       }},
      {"timeout", "TIME", "Fail operations that wait longer for the server; default: never.",
       SetTime(&Files::timeout)},
  };
}

std::vector<Option> SpeedOptions() {
  using Files = vfs::FileSystemOptions;
  using Buffers = vfs::BufferedFilesOptions;
  return {
      {"attr_timeout", "TIME", "How long attributes are believed (1s); 0: never.",
       SetTime(&Files::attribute_age)},
      {"entry_timeout", "TIME", "How long names are believed (1s).", SetTime(&Files::entry_age)},
      {"negative_timeout", "TIME", "How long absent names are believed (1s).",
       SetTime(&Files::negative_age)},
      {"write_memory", "SIZE", "Memory for what is being written (256MiB); writers wait for it.",
       SetSize(&Buffers::write_bytes, 16_MiB)},
      {"cache_memory", "SIZE", "Memory for what was read (256MiB).",
       SetSize(&Buffers::cache_bytes, 8_MiB)},
      {"cache", "DIR", "Keep what was read in this directory, for later mounts too.",
       SetText(&MountOptions::cache)},
      {"cache_size", "SIZE", "How much of it (10GiB).", SetCacheSize},
      {"read_ahead", "SIZE", "How far ahead of a reader to fetch (16MiB).",
       SetSize(&Buffers::read_ahead_bytes, 0)},
      {"read_ahead_kb", "N", "The kernel's own read-ahead (4096); 0 leaves it alone.",
       SetNumber(&MountOptions::session, &fuse::SessionOptions::read_ahead_kib, 0, 1u << 20)},
      {"uploads", "N", "Blocks uploaded at a time (8).", SetSize(&Buffers::uploads, 1)},
      {"max_background", "N", "Requests of the kernel that nobody waits for, at a time (128).",
       SetNumber(&MountOptions::session, &fuse::SessionOptions::max_background, 1, 4096)},
      {"threads", "N", "Event loops; default: one a core.", SetThreads},
      {"nodirect_writes", "", "Pass all writes through the page cache.",
       SetSwitch(&fuse::SessionOptions::direct_writes, false)},
      {"nolock", "", "Keep file locks on this machine.",
       SetSwitch(&fuse::SessionOptions::locks, false)},
      {"noacl", "", "No POSIX ACLs.", SetSwitch(&fuse::SessionOptions::posix_acls, false)},
      {"log", "FILE", "Where a mount in the background writes its log.",
       SetText(&MountOptions::log_file)},
      {"log_level", "LEVEL", "trace, debug, info (default), warn, error.",
       SetText(&MountOptions::log_level)},
      {"debug", "", "Show every request of the kernel (with --foreground).",
       SetSwitch(&fuse::SessionOptions::debug, true)},
  };
}

std::vector<Option> OtherOptions() {
  std::vector<Option> out;
  for (const char* name : {"nodev", "dev", "nosuid", "suid", "noexec", "exec", "noatime",
                           "nodiratime", "dirsync", "sync"}) {
    out.push_back({name, "", "", Kernel(name)});
  }
  // For mount(8), systemd, and those who write fstab by habit.
  for (const char* name :
       {"rw", "defaults", "auto", "noauto", "user", "users", "nouser", "owner", "group", "_netdev",
        "nofail", "relatime", "strictatime", "async", "default_permissions", "comment"}) {
    out.push_back({name, "", "", Ignore});
  }
  return out;
}

const std::vector<Option>& AllOptions() {
  static const auto* all = [] {
    auto* out = new std::vector<Option>(AccessOptions());
    for (auto&& list : {SpeedOptions(), OtherOptions()}) {
      out->insert(out->end(), list.begin(), list.end());
    }
    return out;
  }();
  return *all;
}

Result<> AddOne(std::string_view word, MountOptions& options) {
  const std::size_t equals = word.find('=');
  const std::string name(word.substr(0, equals));
  const std::string_view value = equals == word.npos ? "" : word.substr(equals + 1);
  if (name.starts_with("x-") || name == "comment") return {};
  const auto& all = AllOptions();
  auto at = std::ranges::find(all, name, &Option::name);
  if (at == all.end()) {
    std::vector<std::string> names;
    for (const Option& option : all) names.push_back(option.name);
    return Fail(Code::kInvalidInput,
                "There is no mount option " + name + config::DidYouMean(name, names));
  }
  if (at->value.empty() != (equals == word.npos)) {
    return Fail(Code::kInvalidInput, at->value.empty()
                                         ? "The mount option " + name + " takes no value."
                                         : "The mount option " + name + " needs a value: " + name +
                                               "=" + at->value + ".");
  }
  auto set = at->set(value, options);
  if (!set) {
    return Fail(Code::kInvalidInput,
                "The mount option " + name + " " + set.error().message() + ".");
  }
  return {};
}

}  // namespace

Result<> AddMountOptions(std::string_view list, MountOptions& options) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view word = list.substr(0, comma);
    if (!word.empty()) FB_RETURN_IF_ERROR(AddOne(word, options));
    list = comma == list.npos ? "" : list.substr(comma + 1);
  }
  return {};
}

std::string MountOptionsHelp() {
  std::string out;
  for (const Option& option : AllOptions()) {
    if (option.help.empty()) continue;
    std::string left = "  " + option.name + (option.value.empty() ? "" : "=" + option.value);
    left.resize(std::max<std::size_t>(left.size() + 1, 26), ' ');
    out += left + option.help + "\n";
  }
  return out + "  nodev, nosuid, noexec, noatime … as for every file system.\n";
}

}  // namespace forebay::cli
