// The command line: which command is meant, what it needs, what it says when that is wrong.
//
// Exit statuses: 0 done, 1 it did not work (why is on standard error), 2 a check found damage,
// 64 a wrong command line.
#pragma once

#include <string>
#include <vector>

#include "cli/console.h"

namespace forebay::cli {

// Runs the command that `arguments` (without the program's name) spell, to its end.
int RunApp(std::vector<std::string> arguments, const Console& console);

// The help of every command, one after the other, without the keys that have a page of their own:
// docs/cli.md, which a test holds to it.
std::string CommandPages();

}  // namespace forebay::cli
