// TLS set-up for server and client: contexts, and OpenSSL over a non-blocking socket without a copy
// in between.
//
// An SSL_CTX may be shared between threads; an SSL belongs to its connection's loop.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "base/result.h"
#include "http/transport.h"

namespace forebay::http {

using SslContext = std::shared_ptr<SSL_CTX>;

// TLS 1.2 and 1.3, session tickets, for the certificate chain and key in two PEM files.
// kInvalidConfig, naming the file and what is wrong with it.
Result<SslContext> MakeServerContext(const std::string& certificate_chain,
                                     const std::string& private_key);
// Verifies servers against the system's certificates and those in `ca_file`, where given.
Result<SslContext> MakeClientContext(const std::string& ca_file);

Result<SslPtr> NewServerSsl(SSL_CTX* context);
// With SNI (for names) and the check that the certificate is for `host` (a name or an IP address).
Result<SslPtr> NewClientSsl(SSL_CTX* context, const std::string& host);

// Lets `ssl` read and write the non-blocking socket; never raises SIGPIPE. The descriptor stays the
// caller's.
void AttachSocket(SSL* ssl, int descriptor);

// What went wrong last on this thread, for a person.
std::string TlsErrorText(SSL* ssl);

}  // namespace forebay::http
