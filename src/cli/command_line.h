// What a group of commands needs to put itself into the command line (cli/app.cc does the rest).
//
// One thread. Lives as long as the program's command line.
#pragma once

#include <functional>

#include "cli/console.h"
#include "cli/control.h"

namespace CLI {
class App;
}

namespace forebay::cli {

class CommandLine {
 public:
  virtual ~CommandLine() = default;
  virtual CLI::App& root() = 0;
  virtual const Console& console() const = 0;
  // A command that talks to the store or its server, with the flags that say which one. The body
  // answers the exit status.
  virtual CLI::App* AddControl(CLI::App& parent, const char* name, const char* help,
                               std::function<int(Control&)> body) = 0;
};

// The same for what only a process that stays can do: refused where no server has the store.
CLI::App* AddServed(CommandLine& line, CLI::App& parent, const char* name, const char* help,
                    std::function<int(Control&)> body);

}  // namespace forebay::cli
