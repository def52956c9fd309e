// Where a command's operations run: in the server that has the data directory, through its admin
// listener, or, when no server has it, in this process, which opens the store itself.
//
// One thread; every call blocks.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "config/config.h"

namespace forebay::cli {

class Control {
 public:
  virtual ~Control() = default;

  // Opens the store that `config` names, even with data directories missing, or finds its server.
  // kNotFound: no store, or no way to its server.
  static Result<std::unique_ptr<Control>> Connect(const config::Config& config);
  // The server at `endpoint` ("127.0.0.1:9464"), with its token.
  static std::unique_ptr<Control> ConnectTo(std::string endpoint, std::string token);

  // An operation of admin::ControlApi: its answer, or its error with the code it had there.
  virtual Result<std::string> Call(const std::string& method, const std::string& path,
                                   const std::string& body) = 0;
  // True when the work happens here: it ends with this process.
  virtual bool local() const = 0;
  // Starts the background work (evacuation, scrub) where it happens here; a server does it anyway.
  virtual void StartWork() = 0;
};

}  // namespace forebay::cli
