// When to have a directory listed because a program looks at one of its names after the other.
//
// A question for one name costs the server and the mount as much as a dozen entries of a listing
// do. So once enough names of a directory were asked for within the time that answers are believed,
// pages of it are listed: at most kPerName entries for each name that is looked up. Where hardly
// any of what was listed was looked up, or listing fails, the directory is left alone for a while,
// longer each time.
//
// A value, guarded by its owner.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

#include "base/clock.h"

namespace forebay::vfs {

class LookAhead {
 public:
  static constexpr std::size_t kAsked = 16;                 // names, before anything is listed
  static constexpr std::size_t kPerName = 16;               // entries
  static constexpr std::size_t kLeast = kAsked * kPerName;  // entries of a page
  static constexpr std::size_t kMost = 1000;
  static constexpr std::size_t kWanted = 8;  // one in so many must have been looked up
  static constexpr std::size_t kLeftAlone = 63;

  struct Page {
    std::string after;  // the marker of the page before; empty: the beginning
    std::size_t limit = 0;
  };

  // A name that is there was looked up; the server was `asked`, or it was remembered.
  void LookedUp(bool asked, SteadyTime now, std::chrono::milliseconds age);
  // What is worth being listed now. Listed or Failed must follow; until then there is nothing else.
  std::optional<Page> Next(SteadyTime now, std::chrono::milliseconds age);
  // `next` is the following page's marker; empty: there is none.
  void Listed(std::size_t entries, std::string next);
  void Failed();

 private:
  void Enter(SteadyTime now, std::chrono::milliseconds age);
  void LeaveAlone();

  SteadyTime began_;  // what follows is counted from here on, for as long as answers are believed
  std::size_t asked_ = 0;
  std::size_t looked_up_ = 0;
  std::size_t listed_ = 0;
  std::string after_;
  bool all_ = false;  // was listed to the end

  bool listing_ = false;
  std::size_t alone_ = 0;  // such times in which nothing is listed,
  std::size_t skip_ = 0;   // and how many of them are left
};

}  // namespace forebay::vfs
