// List Containers: a page of an account's containers in order of their names.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "async/context.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

struct ListContainersRequest {
  Account account;
  std::string prefix = {};
  std::string start = {};  // first name of the page, inclusive; from the marker
  std::size_t max_results = 5000;
};
struct ListContainersResult {
  std::vector<std::pair<azure::ContainerName, meta::ContainerRecord>> containers;
  std::string next;  // first name of the next page; empty at the end
};

Task<ListContainersResult> ListContainers(Services& services, OpContext context,
                                          ListContainersRequest request);

}  // namespace forebay::engine
