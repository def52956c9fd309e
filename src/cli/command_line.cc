#include "cli/command_line.h"

#include <utility>

namespace forebay::cli {

CLI::App* AddServed(CommandLine& line, CLI::App& parent, const char* name, const char* help,
                    std::function<int(Control&)> body) {
  const Console& console = line.console();
  return line.AddControl(parent, name, help, [&console, body = std::move(body)](Control& control) {
    if (!control.local()) return body(control);
    return console.Refuse({Code::kNotFound,
                           "No server has this store; lakes are served while `forebay serve` "
                           "runs."});
  });
}

}  // namespace forebay::cli
