// How a command finds the server that has a data directory, and proves that it may steer it: two
// files that only who can read the data directory can read.
//
//   DATA/admin.token      a random secret, made once (mode 0600); another file where one is
//                         configured (admin_token_file)
//   DATA/events.token     the same for the webhook of Event Grid (lake.events_token_file), which is
//                         told to Azure and opens nothing else
//   DATA/admin.endpoint   "127.0.0.1:9464": where the server listens, as bound
//
// Every call blocks. kIo, and kNotFound where a file that is asked for is not there.
#pragma once

#include <string>

#include "base/result.h"

namespace forebay::admin {

// The token in `token_file`, or where that is empty the data directory's, which is made when there
// is none. kInvalidConfig: a file that is not there, or whose token is too short to be safe.
Result<std::string> EnsureToken(const std::string& data_directory,
                                const std::string& token_file = "");
// The same for the webhook of events: DATA/events.token.
Result<std::string> EnsureEventsToken(const std::string& data_directory,
                                      const std::string& token_file = "");
Result<> WriteEndpoint(const std::string& data_directory, const std::string& endpoint);
// What a stopped server leaves behind would lead nowhere.
void RemoveEndpoint(const std::string& data_directory);

struct ControlFiles {
  std::string token;
  std::string endpoint;
};
// kNotFound says what is missing, and what to do.
Result<ControlFiles> ReadControlFiles(const std::string& data_directory,
                                      const std::string& token_file = "");

}  // namespace forebay::admin
