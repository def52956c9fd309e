#include "chunk/core.h"

#include "base/log.h"

namespace forebay::chunk {

SegmentPtr SegmentTable::Find(SegmentId id) const {
  std::shared_lock lock(mutex_);
  auto it = segments_.find(id);
  return it == segments_.end() ? nullptr : it->second;
}

void SegmentTable::Insert(SegmentPtr segment) {
  std::lock_guard lock(mutex_);
  SegmentId id = segment->id();
  segments_[id] = std::move(segment);
}

void SegmentTable::Erase(SegmentId id) {
  std::lock_guard lock(mutex_);
  segments_.erase(id);
}

std::vector<SegmentPtr> SegmentTable::All() const {
  std::shared_lock lock(mutex_);
  std::vector<SegmentPtr> all;
  all.reserve(segments_.size());
  for (const auto& [id, segment] : segments_) all.push_back(segment);
  return all;
}

Result<SegmentFilePtr> FileCache::Open(Segment& segment) {
  FB_ASSIGN_OR_RETURN(SegmentFilePtr file, segment.OpenFile());
  SegmentFilePtr evicted;  // closed outside the lock
  std::lock_guard lock(mutex_);
  auto it = by_id_.find(segment.id());
  if (it != by_id_.end()) {
    it->second->second = file;
    recent_.splice(recent_.begin(), recent_, it->second);
    return file;
  }
  recent_.emplace_front(segment.id(), file);
  by_id_[segment.id()] = recent_.begin();
  if (recent_.size() > capacity_) {
    evicted = std::move(recent_.back().second);
    by_id_.erase(recent_.back().first);
    recent_.pop_back();
  }
  return file;
}

void FileCache::Forget(SegmentId id) {
  SegmentFilePtr forgotten;
  std::lock_guard lock(mutex_);
  auto it = by_id_.find(id);
  if (it == by_id_.end()) return;
  forgotten = std::move(it->second->second);
  recent_.erase(it->second);
  by_id_.erase(it);
}

VolumePtr Core::FindVolume(std::string_view uuid) const {
  std::lock_guard lock(mutex_);
  for (const auto& [number, volume] : volumes_) {
    if (volume->uuid() == uuid) return volume;
  }
  return nullptr;
}

VolumePtr Core::FindVolume(VolumeNumber number) const {
  std::lock_guard lock(mutex_);
  auto it = volumes_.find(number);
  return it == volumes_.end() ? nullptr : it->second;
}

std::vector<VolumePtr> Core::Volumes() const {
  std::lock_guard lock(mutex_);
  std::vector<VolumePtr> all;
  for (const auto& [number, volume] : volumes_) all.push_back(volume);
  return all;
}

void Core::AddVolume(VolumePtr volume) {
  std::lock_guard lock(mutex_);
  VolumeNumber number = volume->number();
  volumes_[number] = std::move(volume);
}

void Core::EraseVolume(VolumeNumber number) {
  std::lock_guard lock(mutex_);
  volumes_.erase(number);
}

void Core::OnSyncFailed(Volume& volume, const Error& error) {
  volume.MarkFailed(error);
  bool others = std::ranges::any_of(Volumes(), [](const VolumePtr& v) { return v->writable(); });
  if (others) return;
  std::string message = "a sync failed and no other data directory is left: " + error.ToString();
  if (!options.on_fatal) Panic(message);
  options.on_fatal(message);
}

void Core::Drop(DroppedRange range) {
  {
    std::lock_guard lock(work_mutex_);
    dropped_.push_back(std::move(range));
    work_waits_ = true;
  }
  work_.notify_one();
}

std::vector<DroppedRange> Core::TakeDropped() {
  std::lock_guard lock(work_mutex_);
  return std::exchange(dropped_, {});
}

void Core::Wake() {
  {
    std::lock_guard lock(work_mutex_);
    work_waits_ = true;
  }
  work_.notify_one();
}

void Core::WaitForWork(std::chrono::milliseconds at_most) {
  std::unique_lock lock(work_mutex_);
  work_.wait_for(lock, at_most, [&] { return work_waits_ || stopping_.load(); });
  work_waits_ = false;
}

void Core::Pause(std::chrono::milliseconds time) {
  std::unique_lock lock(work_mutex_);
  work_.wait_for(lock, time, [&] { return stopping_.load(); });
}

void Core::SetStopping(bool stopping) {
  {
    std::lock_guard lock(work_mutex_);
    stopping_ = stopping;
  }
  work_.notify_all();
}

}  // namespace forebay::chunk
