// forebay: one binary with subcommands. `forebay --help` explains them.
#include <string>
#include <vector>

#include "cli/app.h"

int main(int argc, char** argv) {
  return forebay::cli::RunApp(std::vector<std::string>(argv + 1, argv + argc),
                              forebay::cli::Console::Standard());
}
