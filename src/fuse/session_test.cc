// A real mount over a server in memory. Takes /dev/fuse and the right to mount; FOREBAY_TEST_FUSE=0
// leaves it out.
#include "fuse/session.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <thread>

#include "async/run_sync.h"
#include "async/task_group.h"
#include "fuse/mount_table.h"
#include "vfs/buffered_files.h"
#include "vfs/memory_remote.h"

namespace forebay::fuse {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

// A mount in this process, as `forebay mount` puts one together.
class TestMount {
 public:
  TestMount(vfs::MemoryServer& server, const fs::path& place)
      : remote_(server), traits_(*RunSync(remote_.Probe({}))) {
    fs::create_directories(place);
    session_options_.mount_point = place;
    session_options_.source = "memory";
    auto session = Session::Mount(file_system_, loops_, session_options_);
    if (!session) {
      why_ = session.error().ToString();
      return;
    }
    session_ = std::move(*session);
    session_->Start();
    EXPECT_TRUE(session_->WaitReady(milliseconds(5000)));
    background_.Spawn(file_system_.Run({.request_id = {}, .cancel = background_.token()}));
  }
  ~TestMount() { End(); }
  void End(milliseconds grace = milliseconds(5000)) {
    if (!session_) return;
    session_->End(grace);
    background_.Cancel();
    (void)RunSync(background_.Join());
    (void)RunSync(file_system_.Shutdown({}));
    (void)RunSync(files_.Stop());
    session_.reset();
  }
  bool mounted() const { return session_ != nullptr; }
  const std::string& why() const { return why_; }
  Session& session() { return *session_; }
  vfs::FileSystem& file_system() { return file_system_; }

 private:
  vfs::MemoryRemote remote_;
  vfs::RemoteTraits traits_;
  vfs::Loops loops_{2};
  vfs::BufferedFiles files_{remote_, traits_, loops_, {}};
  vfs::FileSystem file_system_{remote_, traits_, files_, {}};
  TaskGroup background_{loops_.At(0)};
  SessionOptions session_options_;
  std::unique_ptr<Session> session_;
  std::string why_;
};

class SessionTest : public testing::Test {
 protected:
  void SetUp() override {
    base_ = fs::canonical(fs::temp_directory_path()) / ("fuse-test-" + std::to_string(::getpid()));
    const char* wanted = std::getenv("FOREBAY_TEST_FUSE");
    if (wanted != nullptr && std::string_view(wanted) == "0") GTEST_SKIP() << "FOREBAY_TEST_FUSE=0";
    mount_ = std::make_unique<TestMount>(server_, base_ / "a");
    ASSERT_TRUE(mount_->mounted()) << mount_->why()
                                   << "\nA mount takes root and /dev/fuse (a container: --device "
                                      "/dev/fuse --cap-add SYS_ADMIN). FOREBAY_TEST_FUSE=0 leaves "
                                      "these tests out.";
    at_ = base_ / "a";
  }
  void TearDown() override {
    mount_.reset();
    (void)Unmount(base_ / "a", UnmountMode::kLazy);
    fs::remove_all(base_);
  }
  static void Put(const fs::path& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
  }
  static std::string Get(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  vfs::MemoryServer server_;
  fs::path base_, at_;
  std::unique_ptr<TestMount> mount_;
};

std::string Random(std::size_t size) {
  std::mt19937_64 random(size);
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(random() >> 7);
  return out;
}

TEST_F(SessionTest, FilesAndDirectories) {
  const std::string text = Random(3'000'000);
  fs::create_directories(at_ / "x" / "y");
  Put(at_ / "x" / "y" / "f", text);
  EXPECT_EQ(Get(at_ / "x" / "y" / "f"), text);
  EXPECT_EQ(fs::file_size(at_ / "x/y/f"), text.size());
  fs::rename(at_ / "x", at_ / "z");
  EXPECT_EQ(Get(at_ / "z/y/f"), text);
  fs::create_symlink("y/f", at_ / "z" / "link");
  EXPECT_EQ(Get(at_ / "z/link"), text);
  fs::create_hard_link(at_ / "z/y/f", at_ / "z/hard");
  EXPECT_EQ(fs::hard_link_count(at_ / "z/y/f"), 2u);
  EXPECT_THROW(fs::remove(at_ / "z"), fs::filesystem_error);
  fs::remove_all(at_ / "z");
  EXPECT_TRUE(fs::is_empty(at_));
}

TEST_F(SessionTest, AListingIsWholeAlsoWhenItIsLong) {
  std::set<std::string> names;
  for (int i = 0; i < 3000; ++i) {
    names.insert("file-with-a-rather-long-name-" + std::to_string(i));
    Put(at_ / *names.rbegin(), "");
    names.insert("file-with-a-rather-long-name-" + std::to_string(i));
  }
  for (int i = 0; i < 3000; ++i)
    Put(at_ / ("file-with-a-rather-long-name-" + std::to_string(i)), "");
  std::set<std::string> seen;
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(at_)) {
    seen.insert(entry.path().filename());
    ++count;
  }
  EXPECT_EQ(seen, names);
  EXPECT_EQ(count, names.size());
}

TEST_F(SessionTest, OffsetsAppendsTruncationAndHoles) {
  const std::string path = at_ / "f";
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL, 0640);
  ASSERT_GE(file, 0);
  EXPECT_EQ(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL, 0640), -1);
  EXPECT_EQ(errno, EEXIST);
  ASSERT_EQ(::pwrite(file, "tail", 4, 1'000'000), 4);
  ASSERT_EQ(::pwrite(file, "head", 4, 0), 4);
  char buffer[8] = {};
  ASSERT_EQ(::pread(file, buffer, 8, 999'998), 6);
  EXPECT_EQ(std::string(buffer, 6), std::string("\0\0tail", 6));
  ASSERT_EQ(::fsync(file), 0);
  ASSERT_EQ(::ftruncate(file, 2), 0);
  ASSERT_EQ(::ftruncate(file, 6), 0);
  EXPECT_EQ(Get(path), std::string("he\0\0\0\0", 6));
  const int appender = ::open(path.c_str(), O_WRONLY | O_APPEND);
  ASSERT_EQ(::write(appender, "+++", 3), 3);
  EXPECT_EQ(::close(appender), 0);
  EXPECT_EQ(::close(file), 0);
  EXPECT_EQ(Get(path), std::string("he\0\0\0\0+++", 9));
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640u);
  EXPECT_EQ(status.st_size, 9);
}

TEST_F(SessionTest, MappedFilesReadAndWrite) {
  const std::string text = Random(300'000);
  Put(at_ / "m", text);
  const int file = ::open((at_ / "m").c_str(), O_RDWR);
  void* map = ::mmap(nullptr, text.size(), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ASSERT_NE(map, MAP_FAILED);
  EXPECT_EQ(std::string_view(static_cast<char*>(map), text.size()), text);
  std::memcpy(static_cast<char*>(map) + 100'000, "through the mapping", 19);
  ASSERT_EQ(::msync(map, text.size(), MS_SYNC), 0);
  ASSERT_EQ(::munmap(map, text.size()), 0);
  ASSERT_EQ(::close(file), 0);
  std::string expected = text;
  expected.replace(100'000, 19, "through the mapping");
  EXPECT_EQ(Get(at_ / "m"), expected);
}

TEST_F(SessionTest, AnUnlinkedFileLivesUntilItsLastClose) {
  const int file = ::open((at_ / "gone").c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_EQ(::write(file, "still", 5), 5);
  ASSERT_EQ(::unlink((at_ / "gone").c_str()), 0);
  ASSERT_EQ(::pwrite(file, " here", 5, 5), 5);
  char buffer[11] = {};
  EXPECT_EQ(::pread(file, buffer, 10, 0), 10);
  EXPECT_STREQ(buffer, "still here");
  struct stat status{};
  ASSERT_EQ(::fstat(file, &status), 0);
  EXPECT_EQ(status.st_nlink, 0u);
  EXPECT_EQ(::close(file), 0);
  EXPECT_FALSE(fs::exists(at_ / "gone"));
}

TEST_F(SessionTest, ExtendedAttributesAndStatfs) {
  Put(at_ / "x", "");
  const std::string path = at_ / "x";
  ASSERT_EQ(::setxattr(path.c_str(), "user.colour", "green", 5, 0), 0);
  char value[16] = {};
  EXPECT_EQ(::getxattr(path.c_str(), "user.colour", nullptr, 0), 5);
  EXPECT_EQ(::getxattr(path.c_str(), "user.colour", value, 2), -1);
  EXPECT_EQ(errno, ERANGE);
  EXPECT_EQ(::getxattr(path.c_str(), "user.colour", value, sizeof value), 5);
  EXPECT_EQ(::listxattr(path.c_str(), value, sizeof value), 12);
  ASSERT_EQ(::removexattr(path.c_str(), "user.colour"), 0);
  EXPECT_EQ(::getxattr(path.c_str(), "user.colour", value, sizeof value), -1);
  EXPECT_EQ(errno, ENODATA);
  const std::string large((64 << 10) + 1, 'v');
  EXPECT_EQ(::setxattr(path.c_str(), "user.large", large.data(), large.size(), 0), -1);
  EXPECT_EQ(errno, E2BIG);
  const std::string name = "user." + std::string(251, 'n');
  EXPECT_EQ(::setxattr(path.c_str(), name.c_str(), "v", 1, 0), -1);
  EXPECT_EQ(errno, ERANGE);
  int fit = 0;
  while (fit < 32 && ::setxattr(path.c_str(), ("user." + std::to_string(fit)).c_str(), large.data(),
                                large.size() - 1, 0) == 0) {
    ++fit;
  }
  EXPECT_EQ(errno, ENOSPC);
  EXPECT_EQ(fit, 15);  // the sixteenth has room for its value, and none for its name
  struct statvfs use{};
  ASSERT_EQ(::statvfs(at_.c_str(), &use), 0);
  EXPECT_GT(use.f_blocks, 0u);
  EXPECT_EQ(use.f_namemax, 255u);
}

TEST_F(SessionTest, AWaitForALockEndsWithASignal) {
  Put(at_ / "lock", "");
  const int held = ::open((at_ / "lock").c_str(), O_RDWR);
  ASSERT_EQ(::flock(held, LOCK_EX), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const int other = ::open((at_ / "lock").c_str(), O_RDWR);
    if (::flock(other, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) ::_exit(1);
    struct sigaction action{};
    action.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &action, nullptr);
    // Again and again: the first one may come before the wait.
    const itimerval often{.it_interval = {0, 200'000}, .it_value = {0, 200'000}};
    ::setitimer(ITIMER_REAL, &often, nullptr);
    ::_exit(::flock(other, LOCK_EX) == -1 && errno == EINTR ? 0 : 2);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  ASSERT_EQ(::flock(held, LOCK_UN), 0);
  ::close(held);
}

TEST_F(SessionTest, ASecondMountSeesWhatWasClosed) {
  TestMount other(server_, base_ / "b");
  ASSERT_TRUE(other.mounted());
  Put(at_ / "f", "first");
  EXPECT_EQ(Get(base_ / "b" / "f"), "first");
  for (int i = 0; i < 20; ++i) {
    const std::string text =
        "version " + std::to_string(i) + std::string(static_cast<std::size_t>(i), '.');
    Put(at_ / "f", text);
    ASSERT_EQ(Get(base_ / "b" / "f"), text);
    Put(base_ / "b" / "f", text + "!");
    ASSERT_EQ(Get(at_ / "f"), text + "!");
  }
  other.End();
  (void)Unmount(base_ / "b", UnmountMode::kLazy);
}

TEST_F(SessionTest, TheEndOfABusyMountComesAndItsUsersAreTold) {
  const int file = ::open((at_ / "busy").c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_EQ(::write(file, "x", 1), 1);
  const auto begin = std::chrono::steady_clock::now();
  mount_->End(milliseconds(300));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(::write(file, "y", 1), -1);
  EXPECT_EQ(errno, ENOTCONN);
  ::close(file);
  EXPECT_FALSE(FindMount(at_)->has_value());
}

TEST_F(SessionTest, AnUnmountFromOutsideIsTheEnd) {
  Put(at_ / "f", "safe");
  std::thread waits([this] { mount_->session().Wait(); });
  ASSERT_TRUE(Unmount(at_, UnmountMode::kPlain).has_value());
  waits.join();
  mount_->End();
  TestMount again(server_, at_);
  EXPECT_EQ(Get(at_ / "f"), "safe");
}

TEST_F(SessionTest, NothingIsLeftOpenOrKnownAfterwards) {
  for (int i = 0; i < 50; ++i) {
    Put(at_ / ("f" + std::to_string(i)), "x");
    fs::remove(at_ / ("f" + std::to_string(i)));
  }
  for (int i = 0; i < 200 && mount_->file_system().counts().handles > 0; ++i) {
    std::this_thread::sleep_for(milliseconds(5));  // the kernel releases behind our back
  }
  EXPECT_EQ(mount_->file_system().counts().handles, 0u);
  EXPECT_EQ(mount_->file_system().counts().directories, 0u);
}

}  // namespace
}  // namespace forebay::fuse
