#include <openssl/evp.h>

#include "base/checksum.h"
#include "base/log.h"

namespace forebay {
namespace {

const EVP_MD* Algorithm() {
  // Fetched once: an implicit fetch for every digest costs more than a small digest itself.
  static const EVP_MD* md5 = EVP_MD_fetch(nullptr, "MD5", nullptr);
  if (md5 == nullptr) Panic("OpenSSL offers no MD5 (is it in FIPS mode?)");
  return md5;
}

}  // namespace

struct Md5::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() {
    if (context == nullptr || EVP_DigestInit_ex2(context, Algorithm(), nullptr) != 1) {
      Panic("cannot start an MD5 digest");
    }
  }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

Md5::Md5() : state_(std::make_unique<State>()) {}
Md5::~Md5() = default;
Md5::Md5(Md5&&) noexcept = default;
Md5& Md5::operator=(Md5&&) noexcept = default;

void Md5::Update(ByteView data) {
  if (EVP_DigestUpdate(state_->context, data.data(), data.size()) != 1) Panic("MD5 update failed");
}

Md5Digest Md5::Finish() {
  Md5Digest digest;
  unsigned size = 0;
  if (EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(digest.data()), &size) !=
          1 ||
      size != digest.size()) {
    Panic("MD5 final failed");
  }
  return digest;
}

Md5Digest Md5::Of(ByteView data) {
  Md5 md5;
  md5.Update(data);
  return md5.Finish();
}

}  // namespace forebay
