#include "cli/node.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>

#include "base/log.h"

namespace forebay::cli {
namespace {

constexpr std::chrono::seconds kSweepInterval{60};
constexpr std::chrono::seconds kReserveInterval{60};

// The absolute path, so that a later change of directory changes nothing.
std::string Absolute(const std::string& path) {
  std::error_code ignored;
  auto absolute = std::filesystem::absolute(path, ignored);
  return ignored ? path : absolute.lexically_normal().string();
}

// What to do about a data directory that is not there.
Error WithAdvice(Error error) {
  if (error.code() != Code::kVolumeFailed) return error;
  return {error.code(), error.message() +
                            ". --allow-missing-volumes serves without it; `forebay volume remove "
                            "--force` gives it up with all that it holds"};
}

}  // namespace

Result<std::unique_ptr<Node>> Node::OpenExisting(const config::Config& config) {
  const std::string first = Absolute(config.data.front());
  FB_ASSIGN_OR_RETURN(bool there, io::PosixFileSystem().Exists(first + "/metadata/CURRENT"));
  if (there) return Open(config);
  return Fail(Code::kNotFound, "There is no store in " + first +
                                   "; name its data directory with --data or --config.");
}

Result<std::unique_ptr<Node>> Node::Open(const config::Config& config) {
  std::unique_ptr<Node> node(new Node());
  std::vector<std::string> directories;
  directories.reserve(config.data.size());
  for (const std::string& directory : config.data) directories.push_back(Absolute(directory));
  node->directory_ = directories.front();
  node->disk_reserve_ = config.disk_reserve;
  const std::string& first = node->directory_;
  FB_RETURN_IF_ERROR(node->fs_.MakeDirs(first));
  auto lock = node->fs_.Lock(first + "/LOCK");
  if (!lock && lock.error().code() == Code::kLocked) {
    return Fail(Code::kLocked,
                "The data directory " + first +
                    " is in use by another forebay process; stop that one, or choose "
                    "another directory with --data.");
  }
  if (!lock) return Fail(std::move(lock.error()));
  node->lock_ = std::move(*lock);

  FB_RETURN_IF_ERROR(node->OpenStore(config));

  chunk::Options chunk_options;
  chunk_options.reserve_bytes = config.disk_reserve;
  chunk_options.write_threads = config.disk_threads;
  chunk_options.sync_threads = config.disk_threads;
  chunk_options.allow_missing_volumes = config.allow_missing_volumes;
  auto chunks = chunk::SegmentChunkStore::Open(*node->store_, node->fs_, directories, chunk_options,
                                               Clock::System());
  if (!chunks) return Fail(WithAdvice(std::move(chunks.error())));
  node->chunks_ = std::move(*chunks);
  node->scrubber_ = std::make_unique<chunk::Scrubber>(
      *node->chunks_, *node->store_, Clock::System(),
      chunk::ScrubberOptions{.interval = config.scrub_interval,
                             .bytes_per_second = config.scrub_rate});
  FB_RETURN_IF_ERROR(node->scrubber_->Load());

  node->pool_ = std::make_unique<ThreadPool>(ThreadPool::Options{
      .name = "fb-read", .threads = static_cast<std::size_t>(config.disk_threads)});
  FB_ASSIGN_OR_RETURN(node->ids_, meta::IdSource::Open(*node->store_));
  node->etags_ = std::make_unique<meta::ETagSource>(Clock::System());
  node->buffers_ = std::make_unique<engine::BufferPool>(config.request_memory);
  engine::Limits limits;
  limits.small_blob_bytes = config.small_blob_threshold;
  limits.uncommitted_block_ttl = config.uncommitted_block_ttl;
  node->room_ = std::make_unique<engine::DiskRoom>(node->fs_, node->metadata_path_,
                                                   config.disk_reserve, *node->store_);
  node->services_ = std::make_unique<engine::Services>(engine::Services{
      .store = *node->store_,
      .chunks = *node->chunks_,
      .clock = Clock::System(),
      .pool = *node->pool_,
      .ids = *node->ids_,
      .etags = *node->etags_,
      .buffers = *node->buffers_,
      .pins = node->pins_,
      .limits = limits,
      .room = node->room_.get(),
      .started = Clock::System().Now(),
  });
  node->sweeper_ = std::make_unique<engine::Sweeper>(*node->services_);
  return node;
}

Result<> Node::OpenStore(const config::Config& config) {
  reserve_ = std::make_unique<ReserveFile>(fs_, directory_ + "/RESERVE", config.disk_reserve / 2,
                                           config.disk_reserve);
  metadata_path_ = directory_ + "/metadata";
  kv::RocksDbOptions options;
  options.path = metadata_path_;
  options.cache_bytes = config.kv_cache_size;
  // Below this the reserve is given up for deletes, and once that is gone only they commit, down to
  // half of it; uploads stop much earlier.
  options.min_free_bytes = config.disk_reserve / 4;
  options.on_low_space = [reserve = reserve_.get()] { return reserve->Release(); };
  auto opened = kv::RocksDbStore::Open(options);
  // Opening replays the log into files.
  if (!opened && opened.error().code() == Code::kNoSpace && reserve_->Release()) {
    opened = kv::RocksDbStore::Open(std::move(options));
  }
  if (!opened) return Fail(std::move(opened.error()));
  store_ = std::move(*opened);
  return {};
}

Node::~Node() { Stop(); }

void Node::Start() {
  reserve_->Start(kReserveInterval);
  chunks_->Start();
  sweeper_->Start(kSweepInterval);
  scrubber_->Start();
}

void Node::Stop() {
  if (reserve_) reserve_->Stop();
  if (scrubber_) scrubber_->Stop();
  if (sweeper_) sweeper_->Stop();
  if (chunks_) chunks_->Stop();
}

Result<> Node::ReadyToWrite() const {
  if (store_->stats().stopped) {
    return Fail(Code::kBusy, "The metadata store holds writes back.");
  }
  FB_RETURN_IF_ERROR(room_->Check(engine::Growth::kBytes));
  FB_ASSIGN_OR_RETURN(auto volumes, chunks_->Volumes());
  bool full = false;
  for (const chunk::VolumeStatus& volume : volumes) {
    if (volume.state != chunk::VolumeState::kActive) continue;
    if (volume.available_bytes >= disk_reserve_) return {};
    full = true;
  }
  if (full) return Fail(Code::kNoSpace, "Every data directory is full up to its reserve.");
  return Fail(Code::kVolumeFailed, "No data directory takes writes.");
}

}  // namespace forebay::cli
