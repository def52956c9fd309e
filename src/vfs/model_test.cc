// Random operations against a reference model, with and without faults of the link.
//
// After a fault nobody knows whether the operation was done: what is on the server must then be the
// model before or after it, whole, and the mount must see that too.
#include <gtest/gtest.h>

#include <random>

#include "vfs/errno_of.h"
#include "vfs/faulty_remote.h"
#include "vfs/memory_remote.h"
#include "vfs/mount_for_test.h"
#include "vfs/reference_model_for_test.h"

namespace forebay::vfs {
namespace {

using Nodes = std::map<std::string, ModelNode>;

struct Operation {
  enum Kind {
    kCreate,
    kWrite,
    kTruncate,
    kMakeDirectory,
    kSymlink,
    kUnlink,
    kRemoveDirectory,
    kRename,
    kKinds
  };
  Kind kind = kCreate;
  std::string path;
  std::string other;
  std::size_t offset = 0;
  std::string data;
};

std::string RandomPath(std::mt19937& random) {
  std::string path;
  const unsigned depth = 1 + random() % 3;
  for (unsigned i = 0; i < depth; ++i) {
    if (i > 0) path += '/';
    path += static_cast<char>('a' + random() % 3);
  }
  return path;
}

Operation RandomOperation(std::mt19937& random, bool symlinks) {
  Operation out;
  do {
    out.kind = static_cast<Operation::Kind>(random() % Operation::kKinds);
  } while (out.kind == Operation::kSymlink && !symlinks);
  out.path = RandomPath(random);
  out.other = RandomPath(random);
  out.offset = random() % 40;
  out.data = std::string(1 + random() % 20, static_cast<char>('A' + random() % 26));
  return out;
}

int Apply(ReferenceModel& model, const Operation& op) {
  switch (op.kind) {
    case Operation::kCreate:
      return model.Make(op.path, 'f');
    case Operation::kWrite:
      return model.Write(op.path, op.offset, op.data);
    case Operation::kTruncate:
      return model.Truncate(op.path, op.offset);
    case Operation::kMakeDirectory:
      return model.Make(op.path, 'd');
    case Operation::kSymlink:
      return model.Make(op.path, 'l', op.data);
    case Operation::kUnlink:
      return model.Unlink(op.path);
    case Operation::kRemoveDirectory:
      return model.RemoveDirectory(op.path);
    default:
      return model.Rename(op.path, op.other);
  }
}

template <class T>
Result<> Drop(const Result<T>& result) {
  if (!result) return Fail(result.error());
  return {};
}

Result<> Write(MountForTest& mount, const Operation& op) {
  FB_ASSIGN_OR_RETURN(const Attributes at, mount.Walk(op.path));
  // The kernel follows symbolic links by itself; here they are not followed.
  if (at.kind == FileKind::kSymlink) return Fail(Code::kTooManySymbolicLinks, "A symbolic link.");
  FB_ASSIGN_OR_RETURN(const HandleId handle, mount.Open(op.path, O_RDWR));
  auto written = mount.WriteAt(handle, op.offset, op.data);
  const auto closed = mount.CloseHandle(handle);
  return written ? closed : written;
}

Result<> Truncate(MountForTest& mount, const Operation& op) {
  FB_ASSIGN_OR_RETURN(const Attributes at, mount.Walk(op.path));
  if (at.kind == FileKind::kSymlink) return Fail(Code::kTooManySymbolicLinks, "A symbolic link.");
  AttributeChanges changes;
  changes.size = op.offset;
  return Drop(RunSync(mount.fs().SetAttributes({}, at.inode, changes)));
}

Result<> Create(MountForTest& mount, const Operation& op) {
  FB_ASSIGN_OR_RETURN(const HandleId handle, mount.Create(op.path, O_RDWR | O_EXCL));
  return mount.CloseHandle(handle);
}

Result<> Apply(MountForTest& mount, const Operation& op) {
  switch (op.kind) {
    case Operation::kCreate:
      return Create(mount, op);
    case Operation::kWrite:
      return Write(mount, op);
    case Operation::kTruncate:
      return Truncate(mount, op);
    case Operation::kMakeDirectory:
      return Drop(mount.MakeDir(op.path));
    case Operation::kSymlink:
      return Drop(mount.Symlink(op.path, op.data));
    case Operation::kUnlink:
      return mount.Unlink(op.path);
    case Operation::kRemoveDirectory:
      return mount.RemoveDir(op.path);
    default:
      return mount.Rename(op.path, op.other);
  }
}

// Everything that a mount shows.
Result<> Collect(MountForTest& mount, const std::string& directory, Nodes& out) {
  FB_ASSIGN_OR_RETURN(const auto list, mount.List(directory));
  for (const auto& [name, attributes] : list) {
    const std::string path = directory.empty() ? name : directory + "/" + name;
    if (attributes.IsDirectory()) {
      out[path] = {'d', {}};
      FB_RETURN_IF_ERROR(Collect(mount, path, out));
    } else if (attributes.kind == FileKind::kSymlink) {
      FB_ASSIGN_OR_RETURN(const Attributes at, mount.Walk(path));
      FB_ASSIGN_OR_RETURN(std::string target, RunSync(mount.fs().ReadLink({}, at.inode)));
      out[path] = {'l', std::move(target)};
    } else {
      FB_ASSIGN_OR_RETURN(std::string content, mount.Get(path));
      EXPECT_EQ(content.size(), attributes.size) << path;
      out[path] = {'f', std::move(content)};
    }
  }
  return {};
}

std::string Told(const Operation& op) {
  return std::to_string(op.kind) + " " + op.path + " " + op.other;
}

FileSystemOptions NoCaches() {
  FileSystemOptions options;
  options.attribute_age = options.entry_age = options.negative_age = std::chrono::milliseconds(0);
  return options;
}

void CompareWithModel(RemoteTraits traits, unsigned seed) {
  MemoryServer server(traits);
  MemoryRemote remote(server);
  // Caches that never age: what this mount itself does it must see without asking.
  FileSystemOptions options;
  options.attribute_age = options.entry_age = options.negative_age = std::chrono::hours(1);
  MountForTest mount(remote, options);
  MemoryRemote plain(server);
  MountForTest truth(plain, NoCaches());
  ReferenceModel model;
  std::mt19937 random(seed);
  for (int step = 0; step < 400; ++step) {
    const Operation op = RandomOperation(random, traits.symlinks);
    const int expected = Apply(model, op);
    const auto done = Apply(mount, op);
    ASSERT_EQ(done ? 0 : ErrnoOf(done.error()), expected)
        << "seed " << seed << " step " << step << ": " << Told(op);
    if (step % 20 != 19) continue;
    Nodes seen;
    ASSERT_TRUE(Collect(mount, "", seen).has_value());
    ASSERT_EQ(seen, model.nodes) << "seed " << seed << " step " << step;
    Nodes there;
    ASSERT_TRUE(Collect(truth, "", there).has_value());
    ASSERT_EQ(there, model.nodes) << "seed " << seed << " step " << step;
  }
}

TEST(VfsModel, AgreesOverAServerWithEverything) {
  for (unsigned seed = 0; seed < 8; ++seed) CompareWithModel(EverythingTraits(), seed);
}

TEST(VfsModel, AgreesOverAPlainServer) {
  for (unsigned seed = 100; seed < 108; ++seed) CompareWithModel(PlainTraits(), seed);
}

void CompareUnderFaults(RemoteTraits traits, unsigned seed) {
  MemoryServer server(traits);
  MemoryRemote remote(server);
  FaultyRemote faulty(remote, seed);
  FileSystemOptions options;
  options.attribute_age = options.entry_age = options.negative_age = std::chrono::hours(1);
  MountForTest mount(faulty, options);
  MemoryRemote plain(server);
  MountForTest truth(plain, NoCaches());
  ReferenceModel model;
  std::mt19937 random(seed);
  for (int step = 0; step < 300; ++step) {
    const Operation op = RandomOperation(random, traits.symlinks);
    ReferenceModel after = model;
    const int expected = Apply(after, op);
    faulty.SetRates(60, 60);
    const auto done = Apply(mount, op);
    faulty.SetRates(0, 0);
    const bool fault = !done && (done.error().code() == Code::kDeadlineExceeded ||
                                 done.error().code() == Code::kUnknownOutcome);
    Nodes there;
    ASSERT_TRUE(Collect(truth, "", there).has_value());
    if (fault) {
      ASSERT_TRUE(there == model.nodes || there == after.nodes)
          << "seed " << seed << " step " << step << ": " << Told(op);
      model.nodes = there;
    } else {
      ASSERT_EQ(done ? 0 : ErrnoOf(done.error()), expected)
          << "seed " << seed << " step " << step << ": " << Told(op);
      model = std::move(after);
    }
    Nodes seen;
    const auto collected = Collect(mount, "", seen);
    ASSERT_TRUE(collected.has_value()) << "seed " << seed << " step " << step << ": " << Told(op)
                                       << ": " << collected.error().ToString();
    ASSERT_EQ(seen, model.nodes) << "seed " << seed << " step " << step << ": " << Told(op);
  }
  EXPECT_GT(faulty.faults(), 0u);
}

TEST(VfsModel, IsWholeAfterFaultsOverAServerWithEverything) {
  for (unsigned seed = 200; seed < 204; ++seed) CompareUnderFaults(EverythingTraits(), seed);
}

TEST(VfsModel, IsWholeAfterFaultsOverAPlainServer) {
  for (unsigned seed = 300; seed < 304; ++seed) CompareUnderFaults(PlainTraits(), seed);
}

}  // namespace
}  // namespace forebay::vfs
