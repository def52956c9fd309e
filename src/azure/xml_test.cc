#include <gtest/gtest.h>

#include <pugixml.hpp>

#include "azure/xml_documents.h"
#include "azure/xml_list.h"

namespace forebay::azure {
namespace {

constexpr std::string_view kDeclaration = "<?xml version=\"1.0\" encoding=\"utf-8\"?>";

TEST(XmlBuilder, Escapes) {
  XmlBuilder xml;
  xml.Open("a", "b", "<\"&>")
      .Element("t", "x<y&z\r\n\x01")
      .Element("e", "")
      .Element("n", std::uint64_t{7});
  xml.NameElement("ok", "plain").NameElement("bad", "a/\x01\xEF\xBF\xBF").Close("a");
  EXPECT_EQ(xml.Take(), std::string(kDeclaration) +
                            "<a b=\"&lt;&quot;&amp;&gt;\"><t>x&lt;y&amp;z&#xD;\n</t><e /><n>7</n>"
                            "<ok>plain</ok><bad Encoded=\"true\">a/%01%EF%BF%BF</bad></a>");
}

TEST(XmlBuilder, BytesThatAreNotUtf8AreTakenForLatin1) {
  XmlBuilder xml;
  xml.Element("a", "caf\xE9").Element("b", "caf\xC3\xA9");
  EXPECT_EQ(xml.Take(), std::string(kDeclaration) + "<a>café</a><b>café</b>");
}

BlobProperties Properties() {
  BlobProperties p;
  p.created = WallTime::FromSeconds(1735725600);
  p.last_modified = WallTime::FromSeconds(1735725601);
  p.etag = ETag("0x8D1");
  p.length = 42;
  p.http.content_type = "text/plain";
  p.http.content_md5 = std::string(16, '\0');
  return p;
}

TEST(XmlList, BlobsAsAzureOrdersThem) {
  ListEcho echo{"http://h/acc/", "con", "p<", std::nullopt, "/", std::nullopt, 5000};
  ListBlobsInclude include = ParseListBlobsInclude("metadata,Tags").value();
  ListBlobsWriter writer(echo, include);
  ListedBlob blob;
  blob.name = BlobName("a&b");
  blob.properties = Properties();
  blob.properties.tag_count = 1;
  blob.metadata = {{"k", "v<"}};
  blob.tags = {{"t", "1"}};
  writer.AddBlob(blob);
  writer.AddPrefix("dir/");
  EXPECT_EQ(
      writer.Finish("next"),
      std::string(kDeclaration) +
          "<EnumerationResults ServiceEndpoint=\"http://h/acc/\" "
          "ContainerName=\"con\"><Prefix>p&lt;</Prefix>"
          "<MaxResults>5000</MaxResults><Delimiter>/</Delimiter><Blobs><Blob><Name>a&amp;b</Name>"
          "<Properties><Creation-Time>Wed, 01 Jan 2025 10:00:00 GMT</Creation-Time>"
          "<Last-Modified>Wed, 01 Jan 2025 10:00:01 GMT</Last-Modified><Etag>0x8D1</Etag>"
          "<Content-Length>42</Content-Length><Content-Type>text/plain</"
          "Content-Type><Content-Encoding />"
          "<Content-Language /><Content-CRC64 /><Content-MD5>AAAAAAAAAAAAAAAAAAAAAA==</Content-MD5>"
          "<Cache-Control /><Content-Disposition "
          "/><BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier>"
          "<AccessTierInferred>true</AccessTierInferred><LeaseStatus>unlocked</LeaseStatus>"
          "<LeaseState>available</LeaseState><ServerEncrypted>true</ServerEncrypted><TagCount>1</"
          "TagCount>"
          "</Properties><Metadata><k>v&lt;</k></Metadata><Tags><TagSet><Tag><Key>t</Key><Value>1</"
          "Value></Tag>"
          "</TagSet></Tags><OrMetadata /></Blob><BlobPrefix><Name>dir/</Name></BlobPrefix></Blobs>"
          "<NextMarker>next</NextMarker></EnumerationResults>");
}

TEST(XmlList, ResidencyIsShownToThoseWhoAskForIt) {
  ListedBlob blob;
  blob.name = BlobName("a");
  blob.residency = "partial";
  blob.resident_bytes = 7;
  const auto page = [&blob](std::string_view words) {
    ListBlobsWriter writer({}, ParseListBlobsInclude(words).value());
    writer.AddBlob(blob);
    return writer.Finish("");
  };
  EXPECT_EQ(page("metadata").find("Forebay"), std::string::npos);
  EXPECT_NE(page("metadata,residency")
                .find("<ForebayResidency>partial</ForebayResidency>"
                      "<ForebayResidentBytes>7</ForebayResidentBytes>"),
            std::string::npos);
}

TEST(XmlList, IncludeWords) {
  auto include =
      ParseListBlobsInclude("snapshots,uncommittedblobs,copy,deleted,versions,deletedwithversions");
  ASSERT_TRUE(include);
  EXPECT_TRUE(include->snapshots && include->uncommitted && include->copy && include->deleted &&
              include->versions && include->deleted_with_versions && !include->tags);
  EXPECT_EQ(ParseListBlobsInclude("everything").error().code(), Code::kInvalidQueryParameterValue);
  EXPECT_TRUE(ParseListBlobsInclude(""));
}

TEST(XmlList, EveryOptionalPropertyShows) {
  ListBlobsWriter writer({}, ParseListBlobsInclude("copy").value());
  ListedBlob blob;
  blob.name = BlobName(std::string("bad\x02name"));
  blob.snapshot = "s";
  blob.version_id = "v";
  blob.is_current_version = true;
  blob.deleted = true;
  blob.properties = Properties();
  auto& p = blob.properties;
  p.tier = AccessTier::kArchive;
  p.tier_inferred = false;
  p.tier_changed = p.created;
  p.rehydrating_to = AccessTier::kHot;
  p.lease = LeaseState::kLeased;
  p.lease_infinite = true;
  p.copy = {CopyStatus::kSuccess, "id", "http://s", "", p.created, 5, 6};
  p.deleted_time = p.created;
  p.remaining_retention_days = 3;
  p.resource_type = "file";
  blob.access = AccessControl{"alice", "devs", 0640, {}};
  writer.AddBlob(blob);
  std::string xml = writer.Finish("");
  for (const char* part :
       {"<Name Encoded=\"true\">bad%02name</Name>", "<Deleted>true</Deleted>",
        "<Snapshot>s</Snapshot>",
        "<VersionId>v</VersionId><IsCurrentVersion>true</IsCurrentVersion>",
        "<AccessTier>Archive</AccessTier><ArchiveStatus>rehydrate-pending-to-hot</ArchiveStatus>",
        "<LeaseStatus>locked</LeaseStatus><LeaseState>leased</LeaseState><LeaseDuration>infinite</"
        "LeaseDuration>",
        "<CopyStatus>success</CopyStatus>", "<CopyProgress>5/6</CopyProgress>",
        "<RemainingRetentionDays>3</RemainingRetentionDays>",
        "</Etag><Owner>alice</Owner><Group>devs</Group><Permissions>rw-r-----</Permissions>"
        "<Acl>user::rw-,group::r--,other::---</Acl><ResourceType>file</ResourceType>",
        "<NextMarker />"}) {
    EXPECT_NE(xml.find(part), std::string::npos) << part << "\n" << xml;
  }
  pugi::xml_document document;
  EXPECT_TRUE(document.load_string(xml.c_str()));
}

TEST(XmlList, AnUncommittedBlobHasNeitherDatesNorHeaders) {
  ListBlobsWriter writer({}, ParseListBlobsInclude("uncommittedblobs,metadata").value());
  ListedBlob blob;
  blob.name = BlobName("staged");
  blob.uncommitted = true;
  writer.AddBlob(blob);
  EXPECT_NE(writer.Finish("").find(
                "<Blob><Name>staged</Name><Properties><Content-Length>0</Content-Length>"
                "<BlobType>BlockBlob</BlobType><LeaseStatus>unlocked</LeaseStatus>"
                "<LeaseState>available</LeaseState><ServerEncrypted>true</ServerEncrypted>"
                "</Properties><OrMetadata /></Blob>"),
            std::string::npos);
}

TEST(XmlList, ContainersAndFoundBlobs) {
  ListEcho echo;
  echo.service_endpoint = "http://h/";
  ListContainersWriter writer(echo, true);
  ListedContainer container;
  container.name = ContainerName("con");
  container.etag = ETag("0x1");
  container.public_access = PublicAccess::kBlob;
  container.metadata = {{"a", "b"}};
  writer.Add(container);
  std::string xml = writer.Finish("");
  EXPECT_NE(xml.find("<Container><Name>con</Name><Properties>"), std::string::npos);
  EXPECT_NE(xml.find("<Etag>&quot;0x1&quot;</Etag>"), std::string::npos);
  EXPECT_NE(xml.find("<PublicAccess>blob</PublicAccess>"), std::string::npos);
  EXPECT_NE(xml.find("<Metadata><a>b</a></Metadata></Container></Containers><NextMarker />"),
            std::string::npos);
  FindBlobsWriter found(echo, "a='1'");
  found.Add(ContainerName("con"), BlobName("b"), {{"a", "1"}});
  EXPECT_NE(
      found.Finish("m").find(
          "<Where>a='1'</Where><Blobs><Blob><Name>b</Name><ContainerName>con</ContainerName>"
          "<Tags><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tags></Blob></Blobs>"
          "<NextMarker>m</NextMarker>"),
      std::string::npos);
}

TEST(XmlBlockList, OrderAndSourcesAreKept) {
  auto list = ParseBlockList(
      "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<BlockList>\n  "
      "<Latest>YQ==</Latest>\n"
      "  <!-- x --><Committed> Yg== </Committed><Uncommitted>YQ==</Uncommitted></BlockList>");
  ASSERT_TRUE(list) << list.error().ToString();
  EXPECT_EQ(*list, (std::vector<BlockListEntry>{{BlockId("a"), BlockSource::kLatest},
                                                {BlockId("b"), BlockSource::kCommitted},
                                                {BlockId("a"), BlockSource::kUncommitted}}));
  EXPECT_EQ(ParseBlockList(BlockListXml(*list)), *list);
  EXPECT_TRUE(ParseBlockList("<BlockList/>")->empty());
}

TEST(XmlBlockList, FiftyThousandAndNotOneMore) {
  std::vector<BlockListEntry> entries;
  for (int i = 0; i < 50'000; ++i) {
    std::string id = std::to_string(i);
    entries.push_back({BlockId(std::string(64 - id.size(), '0') + id), BlockSource::kUncommitted});
  }
  std::string xml = BlockListXml(entries);
  ASSERT_LT(xml.size(), kMaxBlockListXmlBytes);
  auto parsed = ParseBlockList(xml);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, entries);
  entries.push_back(entries.back());
  EXPECT_EQ(ParseBlockList(BlockListXml(entries)).error().code(), Code::kBlockListTooLong);
}

TEST(XmlBlockList, BadOnesAreRefused) {
  auto code = [](std::string_view xml) { return ParseBlockList(xml).error().code(); };
  EXPECT_EQ(code(""), Code::kInvalidXmlDocument);
  EXPECT_EQ(code("<BlockList><Latest>YQ=="), Code::kInvalidXmlDocument);
  EXPECT_EQ(code("<Other/>"), Code::kInvalidXmlDocument);
  EXPECT_EQ(code("<BlockList><Latest>!</Latest></BlockList>"), Code::kInvalidBlockList);
  EXPECT_EQ(code("<BlockList><Newest>YQ==</Newest></BlockList>"), Code::kUnsupportedXmlNode);
  EXPECT_EQ(code("<!DOCTYPE x [<!ENTITY a \"b\">]><BlockList/>"), Code::kInvalidXmlDocument);
  EXPECT_EQ(code("<BlockList>\xFF</BlockList>"), Code::kInvalidXmlDocument);
  EXPECT_EQ(code(std::string(kMaxBlockListXmlBytes + 1, ' ')), Code::kRequestBodyTooLarge);
}

TEST(XmlBlockList, Answer) {
  std::vector<ListedBlock> committed = {{BlockId("a"), 5}};
  std::vector<ListedBlock> none;
  EXPECT_EQ(BlockListAnswerXml(&committed, &none),
            std::string(kDeclaration) +
                "<BlockList><CommittedBlocks><Block><Name>YQ==</Name><Size>5</Size></Block>"
                "</CommittedBlocks><UncommittedBlocks /></BlockList>");
  EXPECT_EQ(BlockListAnswerXml(nullptr, &none),
            std::string(kDeclaration) + "<BlockList><UncommittedBlocks /></BlockList>");
}

TEST(XmlPolicies, RoundTripAndLimits) {
  std::vector<StoredPolicy> policies = {{"p1", ParseIsoTime("2025-01-01T00:00:00Z"),
                                         ParseIsoTime("2026-01-01T00:00:00.1234567Z"), "rl"},
                                        {"p 2", std::nullopt, std::nullopt, ""}};
  auto parsed = ParseSignedIdentifiers(SignedIdentifiersXml(policies));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, policies);
  EXPECT_TRUE(ParseSignedIdentifiers("")->empty());
  auto one = [](std::string_view inner) {
    return ParseSignedIdentifiers("<SignedIdentifiers><SignedIdentifier>" + std::string(inner) +
                                  "</SignedIdentifier></SignedIdentifiers>");
  };
  EXPECT_TRUE(
      one("<Id>x</Id><AccessPolicy><Start></Start><Permission>r</Permission></AccessPolicy>"));
  EXPECT_FALSE(one("<AccessPolicy/>"));
  EXPECT_FALSE(one("<Id></Id>"));
  EXPECT_FALSE(one("<Id>" + std::string(65, 'x') + "</Id>"));
  EXPECT_FALSE(one("<Id>x</Id><AccessPolicy><Start>soon</Start></AccessPolicy>"));
  EXPECT_FALSE(one("<Id>x</Id><AccessPolicy><Permission>Z</Permission></AccessPolicy>"));
  policies.push_back(policies[0]);
  EXPECT_FALSE(ParseSignedIdentifiers(SignedIdentifiersXml(policies))) << "ids are unique";
  policies.clear();
  for (int i = 0; i < 6; ++i) policies.push_back({std::to_string(i), {}, {}, "r"});
  EXPECT_FALSE(ParseSignedIdentifiers(SignedIdentifiersXml(policies)));
}

TEST(XmlTags, RoundTripAndRules) {
  Tags tags = {{"a b", "c:d"}, {"empty", ""}};
  EXPECT_EQ(ParseTagsXml(TagsXml(tags)), tags);
  EXPECT_TRUE(ParseTagsXml("<Tags><TagSet/></Tags>")->empty());
  EXPECT_EQ(ParseTagsXml("<Tags/>").error().code(), Code::kMissingRequiredXmlNode);
  EXPECT_EQ(ParseTagsXml("<Tags><TagSet><Tag><Key>a</Key></Tag></TagSet></Tags>").error().code(),
            Code::kMissingRequiredXmlNode);
  EXPECT_EQ(ParseTagsXml("<Tags><TagSet><Tag><Key>&lt;</Key><Value/></Tag></TagSet></Tags>")
                .error()
                .code(),
            Code::kInvalidTag);
}

TEST(XmlServiceProperties, PartsAndMerge) {
  ServiceProperties all = DefaultServiceProperties();
  EXPECT_EQ(ParseServiceProperties(ServicePropertiesXml(all)), all);
  auto change = ParseServiceProperties(
      "<StorageServiceProperties><Cors><CorsRule><AllowedOrigins>*</"
      "AllowedOrigins><AllowedMethods>GET,PUT"
      "</AllowedMethods><AllowedHeaders>*</AllowedHeaders><ExposedHeaders></"
      "ExposedHeaders><MaxAgeInSeconds>7"
      "</MaxAgeInSeconds></CorsRule></Cors><DefaultServiceVersion>2020-10-02</"
      "DefaultServiceVersion>"
      "<DeleteRetentionPolicy><Enabled>true</Enabled><Days>7</Days></DeleteRetentionPolicy>"
      "<StaticWebsite><Enabled>true</Enabled><IndexDocument>i.html</IndexDocument></"
      "StaticWebsite></StorageServiceProperties>");
  ASSERT_TRUE(change) << change.error().ToString();
  EXPECT_FALSE(change->logging);
  all.Merge(*change);
  EXPECT_EQ(all.cors->at(0).max_age_s, 7u);
  EXPECT_EQ(all.delete_retention->days, 7u);
  EXPECT_EQ(all.default_service_version, "2020-10-02");
  EXPECT_TRUE(all.logging);
  EXPECT_EQ(ParseServiceProperties(ServicePropertiesXml(all)), all);
}

TEST(XmlServiceProperties, BadOnesAreRefused) {
  auto code = [](std::string_view inner) {
    return ParseServiceProperties("<StorageServiceProperties>" + std::string(inner) +
                                  "</StorageServiceProperties>")
        .error()
        .code();
  };
  EXPECT_EQ(code("<Nonsense/>"), Code::kUnsupportedXmlNode);
  EXPECT_EQ(code("<DeleteRetentionPolicy/>"), Code::kMissingRequiredXmlNode);
  EXPECT_EQ(code("<DeleteRetentionPolicy><Enabled>true</Enabled></DeleteRetentionPolicy>"),
            Code::kMissingRequiredXmlNode);
  EXPECT_EQ(code("<DeleteRetentionPolicy><Enabled>maybe</Enabled></DeleteRetentionPolicy>"),
            Code::kInvalidXmlNodeValue);
  EXPECT_EQ(
      code(
          "<DeleteRetentionPolicy><Enabled>true</Enabled><Days>366</Days></DeleteRetentionPolicy>"),
      Code::kInvalidXmlNodeValue);
  EXPECT_EQ(code("<DefaultServiceVersion>soon</DefaultServiceVersion>"),
            Code::kInvalidXmlNodeValue);
  std::string rule =
      "<CorsRule><AllowedOrigins>*</AllowedOrigins><AllowedMethods>GET</"
      "AllowedMethods><MaxAgeInSeconds>1</MaxAgeInSeconds></CorsRule>";
  EXPECT_EQ(code("<Cors>" + rule + rule + rule + rule + rule + rule + "</Cors>"),
            Code::kInvalidXmlNodeValue);
}

TEST(XmlServiceStats, Both) {
  EXPECT_NE(
      ServiceStatsXml(WallTime{})
          .find("<Status>live</Status><LastSyncTime>Thu, 01 Jan 1970 00:00:00 GMT</LastSyncTime>"),
      std::string::npos);
  EXPECT_NE(ServiceStatsXml(std::nullopt).find("<Status>unavailable</Status><LastSyncTime />"),
            std::string::npos);
}

}  // namespace
}  // namespace forebay::azure
