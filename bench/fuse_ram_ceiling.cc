// A FUSE server that answers from memory: how fast a mount could be on this machine if what stands
// behind it cost nothing. The benchmark's rows for `forebay mount` are quoted against it.
//
//   fuse_ram_ceiling DIR [--size BYTES] [--threads N] [--read-ahead-kb N]
//
// DIR/data is a file of --size bytes. Other files can be created, written, read, looked at and
// removed. What a file holds is 64 MiB of memory, over and over: offsets wrap, so that sizes do not
// matter to memory. Stays in the foreground until DIR is unmounted or SIGTERM comes.
#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 12)
#include <fcntl.h>
#include <fuse3/fuse_lowlevel.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <shared_mutex>
#include <sstream>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace {

constexpr std::size_t kMemory = 64u << 20;
constexpr std::size_t kSlack = 4u << 20;  // a request never wraps inside
constexpr double kTimeoutSeconds = 60;

struct File {
  std::string name;
  std::atomic<std::uint64_t> size{0};
};

// All files, by number and by name. Inode 1 is the directory.
struct State {
  std::vector<char> memory = std::vector<char>(kMemory + kSlack, 'x');
  std::shared_mutex mutex;
  std::unordered_map<fuse_ino_t, File*> files;        // guarded by mutex; never freed, so that a
  std::unordered_map<std::string, fuse_ino_t> names;  // late request finds it
  fuse_ino_t next = 2;

  fuse_ino_t Add(const std::string& name, std::uint64_t size) {
    std::unique_lock lock(mutex);
    auto [at, fresh] = names.try_emplace(name, next);
    if (fresh) {
      auto* file = new File{.name = name};
      file->size = size;
      files[next++] = file;
    }
    return at->second;
  }
  File* Find(fuse_ino_t ino) {
    std::shared_lock lock(mutex);
    auto at = files.find(ino);
    return at == files.end() ? nullptr : at->second;
  }
};

State& TheState() {
  static State state;
  return state;
}

struct stat Attributes(fuse_ino_t ino) {
  struct stat out{};
  out.st_ino = ino;
  out.st_nlink = 1;
  out.st_blksize = 4096;
  if (ino == FUSE_ROOT_ID) {
    out.st_mode = S_IFDIR | 0777;
    out.st_nlink = 2;
  } else if (File* file = TheState().Find(ino)) {
    out.st_mode = S_IFREG | 0666;
    out.st_size = static_cast<off_t>(file->size.load());
    out.st_blocks = (out.st_size + 511) / 512;
  }
  return out;
}

fuse_entry_param Entry(fuse_ino_t ino) {
  fuse_entry_param out{};
  out.ino = ino;
  out.attr = Attributes(ino);
  out.attr_timeout = out.entry_timeout = kTimeoutSeconds;
  return out;
}

void Lookup(fuse_req_t req, fuse_ino_t, const char* name) {
  fuse_ino_t ino = 0;
  {
    std::shared_lock lock(TheState().mutex);
    auto at = TheState().names.find(name);
    if (at != TheState().names.end()) ino = at->second;
  }
  if (ino == 0) {
    fuse_reply_err(req, ENOENT);
    return;
  }
  fuse_entry_param entry = Entry(ino);
  fuse_reply_entry(req, &entry);
}

void GetAttr(fuse_req_t req, fuse_ino_t ino, fuse_file_info*) {
  struct stat attributes = Attributes(ino);
  if (attributes.st_mode == 0) {
    fuse_reply_err(req, ESTALE);
  } else {
    fuse_reply_attr(req, &attributes, kTimeoutSeconds);
  }
}

void SetAttr(fuse_req_t req, fuse_ino_t ino, struct stat* attributes, int set, fuse_file_info* fi) {
  File* file = TheState().Find(ino);
  if (file && (set & FUSE_SET_ATTR_SIZE)) {
    file->size = static_cast<std::uint64_t>(attributes->st_size);
  }
  GetAttr(req, ino, fi);
}

void Open(fuse_req_t req, fuse_ino_t ino, fuse_file_info* fi) {
  File* file = TheState().Find(ino);
  if (!file) {
    fuse_reply_err(req, ESTALE);
    return;
  }
  if (fi->flags & O_TRUNC) file->size = 0;
  // As a mount does it: what is written only need not pass through the page cache.
  fi->direct_io = (fi->flags & O_ACCMODE) == O_WRONLY;
  fuse_reply_open(req, fi);
}

void Create(fuse_req_t req, fuse_ino_t, const char* name, mode_t, fuse_file_info* fi) {
  fuse_entry_param entry = Entry(TheState().Add(name, 0));
  fi->direct_io = (fi->flags & O_ACCMODE) == O_WRONLY;
  fuse_reply_create(req, &entry, fi);
}

void Unlink(fuse_req_t req, fuse_ino_t, const char* name) {
  std::size_t removed = 0;
  {
    std::unique_lock lock(TheState().mutex);
    removed = TheState().names.erase(name);
  }
  fuse_reply_err(req, removed ? 0 : ENOENT);
}

void Read(fuse_req_t req, fuse_ino_t ino, std::size_t size, off_t offset, fuse_file_info*) {
  File* file = TheState().Find(ino);
  const auto at = static_cast<std::uint64_t>(offset);
  if (!file || at >= file->size) {
    fuse_reply_buf(req, nullptr, 0);
    return;
  }
  iovec piece{TheState().memory.data() + at % kMemory,
              std::min<std::uint64_t>({size, file->size - at, kSlack})};
  fuse_reply_iov(req, &piece, 1);
}

void Write(fuse_req_t req, fuse_ino_t ino, const char* data, std::size_t size, off_t offset,
           fuse_file_info*) {
  File* file = TheState().Find(ino);
  if (!file) {
    fuse_reply_err(req, ESTALE);
    return;
  }
  const auto at = static_cast<std::uint64_t>(offset);
  std::memcpy(TheState().memory.data() + at % kMemory, data, std::min(size, kSlack));
  std::uint64_t seen = file->size;
  while (seen < at + size && !file->size.compare_exchange_weak(seen, at + size)) {
  }
  fuse_reply_write(req, size);
}

void Done(fuse_req_t req, fuse_ino_t, fuse_file_info*) { fuse_reply_err(req, 0); }
void DoneSync(fuse_req_t req, fuse_ino_t, int, fuse_file_info*) { fuse_reply_err(req, 0); }
void NoAttribute(fuse_req_t req, fuse_ino_t, const char*, std::size_t) {
  fuse_reply_err(req, ENOSYS);
}

void ReadDir(fuse_req_t req, fuse_ino_t, std::size_t, off_t, fuse_file_info*) {
  fuse_reply_buf(req, nullptr, 0);
}

void Init(void*, fuse_conn_info* connection) {
  connection->max_write = 1u << 20;
  connection->want &= ~static_cast<unsigned>(FUSE_CAP_SPLICE_READ);
}

// The bdi of the mount, once the kernel shows it.
void SetReadAhead(const std::string& directory, unsigned kib) {
  for (int i = 0; i < 200; ++i) {
    std::ifstream mounts("/proc/self/mountinfo");
    for (std::string line; std::getline(mounts, line);) {
      std::istringstream words(line);
      std::string id, parent, device, root, place;
      words >> id >> parent >> device >> root >> place;
      if (place != directory) continue;
      std::ofstream("/sys/class/bdi/" + device + "/read_ahead_kb") << kib;
      return;
    }
    usleep(10'000);
  }
}

int Usage() {
  std::fprintf(stderr, "fuse_ram_ceiling DIR [--size BYTES] [--threads N] [--read-ahead-kb N]\n");
  return 64;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc % 2 != 0) return Usage();
  std::uint64_t size = 4ull << 30;
  unsigned threads = 4, read_ahead_kib = 4096;
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    const auto value = std::strtoull(argv[i + 1], nullptr, 10);
    if (flag == "--size") {
      size = value;
    } else if (flag == "--threads") {
      threads = static_cast<unsigned>(value);
    } else if (flag == "--read-ahead-kb") {
      read_ahead_kib = static_cast<unsigned>(value);
    } else {
      return Usage();
    }
  }
  char* resolved = realpath(argv[1], nullptr);
  if (!resolved) return std::perror(argv[1]), 1;
  const std::string directory = resolved;
  std::free(resolved);
  TheState().Add("data", size);

  fuse_lowlevel_ops operations{};
  operations.init = Init;
  operations.lookup = Lookup;
  operations.getattr = GetAttr;
  operations.setattr = SetAttr;
  operations.open = Open;
  operations.create = Create;
  operations.unlink = Unlink;
  operations.read = Read;
  operations.write = Write;
  operations.flush = Done;
  operations.release = Done;
  operations.fsync = DoneSync;
  operations.readdir = ReadDir;
  operations.getxattr = NoAttribute;

  std::string name = argv[0], flag = "-o",
              options = "fsname=ram,subtype=ceiling,allow_other,default_permissions";
  char* words[] = {name.data(), flag.data(), options.data(), nullptr};
  fuse_args arguments{3, words, 0};
  fuse_session* session = fuse_session_new(&arguments, &operations, sizeof operations, nullptr);
  if (!session || fuse_set_signal_handlers(session) != 0 ||
      fuse_session_mount(session, directory.c_str()) != 0) {
    return 1;
  }
  std::thread(SetReadAhead, directory, read_ahead_kib).detach();
  fuse_loop_config* config = fuse_loop_cfg_create();
  fuse_loop_cfg_set_max_threads(config, threads);
  fuse_loop_cfg_set_idle_threads(config, threads);
  const int status = fuse_session_loop_mt(session, config);
  fuse_session_unmount(session);
  fuse_loop_cfg_destroy(config);
  fuse_remove_signal_handlers(session);
  fuse_session_destroy(session);
  return status == 0 ? 0 : 1;
}
