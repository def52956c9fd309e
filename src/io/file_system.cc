#include "io/file_system.h"

namespace forebay::io {

Result<std::string> ReadFile(FileSystem& fs, const std::string& path) {
  FB_ASSIGN_OR_RETURN(auto file, fs.Open(path, OpenMode::kRead));
  FB_ASSIGN_OR_RETURN(std::uint64_t size, file->Size());
  std::string contents(size, '\0');
  MutableByteView view(reinterpret_cast<std::byte*>(contents.data()), contents.size());
  FB_ASSIGN_OR_RETURN(std::size_t got, file->ReadAt(view, 0));
  contents.resize(got);
  return contents;
}

Result<> WriteFileAtomically(FileSystem& fs, const std::string& path, std::string_view contents) {
  std::string temporary = path + ".tmp";
  {
    FB_ASSIGN_OR_RETURN(auto file, fs.Open(temporary, OpenMode::kCreateOrOpen));
    FB_RETURN_IF_ERROR(file->Truncate(0));  // what an earlier attempt left behind
    FB_RETURN_IF_ERROR(file->WriteAt(AsBytes(contents), 0));
    FB_RETURN_IF_ERROR(file->Sync());
  }
  FB_RETURN_IF_ERROR(fs.Rename(temporary, path));
  std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return fs.SyncDir(".");
  return fs.SyncDir(slash == 0 ? "/" : path.substr(0, slash));
}

}  // namespace forebay::io
