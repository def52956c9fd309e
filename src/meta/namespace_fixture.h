// For the tests of the namespaces: a store in memory, and calls that run one transaction each.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kv/memory.h"
#include "meta/namespace.h"

namespace forebay::meta {

class NamespaceFixture {
 public:
  explicit NamespaceFixture(const Namespace& names)
      : names_(names), ids_(std::move(*IdSource::Open(store_))) {}

  static constexpr ContainerId kContainer{500};

  kv::Store& store() { return store_; }
  IdSource& ids() { return *ids_; }
  std::unique_ptr<kv::Reader> Snapshot() { return store_.GetSnapshot(); }

  BlobRecord MakeBlob() {
    BlobRecord record;
    record.id = BlobId(*ids_->Next());
    record.modified = WallTime{static_cast<std::int64_t>(record.id.value())};
    record.created = record.modified;
    record.etag = ETagNumber(record.id.value());
    return record;
  }
  BlobRecord MakeDirectory() {
    BlobRecord record = MakeBlob();
    record.directory = InodeId(*ids_->Next());
    return record;
  }

  Result<> Put(std::string_view name, const BlobRecord& record,
               ContainerId container = kContainer) {
    return store_.TransactBlocking(
        [&](kv::Transaction& txn) { return names_.Put(txn, container, name, record, *ids_); });
  }
  Result<> Erase(std::string_view name, ContainerId container = kContainer) {
    return store_.TransactBlocking(
        [&](kv::Transaction& txn) { return names_.Erase(txn, container, name); });
  }
  std::optional<BlobRecord> Find(std::string_view name, ContainerId container = kContainer) {
    auto found = names_.Find(*Snapshot(), container, name);
    EXPECT_TRUE(found) << found.error().ToString();
    return found ? *found : std::nullopt;
  }
  std::vector<std::string> List(std::string_view prefix = {}, ContainerId container = kContainer) {
    const auto snapshot = Snapshot();
    const auto cursor = names_.List(*snapshot, container, prefix);
    std::vector<std::string> out;
    for (; cursor->Valid(); cursor->Next()) out.push_back(cursor->name());
    EXPECT_TRUE(cursor->status());
    return out;
  }
  // Every key of the store's records, for tests that nothing was left behind.
  std::size_t KeysOfTable(char table) {
    const auto snapshot = Snapshot();
    const auto it =
        snapshot->Scan(std::string(1, table), std::string(1, static_cast<char>(table + 1)));
    std::size_t count = 0;
    for (; it->Valid(); it->Next()) ++count;
    return count;
  }

 private:
  const Namespace& names_;
  kv::MemoryStore store_;
  std::unique_ptr<IdSource> ids_;
};

}  // namespace forebay::meta
