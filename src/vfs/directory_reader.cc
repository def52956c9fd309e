#include "vfs/directory_reader.h"

#include <algorithm>

namespace forebay::vfs {

void DirectoryReader::Rewind() {
  pages_.clear();
  starts_.clear();
  complete_ = false;
}

Task<> DirectoryReader::Load(OpContext context, Remote& remote, const InodeTable& table,
                             std::size_t number) {
  ListRequest request;
  FB_CO_ASSIGN_OR_RETURN(request.directory, table.Where(node_));
  request.marker = starts_[number].marker;
  request.limit = page_size_;
  Page page;
  page.number = number;
  page.first = starts_[number].first;
  page.stamp = table.Begin();
  FB_CO_ASSIGN_OR_RETURN(ListPage list, co_await remote.List(context, std::move(request)));
  page.entries = std::move(list.entries);
  if (number + 1 == starts_.size() && !complete_) {
    complete_ = list.next.empty();
    starts_.push_back({page.first + page.entries.size(), std::move(list.next)});
  }
  pages_.push_back(std::move(page));
  if (pages_.size() > kPagesKept) pages_.pop_front();
  co_return Result<>();
}

Task<DirectoryReader::Item> DirectoryReader::At(OpContext context, Remote& remote,
                                                const InodeTable& table, std::uint64_t position) {
  if (starts_.empty()) starts_.push_back({kFirst, {}});
  for (;;) {
    const auto behind = std::ranges::upper_bound(starts_, position, {}, &Start::first);
    const auto number = static_cast<std::size_t>(behind - starts_.begin()) - 1;
    // An empty page has its successor's first count: the last of them is meant, and is the end.
    if (complete_ && number + 1 == starts_.size()) co_return Item{};
    const auto page = std::ranges::find(pages_, number, &Page::number);
    if (page == pages_.end()) {
      FB_CO_RETURN_IF_ERROR(co_await Load(context, remote, table, number));
      continue;
    }
    const std::uint64_t at = position - page->first;
    // A page that was listed again may have become shorter: go on with the next.
    if (at < page->entries.size()) co_return Item{&page->entries[at], page->stamp, position};
    if (number + 1 >= starts_.size()) co_return Item{};
    position = starts_[number + 1].first;
  }
}

}  // namespace forebay::vfs
