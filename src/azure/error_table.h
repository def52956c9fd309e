// The one place where a domain Code becomes what Azure says: HTTP status, x-ms-error-code, message.
//
// The inverse serves the lake client. Pure, thread safe. Codes: "Status and error codes" and "Blob
// service error codes" of the REST reference.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace forebay::azure {

struct WireError {
  Code code;
  unsigned status;           // HTTP status
  std::string_view name;     // x-ms-error-code
  std::string_view message;  // Azure's sentence
};

// Every Code has an entry: those of this process map to InternalError, ServerBusy,
// OperationTimedOut …
const WireError& WireErrorOf(Code code);

// What a lake's answer means. `name` may be empty (a HEAD through a proxy): the status alone
// decides then. Unknown names fall back to the status; 5xx and 429 give retryable codes.
Code CodeFromWire(unsigned status, std::string_view name);

// Errors with the further elements that Azure puts into the body. They travel in Error::detail():
// for the authentication codes the whole detail is AuthenticationErrorDetail, for others it is
// lines of "Element: value".
Error InvalidHeaderError(std::string_view name, std::string_view value);
Error MissingHeaderError(std::string_view name);
Error UnsupportedHeaderError(std::string_view name, std::string_view value);
// A CRC-64 header beside an MD5 one.
Error BothChecksumsError(std::string_view name);
// `reason` may be empty.
Error InvalidQueryError(std::string_view name, std::string_view value,
                        std::string_view reason = {});
Error OutOfRangeQueryError(std::string_view name, std::string_view value, std::string_view minimum,
                           std::string_view maximum);
Error MissingQueryError(std::string_view name);
Error AuthenticationError(std::string detail);  // kAuthenticationFailed

// The body of an error answer: <Error><Code/><Message/> and the elements of error.detail(). The
// message ends with RequestId and Time lines as Azure's does. Our own message is shown for codes
// that Azure has no sentence for; internal details (kIo, kCorruption …) never leave the process.
std::string ErrorXml(const Error& error, std::string_view request_id, WallTime now);

// The parts of an error body: {Code, Message} and further elements; empty code when it is no such
// document. For the lake client; bounded and safe on hostile input.
struct ParsedErrorBody {
  std::string code;
  std::string message;
};
ParsedErrorBody ParseErrorXml(std::string_view body);

}  // namespace forebay::azure
