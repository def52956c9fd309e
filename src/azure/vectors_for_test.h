// Reads the records of testdata/ for tests. Not for production code.
#pragma once

#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace forebay::azure {

// The well-known development account.
inline constexpr char kTestAccount[] = "devstoreaccount1";
inline constexpr char kTestKey[] =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

struct VectorRecord {
  std::vector<std::pair<std::string, std::string>> fields;
  std::string Get(const std::string& key) const {
    for (const auto& [name, value] : fields) {
      if (name == key) return value;
    }
    return {};
  }
};

// Empty when the file is not there; tests assert on the number of records.
inline std::vector<VectorRecord> ReadVectors(const std::string& file) {
  std::ifstream in(std::string(FOREBAY_AZURE_TESTDATA) + "/" + file);
  std::vector<VectorRecord> out;
  VectorRecord record;
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) {
      if (!record.fields.empty()) out.push_back(std::move(record));
      record = {};
      continue;
    }
    auto colon = line.find(": ");
    if (colon == std::string::npos) {
      record.fields.emplace_back(line.substr(0, line.find(':')), "");
    } else {
      record.fields.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    }
  }
  if (!record.fields.empty()) out.push_back(std::move(record));
  return out;
}

}  // namespace forebay::azure
