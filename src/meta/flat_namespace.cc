// The flat layout: a name is a key, byte order is listing order.
#include "base/codec.h"
#include "meta/keys.h"
#include "meta/namespace.h"

namespace forebay::meta {
namespace {

class FlatCursor final : public NameCursor {
 public:
  FlatCursor(const kv::Reader& reader, ContainerId container, std::string_view prefix)
      : container_(container),
        begin_(keys::FlatName(container, prefix)),
        it_(reader.Scan(begin_, PrefixEnd(begin_))) {
    Load();
  }

  void Seek(std::string_view name) override {
    // A name before the prefix must not lead out of the range.
    const std::string key = keys::FlatName(container_, name);
    it_->Seek(key < begin_ ? begin_ : key);
    Load();
  }
  bool Valid() const override { return it_->Valid(); }
  void Next() override {
    it_->Next();
    Load();
  }
  void SkipPrefix(std::string_view prefix) override {
    it_->Seek(PrefixEnd(keys::FlatName(container_, prefix)));
    Load();
  }
  const std::string& name() const override { return name_; }
  Result<BlobRecord> record() const override { return DecodeBlob(it_->value()); }
  Result<> status() const override { return it_->status(); }

 private:
  void Load() {
    if (it_->Valid()) name_.assign(keys::NameOfFlatKey(it_->key()));
  }

  ContainerId container_;
  std::string begin_;
  std::unique_ptr<kv::Iterator> it_;
  std::string name_;
};

class Flat final : public Namespace {
 public:
  Result<std::string> Normalize(std::string_view name) const override { return std::string(name); }

  Result<std::optional<BlobRecord>> Find(const kv::Reader& reader, ContainerId container,
                                         std::string_view name) const override {
    FB_ASSIGN_OR_RETURN(auto value, reader.Get(keys::FlatName(container, name)));
    if (!value) return std::optional<BlobRecord>();
    auto record = DecodeBlob(*value);
    if (!record) return Fail(std::move(record.error()));
    return std::optional<BlobRecord>(std::move(*record));
  }

  Result<> Put(kv::Transaction& txn, ContainerId container, std::string_view name,
               const BlobRecord& record, IdSource&) const override {
    txn.Put(keys::FlatName(container, name), Encode(record));
    return {};
  }

  Result<> Erase(kv::Transaction& txn, ContainerId container,
                 std::string_view name) const override {
    txn.Erase(keys::FlatName(container, name));
    return {};
  }

  std::unique_ptr<NameCursor> List(const kv::Reader& reader, ContainerId container,
                                   std::string_view prefix) const override {
    return std::make_unique<FlatCursor>(reader, container, prefix);
  }
};

}  // namespace

const Namespace& FlatNamespace() {
  static const Flat instance;
  return instance;
}

}  // namespace forebay::meta
