// What every ObjectLake must do, as tests: included by a test program, which instantiates
// LakeContract over all its lakes, FlatLakeContract and HierarchicalLakeContract over those of the
// kind:
//   INSTANTIATE_TEST_SUITE_P(Memory, FlatLakeContract,
//                            testing::ValuesIn(MakersOfKind(false, Makers())), MakerName);
// Each test has a lake (or a prefix of one) to itself, empty at its start.
#pragma once

#include <algorithm>
#include <thread>

#include "lake/contract_fixture.h"

namespace forebay::lake {

TEST_P(LakeContract, ProbeSaysWhatItIs) {
  const auto traits = RunSync(lake_->Probe(Call(), {}));
  LAKE_OK(traits);
  EXPECT_EQ(traits->hierarchical, GetParam().hierarchical);
  EXPECT_FALSE(traits->container_etag.empty());
  EXPECT_LT(std::abs(traits->clock_skew.count()), 60);
}

TEST_P(LakeContract, KeepsAllThatABlobIs) {
  PutRequest request;
  request.name = BlobName("dir/blob.bin");
  request.content = TextContent("some bytes");
  request.http.content_type = "text/x-test";
  request.http.content_encoding = "identity";
  request.http.content_language = "de";
  request.http.cache_control = "max-age=5";
  request.http.content_disposition = "attachment";
  request.http.content_md5 = Md5Text("some bytes");
  request.metadata = {{"owner", "me"}, {"purpose", "a b"}};
  if (GetParam().tags) request.tags = {{"k1", "v 1"}, {"k2", "v2"}};
  request.tier = AccessTier::kCool;
  const auto put = RunSync(lake_->Put(Call(Cause::kOffload), request));
  LAKE_OK(put);
  EXPECT_FALSE(put->etag.empty());
  const auto state = Head("dir/blob.bin");
  LAKE_OK(state);
  EXPECT_EQ(state->etag(), put->etag);
  EXPECT_EQ(state->length(), 10u);
  EXPECT_EQ(state->properties.http, request.http);
  EXPECT_EQ(state->properties.tier, AccessTier::kCool);
  EXPECT_FALSE(state->properties.tier_inferred);
  EXPECT_EQ(state->properties.type, azure::BlobType::kBlock);
  EXPECT_GT(state->properties.created.ticks, 0);
  EXPECT_GT(state->properties.last_modified.ticks, 0);
  EXPECT_EQ(MetadataValue(state->metadata, "owner"), "me");
  EXPECT_EQ(MetadataValue(state->metadata, "purpose"), "a b");
  if (GetParam().tags) EXPECT_EQ(state->tags, request.tags);
  EXPECT_FALSE(state->directory);
  const auto bytes = Get("dir/blob.bin");
  LAKE_OK(bytes);
  EXPECT_EQ(*bytes, "some bytes");
}

TEST_P(LakeContract, ReadsRanges) {
  const std::string text = Pattern(300'000);
  LAKE_OK(Put("a", text));
  EXPECT_EQ(*Get("a"), text);
  EXPECT_EQ(*Get("a", LakeRange{.offset = 0, .length = 1}), text.substr(0, 1));
  EXPECT_EQ(*Get("a", LakeRange{.offset = 1000, .length = 200'000}), text.substr(1000, 200'000));
  EXPECT_EQ(*Get("a", LakeRange{.offset = 299'990, .length = 100}), text.substr(299'990));
  EXPECT_EQ(*Get("a", LakeRange{.offset = 5}), text.substr(5));
  EXPECT_EQ(CodeOf(Get("a", LakeRange{.offset = 300'000, .length = 1})), Code::kInvalidRange);
  LAKE_OK(Put("empty", ""));
  EXPECT_EQ(*Get("empty"), "");
  const auto answer = RunSync(GetHead(*lake_, "a", LakeRange{.offset = 10, .length = 20}));
  LAKE_OK(answer);
  EXPECT_EQ(answer->offset, 10u);
  EXPECT_EQ(answer->length, 20u);
  EXPECT_EQ(answer->state.length(), 300'000u);
  EXPECT_EQ(answer->state.etag(), Head("a")->etag());
}

TEST_P(LakeContract, HoldsWritesToTheirConditions) {
  EXPECT_EQ(CodeOf(Put("a", "0", Match(ETag("0x8DAAAAAAAAAAAAA")))), Code::kConditionNotMet);
  const auto first = Put("a", "1", Absent());
  LAKE_OK(first);
  EXPECT_EQ(Classify(Put("a", "2", Absent()).error()), Failure::kPrecondition);
  const auto second = Put("a", "3", Match(first->etag));
  LAKE_OK(second);
  EXPECT_NE(second->etag, first->etag);
  EXPECT_EQ(CodeOf(Put("a", "4", Match(first->etag))), Code::kConditionNotMet);
  EXPECT_EQ(*Get("a"), "3");
  EXPECT_EQ(CodeOf(Delete("a", Match(first->etag))), Code::kConditionNotMet);
  LAKE_OK(Delete("a", Match(second->etag)));
  EXPECT_EQ(CodeOf(Head("a")), Code::kBlobNotFound);
}

TEST_P(LakeContract, HoldsReadsToTheirConditions) {
  const auto put = Put("a", "1");
  LAKE_OK(put);
  LakeConditions unless;
  unless.none_match = put->etag;
  EXPECT_EQ(CodeOf(Head("a", unless)), Code::kNotModified);
  EXPECT_EQ(CodeOf(Get("a", {}, unless)), Code::kNotModified);
  LAKE_OK(Put("a", "2"));
  LAKE_OK(Head("a", unless));
  EXPECT_EQ(CodeOf(Get("a", {}, Match(put->etag))), Code::kConditionNotMet);
  EXPECT_EQ(CodeOf(Head("a", Match(put->etag))), Code::kConditionNotMet);
}

TEST_P(LakeContract, TellsWhatIsMissing) {
  EXPECT_EQ(CodeOf(Head("none")), Code::kBlobNotFound);
  EXPECT_EQ(CodeOf(Get("none")), Code::kBlobNotFound);
  EXPECT_EQ(CodeOf(Delete("none")), Code::kBlobNotFound);
  EXPECT_EQ(CodeOf(RunSync(lake_->GetBlockList(Call(), BlobName("none")))), Code::kBlobNotFound);
  EXPECT_EQ(CodeOf(Update("none", SetMetadata{})), Code::kBlobNotFound);
  CopyRequest copy;
  copy.source = BlobName("none");
  copy.destination = BlobName("other");
  EXPECT_EQ(Classify(Copy(copy).error()), Failure::kNotFound);
}

TEST_P(LakeContract, RefusesBytesThatDoNotFitTheirMd5) {
  PutRequest request;
  request.name = BlobName("a");
  request.content = TextContent("some bytes");
  request.http.content_md5 = Md5Text("other bytes");
  const auto put = RunSync(lake_->Put(Call(), std::move(request)));
  ASSERT_FALSE(put.has_value());
  if (GetParam().md5_errors) {
    EXPECT_EQ(Classify(put.error()), Failure::kCorrupt) << put.error().ToString();
  }
  EXPECT_EQ(CodeOf(Head("a")), Code::kBlobNotFound);
}

TEST_P(LakeContract, CommitsBlocks) {
  using enum BlockSource;
  LAKE_OK(PutBlock("a", "id1", "one"));
  LAKE_OK(PutBlock("a", "id2", "two!"));
  LAKE_OK(PutBlock("a", "id3", "three"));
  const auto staged = RunSync(lake_->GetBlockList(Call(), BlobName("a")));
  LAKE_OK(staged);
  EXPECT_TRUE(staged->committed.empty());
  ASSERT_EQ(staged->uncommitted.size(), 3u);
  EXPECT_EQ(CodeOf(Commit("a", {{BlockId("id9"), kLatest}})), Code::kInvalidBlockList);
  const auto first =
      Commit("a", {{BlockId("id2"), kLatest}, {BlockId("id1"), kUncommitted}}, Absent());
  LAKE_OK(first);
  EXPECT_EQ(*Get("a"), "two!one");
  const auto lists = RunSync(lake_->GetBlockList(Call(), BlobName("a")));
  LAKE_OK(lists);
  EXPECT_EQ(lists->etag, first->etag);
  EXPECT_EQ(lists->length, 7u);
  ASSERT_EQ(lists->committed.size(), 2u);
  EXPECT_EQ(lists->committed[0].id, BlockId("id2"));
  EXPECT_EQ(lists->committed[0].size, 4u);
  EXPECT_TRUE(lists->uncommitted.empty()) << "a commit drops what it does not name";
  // Only what changed is sent again.
  LAKE_OK(PutBlock("a", "id4", "four"));
  LAKE_OK(Commit("a", {{BlockId("id1"), kCommitted}, {BlockId("id4"), kUncommitted}},
                 Match(first->etag)));
  EXPECT_EQ(*Get("a"), "onefour");
  EXPECT_EQ(CodeOf(Commit("a", {{BlockId("id1"), kCommitted}}, Match(first->etag))),
            Code::kConditionNotMet);
}

TEST_P(LakeContract, StreamsContentInPieces) {
  const std::string text = Pattern(9 * 1024 * 1024 + 17);
  PutBlockRequest block;
  block.name = BlobName("a");
  block.id = BlockId("big");
  block.content = std::make_shared<PiecedContent>(text, 1'000'003);
  LAKE_OK(RunSync(lake_->PutBlock(Call(Cause::kOffload), std::move(block))));
  LAKE_OK(Commit("a", {{BlockId("big"), BlockSource::kLatest}}));
  const auto back = Get("a");
  LAKE_OK(back);
  EXPECT_TRUE(*back == text);
  EXPECT_TRUE(*Get("a", LakeRange{.offset = 5'000'000, .length = 4'000'000}) ==
              text.substr(5'000'000, 4'000'000));
}

TEST_P(LakeContract, ListsInPages) {
  for (const char* name : {"a", "b/1", "b/2", "b/c/3", "d"}) LAKE_OK(Put(name, name));
  ListRequest request;
  request.max_results = 2;
  std::vector<std::string> names;
  std::size_t pages = 0;
  do {
    const auto page = List(request);
    LAKE_OK(page);
    for (const BlobState& blob : page->blobs) {
      if (!blob.directory) names.push_back(blob.name.str());
    }
    request.marker = page->next_marker;
    ASSERT_LT(++pages, 20u);
  } while (!request.marker.empty());
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b/1", "b/2", "b/c/3", "d"}));
  EXPECT_GE(pages, 3u);

  request = {};
  request.prefix = "b/";
  request.delimiter = "/";
  const auto level = List(request);
  LAKE_OK(level);
  ASSERT_EQ(level->blobs.size(), 2u);
  EXPECT_EQ(level->blobs[1].name.str(), "b/2");
  EXPECT_EQ(level->blobs[1].length(), 3u);
  EXPECT_EQ(level->blobs[1].etag(), Head("b/2")->etag());
  EXPECT_EQ(level->prefixes, std::vector<std::string>{"b/c/"});

  request = {};
  request.start_from = "b/2";
  const auto rest = List(request);
  LAKE_OK(rest);
  names.clear();
  for (const BlobState& blob : rest->blobs) {
    if (!blob.directory) names.push_back(blob.name.str());
  }
  EXPECT_EQ(names, (std::vector<std::string>{"b/2", "b/c/3", "d"}));
}

TEST_P(LakeContract, ListsWhatAHeadSays) {
  PutRequest request;
  request.name = BlobName("a");
  request.content = TextContent("text");
  request.http.content_type = "text/plain";
  request.metadata = {{"owner", "me & <you>"}};
  request.tier = AccessTier::kCool;
  if (GetParam().tags) request.tags = {{"k", "v"}};
  LAKE_OK(RunSync(lake_->Put(Call(), request)));
  ListRequest list;
  list.tags = GetParam().tags;
  const auto page = List(list);
  LAKE_OK(page);
  ASSERT_EQ(page->blobs.size(), 1u);
  const BlobState& listed = page->blobs[0];
  const auto head = Head("a");
  LAKE_OK(head);
  EXPECT_EQ(listed.etag(), head->etag());
  EXPECT_EQ(listed.properties.http.content_type, "text/plain");
  EXPECT_EQ(listed.properties.http.content_md5, Md5Text("text"));
  EXPECT_EQ(listed.properties.tier, AccessTier::kCool);
  EXPECT_EQ(listed.properties.last_modified.seconds(), head->properties.last_modified.seconds());
  EXPECT_EQ(MetadataValue(listed.metadata, "owner"), "me & <you>");
  if (GetParam().tags) EXPECT_EQ(listed.tags, request.tags);
}

TEST_P(LakeContract, TakesOddNames) {
  const std::vector<std::string> names = {"a b",   "a+b",    "a%20b",       "a?b#c",   "a&b<c>'\"",
                                          "ä/ö ü", "日本語", "a:b@c=d;e,f", "~x!$(y)*"};
  for (const std::string& name : names) LAKE_OK(Put(name, name));
  for (const std::string& name : names) {
    const auto text = Get(name);
    ASSERT_TRUE(text.has_value()) << name << ": " << text.error().ToString();
    EXPECT_EQ(*text, name);
  }
  const auto page = List({});
  LAKE_OK(page);
  std::vector<std::string> listed;
  for (const BlobState& blob : page->blobs) {
    if (!blob.directory) listed.push_back(blob.name.str());
  }
  EXPECT_TRUE(std::ranges::is_permutation(listed, names));
}

TEST_P(LakeContract, Updates) {
  const auto put = Put("a", "text");
  LAKE_OK(put);
  const auto metadata = Update("a", SetMetadata{.metadata = {{"owner", "me"}}}, Match(put->etag));
  LAKE_OK(metadata);
  EXPECT_NE(metadata->etag, put->etag);
  EXPECT_EQ(metadata->etag, Head("a")->etag());
  EXPECT_EQ(CodeOf(Update("a", SetMetadata{}, Match(put->etag))), Code::kConditionNotMet);
  SetProperties properties;
  properties.http.content_type = "text/x-new";
  properties.http.content_md5 = Md5Text("text");
  const auto changed = Update("a", properties, Match(metadata->etag));
  LAKE_OK(changed);
  auto state = Head("a");
  LAKE_OK(state);
  EXPECT_EQ(state->properties.http, properties.http);
  EXPECT_EQ(MetadataValue(state->metadata, "owner"), "me");
  if (GetParam().tags) {
    LAKE_OK(Update("a", SetTags{.tags = {{"k", "v"}}}));
    state = Head("a");
    EXPECT_EQ(state->tags, (Tags{{"k", "v"}}));
    EXPECT_EQ(state->etag(), changed->etag) << "tags make no new ETag";
  }
  LAKE_OK(Update("a", SetTier{.tier = AccessTier::kCool}));
  EXPECT_EQ(Head("a")->properties.tier, AccessTier::kCool);
  EXPECT_EQ(CodeOf(Update("a", SetTier{.tier = AccessTier::kHot}, Match(put->etag))),
            Code::kUnsupported);
  EXPECT_EQ(*Get("a"), "text");
}

TEST_P(LakeContract, Archives) {
  LAKE_OK(Put("a", "text"));
  const auto archived = Update("a", SetTier{.tier = AccessTier::kArchive});
  LAKE_OK(archived);
  EXPECT_FALSE(archived->pending);
  EXPECT_EQ(Head("a")->properties.tier, AccessTier::kArchive);
  EXPECT_EQ(CodeOf(Get("a")), Code::kBlobArchived);
  const auto back =
      Update("a", SetTier{.tier = AccessTier::kHot, .priority = RehydratePriority::kHigh});
  LAKE_OK(back);
  const auto state = Head("a");
  LAKE_OK(state);
  if (GetParam().rehydrates) {
    EXPECT_TRUE(back->pending);
    EXPECT_EQ(state->properties.tier, AccessTier::kArchive);
    EXPECT_EQ(state->properties.rehydrating_to, AccessTier::kHot);
  } else {
    EXPECT_EQ(state->properties.tier, AccessTier::kHot);
    EXPECT_EQ(*Get("a"), "text");
  }
}

TEST_P(LakeContract, Copies) {
  PutRequest put;
  put.name = BlobName("source blob");
  put.content = TextContent("text");
  put.http.content_type = "text/x-test";
  put.metadata = {{"owner", "me"}};
  const auto source = RunSync(lake_->Put(Call(), std::move(put)));
  LAKE_OK(source);
  for (const bool synchronous : {false, true}) {
    if (synchronous && !GetParam().synchronous_copies) continue;
    SCOPED_TRACE(synchronous);
    const std::string name = synchronous ? "b" : "a";
    CopyRequest copy;
    copy.source = BlobName("source blob");
    copy.destination = BlobName(name);
    copy.source_match = source->etag;
    copy.conditions = Absent();
    copy.synchronous = synchronous;
    LAKE_OK(Copy(copy));
    for (int i = 0; i < 100 && Head(name)->properties.copy.status == CopyStatus::kPending; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    const auto state = Head(name);
    LAKE_OK(state);
    EXPECT_EQ(*Get(name), "text");
    EXPECT_EQ(state->properties.http.content_type, "text/x-test");
    EXPECT_EQ(MetadataValue(state->metadata, "owner"), "me");
    EXPECT_EQ(Classify(Copy(copy).error()), Failure::kPrecondition) << "it is there now";
    copy.conditions = {};
    copy.source_match = ETag("0x8DAAAAAAAAAAAAA");
    EXPECT_EQ(Classify(Copy(copy).error()), Failure::kPrecondition);
    copy.source_match = {};
    copy.metadata = Metadata{{"other", "x"}};
    LAKE_OK(Copy(copy));
    EXPECT_EQ(MetadataValue(Head(name)->metadata, "owner"), "");
    EXPECT_EQ(MetadataValue(Head(name)->metadata, "other"), "x");
  }
}

TEST_P(LakeContract, OwnWritesAreRecognised) {
  LAKE_OK(Put("a", "before"));
  const ETag before = Head("a")->etag();
  Fingerprint ours;
  ours.before = before;
  ours.length = 3;
  ours.blocks = {BlockId("w1-0")};
  const auto verdict = [&] {
    return RunSync(Recognize(*lake_, Call(), BlobName("a"), ours))->verdict;
  };
  EXPECT_EQ(verdict(), Verdict::kUntouched);
  LAKE_OK(PutBlock("a", "w1-0", "new"));
  LAKE_OK(Commit("a", {{BlockId("w1-0"), BlockSource::kLatest}}, Match(before)));
  EXPECT_EQ(verdict(), Verdict::kOurs);
  LAKE_OK(PutBlock("a", "w2-0", "new"));
  LAKE_OK(Commit("a", {{BlockId("w2-0"), BlockSource::kLatest}}));
  EXPECT_EQ(verdict(), Verdict::kForeign) << "the same bytes, but another write";
  LAKE_OK(Delete("a"));
  EXPECT_EQ(verdict(), Verdict::kForeign);
  ours.deleted = true;
  EXPECT_EQ(verdict(), Verdict::kOurs);
}

TEST_P(LakeContract, StopsWhenTheCallerDoes) {
  LakeCall late = Call();
  late.context.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_EQ(CodeOf(RunSync(lake_->Probe(late, {}))), Code::kDeadlineExceeded);
  std::stop_source stop;
  stop.request_stop();
  LakeCall cancelled = Call();
  cancelled.context.cancel = stop.get_token();
  HeadRequest head;
  head.name = BlobName("a");
  EXPECT_EQ(CodeOf(RunSync(lake_->Head(cancelled, head))), Code::kCancelled);
}

TEST_P(FlatLakeContract, HasNoPaths) {
  LAKE_OK(Put("a", "text"));
  RenameRequest rename;
  rename.source = BlobName("a");
  rename.destination = BlobName("b");
  EXPECT_EQ(CodeOf(RunSync(lake_->Rename(Call(), rename))), Code::kUnsupported);
  EXPECT_EQ(*Get("a"), "text");
  EXPECT_EQ(CodeOf(Head("b")), Code::kBlobNotFound);
  EXPECT_EQ(CodeOf(RunSync(lake_->GetAcl(Call(), BlobName("a")))), Code::kUnsupported);
}

TEST_P(HierarchicalLakeContract, HasPaths) {
  MakeDirectoryRequest directory;
  directory.name = BlobName("d");
  directory.conditions = Absent();
  LAKE_OK(RunSync(lake_->MakeDirectory(Call(), directory)));
  EXPECT_EQ(Classify(RunSync(lake_->MakeDirectory(Call(), directory)).error()),
            Failure::kPrecondition);
  EXPECT_TRUE(Head("d")->directory);
  LAKE_OK(Put("d/sub/a", "text"));
  RenameRequest rename;
  rename.source = BlobName("d");
  rename.destination = BlobName("e f");
  rename.conditions = Absent();
  LAKE_OK(RunSync(lake_->Rename(Call(), rename)));
  EXPECT_EQ(*Get("e f/sub/a"), "text");
  EXPECT_EQ(CodeOf(Head("d/sub/a")), Code::kBlobNotFound);
  EXPECT_EQ(Classify(RunSync(lake_->Rename(Call(), rename)).error()), Failure::kNotFound);
  SetAclRequest acl;
  acl.name = BlobName("e f/sub/a");
  acl.control.permissions = "rwxr-x--x";
  LAKE_OK(RunSync(lake_->SetAcl(Call(), acl)));
  const auto control = RunSync(lake_->GetAcl(Call(), BlobName("e f/sub/a")));
  LAKE_OK(control);
  EXPECT_EQ(control->permissions, "rwxr-x--x");
  EXPECT_EQ(Classify(Delete("e f").error()), Failure::kConflict) << "it is not empty";
  DeleteRequest tree;
  tree.name = BlobName("e f");
  tree.recursive = true;
  LAKE_OK(RunSync(lake_->Delete(Call(), tree)));
  EXPECT_EQ(CodeOf(Head("e f/sub/a")), Code::kBlobNotFound);
}

TEST_P(HierarchicalLakeContract, AFileReplacesNoDirectory) {
  MakeDirectoryRequest directory;
  directory.name = BlobName("d");
  LAKE_OK(RunSync(lake_->MakeDirectory(Call(), directory)));
  PutRequest put;
  put.name = BlobName("d");
  put.content = TextContent("text");
  put.conditions.match = Head("d")->etag();
  EXPECT_EQ(Classify(RunSync(lake_->Put(Call(), put)).error()), Failure::kConflict);
  EXPECT_TRUE(Head("d")->directory);
  LAKE_OK(Delete("d"));
  LAKE_OK(Put("d", "text"));
}

// Nothing but staged blocks is no blob, and in nobody's way.
TEST_P(HierarchicalLakeContract, ADirectoryMovesToWhereBlocksAreStaged) {
  LAKE_OK(Put("d/a", "moved"));
  LAKE_OK(Put("d/sub/b", "moved too"));
  for (const std::string name : {"e/a", "e/sub/b"}) {
    LAKE_OK(RunSync(lake_->PutBlock(
        Call(),
        {.name = BlobName(name), .id = BlockId("staged"), .content = TextContent("staged")})));
  }
  RenameRequest rename;
  rename.source = BlobName("d");
  rename.destination = BlobName("e");
  LAKE_OK(RunSync(lake_->Rename(Call(), rename)));
  EXPECT_EQ(*Get("e/a"), "moved");
  EXPECT_EQ(*Get("e/sub/b"), "moved too");
  EXPECT_EQ(CodeOf(Head("d/a")), Code::kBlobNotFound);
}

}  // namespace forebay::lake
