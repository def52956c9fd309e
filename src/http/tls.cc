#include "http/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>

namespace forebay::http {
namespace {

// A BIO over send and recv: OpenSSL's own uses write, which raises SIGPIPE.
int Descriptor(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

bool WouldBlock() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

int BioWrite(BIO* bio, const char* data, std::size_t size, std::size_t* written) {
  BIO_clear_retry_flags(bio);
  const ssize_t put = ::send(Descriptor(bio), data, size, MSG_NOSIGNAL);
  if (put < 0) {
    if (WouldBlock()) BIO_set_retry_write(bio);
    return 0;
  }
  *written = static_cast<std::size_t>(put);
  return 1;
}

int BioRead(BIO* bio, char* data, std::size_t size, std::size_t* read) {
  BIO_clear_retry_flags(bio);
  const ssize_t got = ::recv(Descriptor(bio), data, size, 0);
  if (got <= 0) {
    if (got < 0 && WouldBlock()) BIO_set_retry_read(bio);
    if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return 0;
  }
  *read = static_cast<std::size_t>(got);
  return 1;
}

long BioControl(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
  return 0;
}

BIO_METHOD* SocketMethod() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "forebay socket");
    BIO_meth_set_write_ex(made, BioWrite);
    BIO_meth_set_read_ex(made, BioRead);
    BIO_meth_set_ctrl(made, BioControl);
    return made;
  }();
  return method;
}

std::string LastError() {
  const unsigned long code = ERR_peek_last_error();
  if (code == 0) return "unknown error";
  const char* reason = ERR_reason_error_string(code);
  if (reason != nullptr) return reason;
  char text[256];
  ERR_error_string_n(code, text, sizeof(text));
  return text;
}

Result<SslContext> NewContext(const SSL_METHOD* method) {
  SslContext context(SSL_CTX_new(method), SSL_CTX_free);
  if (context == nullptr) return Fail(Code::kInternal, "Cannot set up TLS: " + LastError());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // Partial writes keep the loop fair; released buffers keep idle connections small; read-ahead
  // saves a system call for each record.
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context.get(), 1);
  return context;
}

}  // namespace

Result<SslContext> MakeServerContext(const std::string& certificate_chain,
                                     const std::string& private_key) {
  FB_ASSIGN_OR_RETURN(SslContext context, NewContext(TLS_server_method()));
  SSL_CTX* raw = context.get();
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(raw, certificate_chain.c_str()) != 1) {
    return Fail(Code::kInvalidConfig, "Cannot use the certificate file " + certificate_chain +
                                          ": " + LastError() + ". It must be a readable PEM file.");
  }
  if (SSL_CTX_use_PrivateKey_file(raw, private_key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return Fail(Code::kInvalidConfig,
                "Cannot use the private key file " + private_key + ": " + LastError() +
                    ". It must be a readable PEM file that belongs to " + certificate_chain + ".");
  }
  if (SSL_CTX_check_private_key(raw) != 1) {
    return Fail(Code::kInvalidConfig, "The private key " + private_key +
                                          " does not belong to the certificate " +
                                          certificate_chain + ".");
  }
  SSL_CTX_set_options(
      raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
  static constexpr unsigned char kSessionContext[] = "forebay";
  SSL_CTX_set_session_id_context(raw, kSessionContext, sizeof(kSessionContext) - 1);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);  // tickets keep the state at the client
  // AES-128-GCM first: as safe as AES-256 here, and a third faster.
  SSL_CTX_set_ciphersuites(
      raw, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
  SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL");
  return context;
}

Result<SslContext> MakeClientContext(const std::string& ca_file) {
  FB_ASSIGN_OR_RETURN(SslContext context, NewContext(TLS_client_method()));
  SSL_CTX_set_default_verify_paths(context.get());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  ERR_clear_error();
  if (!ca_file.empty() &&
      SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(), nullptr) != 1) {
    return Fail(Code::kInvalidConfig, "Cannot use the certificate authority file " + ca_file +
                                          ": " + LastError() + ". It must be a readable PEM file.");
  }
  return context;
}

Result<SslPtr> NewServerSsl(SSL_CTX* context) {
  SslPtr ssl(SSL_new(context));
  if (ssl == nullptr) return Fail(Code::kInternal, "Cannot start TLS: " + LastError());
  SSL_set_accept_state(ssl.get());
  return ssl;
}

Result<SslPtr> NewClientSsl(SSL_CTX* context, const std::string& host) {
  SslPtr ssl(SSL_new(context));
  if (ssl == nullptr) return Fail(Code::kInternal, "Cannot start TLS: " + LastError());
  SSL_set_connect_state(ssl.get());
  unsigned char address[16];
  const bool is_ip = ::inet_pton(AF_INET, host.c_str(), address) == 1 ||
                     ::inet_pton(AF_INET6, host.c_str(), address) == 1;
  const bool set = is_ip
                       ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), host.c_str()) == 1
                       : SSL_set1_host(ssl.get(), host.c_str()) == 1 &&
                             SSL_set_tlsext_host_name(ssl.get(), host.c_str()) == 1;
  if (!set) return Fail(Code::kNetwork, "TLS cannot be used with the host name " + host + ".");
  return ssl;
}

void AttachSocket(SSL* ssl, int descriptor) {
  BIO* bio = BIO_new(SocketMethod());
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(descriptor)));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
}

std::string TlsErrorText(SSL* ssl) {
  const long verdict = SSL_get_verify_result(ssl);
  if (verdict != X509_V_OK) return X509_verify_cert_error_string(verdict);
  if (ERR_peek_last_error() == 0) return "the peer closed the connection";
  return LastError();
}

}  // namespace forebay::http
