#include "tier/same_bytes.h"

#include <algorithm>
#include <chrono>

namespace forebay::tier {
namespace {

constexpr std::uint64_t kAtATime = 4 << 20;

}  // namespace

Task<std::string> ReadLakeRange(lake::ObjectLake& lake, lake::LakeCall call, LakeBytes from,
                                std::uint64_t offset, std::uint64_t length) {
  lake::GetRequest request;
  request.name = from.name;
  request.range = lake::LakeRange{offset, length};
  request.conditions.match = from.etag;
  FB_CO_ASSIGN_OR_RETURN(lake::GetAnswer answer, co_await lake.Get(call, std::move(request)));
  if (answer.length != length) co_return Fail(Code::kConditionNotMet, "The blob is shorter.");
  std::string bytes(static_cast<std::size_t>(length), '\0');
  std::size_t at = 0;
  while (at < bytes.size()) {
    FB_CO_ASSIGN_OR_RETURN(
        const std::size_t got,
        co_await answer.body->Read(
            MutableByteView(reinterpret_cast<std::byte*>(bytes.data()) + at, bytes.size() - at)));
    if (got == 0) co_return Fail(Code::kConnectionClosed, "The lake's answer is too short.");
    at += got;
  }
  co_return bytes;
}

Task<bool> SameBytes(lake::ObjectLake& lake, lake::LakeCall call, LakeBytes a, LakeBytes b,
                     std::uint64_t length) {
  const SteadyTime begun = std::chrono::steady_clock::now();
  const bool bounded = call.context.deadline != SteadyTime::max();
  const auto time = call.context.deadline - begun;
  for (std::uint64_t at = 0; at < length; at += kAtATime) {
    const std::uint64_t some = std::min(kAtATime, length - at);
    if (bounded) call.context.deadline = std::chrono::steady_clock::now() + time;
    FB_CO_ASSIGN_OR_RETURN(const std::string first,
                           co_await ReadLakeRange(lake, call, a, at, some));
    FB_CO_ASSIGN_OR_RETURN(const std::string other,
                           co_await ReadLakeRange(lake, call, b, at, some));
    if (first != other) co_return false;
  }
  co_return true;
}

}  // namespace forebay::tier
