// From a URL to the Remote behind it: what the server is, is found out once.
//
// A container of a Forebay server with the POSIX extensions (docs/posix-extensions.md), of a
// hierarchical account without them, or of a flat account: the first of these that it turns out to
// be.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "lake/credential.h"
#include "lake/endpoint.h"
#include "vfs/remote.h"

namespace forebay::vfs {

struct ConnectOptions {
  // "http://127.0.0.1:10000/devlakeaccount1/training[/directory]", or host style.
  std::string url;
  // As lake/credential.h takes it: "key:BASE64", "key:@FILE", "sas:TOKEN", "sas:@FILE",
  // "workload-identity" … Empty: from the environment (see CredentialFor).
  std::string credential;
  std::string account;  // for hosts of one's own, whose name does not say it
  std::string ca_file;
  std::size_t connections = 256;
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds stall_timeout{60'000};
  // How long a server is waited for that does not answer at all.
  std::chrono::milliseconds reach_timeout{5000};
  // How long after a mount's death its locks and open files fall free.
  std::chrono::seconds session_ttl{60};
  bool read_only = false;
  // False: as if the server had no extensions, for comparison and tests.
  bool extensions = true;
  std::string owner;  // shown to administrators: host and mount point
};

// In this order: `text`; FOREBAY_CREDENTIAL (the same syntax); AZURE_STORAGE_KEY;
// AZURE_STORAGE_SAS_TOKEN; the well-known key, for the development accounts on loopback.
// kInvalidConfig, saying what to give; never repeats a secret.
Result<std::unique_ptr<lake::Credential>> CredentialFor(const lake::LakeEndpoint& endpoint,
                                                        const std::string& text);

// Until the context's deadline. kInvalidConfig, kContainerNotFound, authentication errors,
// kDeadlineExceeded where nobody answers in time, kNetwork where nobody is.
Task<std::unique_ptr<Remote>> Connect(OpContext context, ConnectOptions options);

}  // namespace forebay::vfs
