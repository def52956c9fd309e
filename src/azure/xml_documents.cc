#include "azure/xml_documents.h"

#include <fmt/format.h>

#include <pugixml.hpp>
#include <set>

#include "azure/error_table.h"
#include "azure/metadata.h"
#include "azure/permissions.h"
#include "azure/wire.h"
#include "azure/xml_read.h"
#include "azure/xml_write.h"

namespace forebay::azure {
namespace {

Result<std::optional<WallTime>> OptionalTime(pugi::xml_node node) {
  std::string_view text = TrimSpace(node.child_value());
  if (text.empty()) return std::optional<WallTime>();
  auto time = ParseIsoTime(text);
  if (!time) return BadNode(node.name(), text);
  return time;
}

std::optional<BlockSource> SourceOf(std::string_view name) {
  if (name == "Latest") return BlockSource::kLatest;
  if (name == "Committed") return BlockSource::kCommitted;
  if (name == "Uncommitted") return BlockSource::kUncommitted;
  return std::nullopt;
}

std::string_view SourceName(BlockSource source) {
  switch (source) {
    case BlockSource::kCommitted:
      return "Committed";
    case BlockSource::kUncommitted:
      return "Uncommitted";
    case BlockSource::kLatest:
      break;
  }
  return "Latest";
}

void WriteBlocks(XmlBuilder& xml, std::string_view name, const std::vector<ListedBlock>& blocks) {
  if (blocks.empty()) {
    xml.Empty(name);
    return;
  }
  xml.Open(name);
  for (const ListedBlock& block : blocks) {
    xml.Open("Block")
        .Element("Name", FormatBlockId(block.id))
        .Element("Size", block.size)
        .Close("Block");
  }
  xml.Close(name);
}

Result<StoredPolicy> ParsePolicy(pugi::xml_node node) {
  StoredPolicy out;
  out.id = node.child("Id").child_value();
  if (!node.child("Id")) return MissingNode("Id");
  if (out.id.empty() || Utf16Length(out.id) > 64) return BadNode("Id", out.id);
  pugi::xml_node policy = node.child("AccessPolicy");
  FB_ASSIGN_OR_RETURN(out.start, OptionalTime(policy.child("Start")));
  FB_ASSIGN_OR_RETURN(out.expiry, OptionalTime(policy.child("Expiry")));
  out.permissions = TrimSpace(policy.child("Permission").child_value());
  if (!Permissions::Parse(out.permissions)) return BadNode("Permission", out.permissions);
  return out;
}

}  // namespace

Result<std::vector<BlockListEntry>> ParseBlockList(std::string_view xml) {
  pugi::xml_document document;
  FB_ASSIGN_OR_RETURN(pugi::xml_node root,
                      LoadXml(document, xml, "BlockList", kMaxBlockListXmlBytes));
  std::vector<BlockListEntry> out;
  for (pugi::xml_node node : root.children()) {
    if (node.type() != pugi::node_element) continue;
    auto source = SourceOf(node.name());
    if (!source) return UnsupportedNode(node.name());
    if (out.size() == kMaxBlocks) {
      return Fail(Code::kBlockListTooLong,
                  "The block list may not contain more than 50,000 blocks.");
    }
    auto id = ParseBlockId(TrimSpace(node.child_value()));
    if (!id) return Fail(Code::kInvalidBlockList, "The specified block list is invalid.");
    out.push_back({std::move(*id), *source});
  }
  return out;
}

std::string BlockListXml(const std::vector<BlockListEntry>& entries) {
  XmlBuilder xml;
  xml.Open("BlockList");
  for (const BlockListEntry& entry : entries) {
    xml.Element(SourceName(entry.source), FormatBlockId(entry.id));
  }
  xml.Close("BlockList");
  return xml.Take();
}

std::string BlockListAnswerXml(const std::vector<ListedBlock>* committed,
                               const std::vector<ListedBlock>* uncommitted) {
  XmlBuilder xml;
  xml.Open("BlockList");
  if (committed != nullptr) WriteBlocks(xml, "CommittedBlocks", *committed);
  if (uncommitted != nullptr) WriteBlocks(xml, "UncommittedBlocks", *uncommitted);
  xml.Close("BlockList");
  return xml.Take();
}

Result<std::vector<StoredPolicy>> ParseSignedIdentifiers(std::string_view xml) {
  std::vector<StoredPolicy> out;
  if (TrimSpace(xml).empty()) return out;
  pugi::xml_document document;
  FB_ASSIGN_OR_RETURN(pugi::xml_node root,
                      LoadXml(document, xml, "SignedIdentifiers", kMaxSmallXmlBytes));
  std::set<std::string> seen;
  for (pugi::xml_node node : root.children()) {
    if (node.type() != pugi::node_element) continue;
    if (std::string_view(node.name()) != "SignedIdentifier") return UnsupportedNode(node.name());
    FB_ASSIGN_OR_RETURN(StoredPolicy policy, ParsePolicy(node));
    if (out.size() == kMaxStoredPolicies || !seen.insert(policy.id).second) {
      return Fail(Code::kInvalidXmlDocument,
                  "A container has at most five stored access policies, with different ids.");
    }
    out.push_back(std::move(policy));
  }
  return out;
}

std::string SignedIdentifiersXml(const std::vector<StoredPolicy>& policies) {
  XmlBuilder xml;
  xml.Open("SignedIdentifiers");
  for (const StoredPolicy& policy : policies) {
    xml.Open("SignedIdentifier").Element("Id", policy.id).Open("AccessPolicy");
    // With seven digits, as Azure answers whatever precision it was given.
    if (policy.start) xml.Element("Start", FormatTicks(*policy.start));
    if (policy.expiry) xml.Element("Expiry", FormatTicks(*policy.expiry));
    xml.ElementIf("Permission", policy.permissions);
    xml.Close("AccessPolicy").Close("SignedIdentifier");
  }
  xml.Close("SignedIdentifiers");
  return xml.Take();
}

Result<Tags> ParseTagsXml(std::string_view xml) {
  pugi::xml_document document;
  FB_ASSIGN_OR_RETURN(pugi::xml_node root, LoadXml(document, xml, "Tags", kMaxSmallXmlBytes));
  if (!root.child("TagSet")) return MissingNode("TagSet");
  Tags out;
  for (pugi::xml_node node : root.child("TagSet").children()) {
    if (node.type() != pugi::node_element) continue;
    if (std::string_view(node.name()) != "Tag") return UnsupportedNode(node.name());
    if (!node.child("Key")) return MissingNode("Key");
    if (!node.child("Value")) return MissingNode("Value");
    if (!out.emplace(node.child("Key").child_value(), node.child("Value").child_value()).second) {
      return Fail(Code::kDuplicateTagNames, "The tags specified contain duplicate names.");
    }
    if (out.size() > kMaxTags) return Fail(Code::kTagsTooLarge, "A blob has at most 10 tags.");
  }
  FB_RETURN_IF_ERROR(ValidateTags(out));
  return out;
}

std::string TagsXml(const Tags& tags) {
  XmlBuilder xml;
  xml.Open("Tags").Open("TagSet");
  for (const auto& [key, value] : tags) {
    xml.Open("Tag").Element("Key", key).Element("Value", value).Close("Tag");
  }
  xml.Close("TagSet").Close("Tags");
  return xml.Take();
}

}  // namespace forebay::azure
