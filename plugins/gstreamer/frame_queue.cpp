#include "frame_queue.h"

namespace streamdiffusion::gst {

namespace {

/// Whether a peer that took no more may take what follows.
bool begins_anew(const Event& event) {
  return GST_EVENT_TYPE(event.get()) == GST_EVENT_SEGMENT ||
         GST_EVENT_TYPE(event.get()) == GST_EVENT_STREAM_START;
}

}  // namespace

template <typename Change>
void FrameQueue::change(const Change& apply) {
  {
    const std::lock_guard lock(mutex_);
    apply();
  }
  changed_.notify_all();
}

void FrameQueue::enter(Event event) {
  change([&] {
    if (begins_anew(event)) ended_ = false;
    entries_.emplace_back();
    entries_.back().event = std::move(event);
  });
}

void FrameQueue::enter(std::uint64_t id, Buffer times) {
  change([&] {
    entries_.emplace_back();
    entries_.back().times = std::move(times);
    entries_.back().id = id;
  });
}

void FrameQueue::finish(std::uint64_t id, std::shared_ptr<const Image> image) {
  change([&] {
    for (Entry& entry : entries_) {
      if (entry.event || entry.id > id || entry.state != Entry::State::waiting) continue;
      entry.state = Entry::State::dropped;
      if (entry.id != id) continue;
      entry.state = Entry::State::done;
      entry.image = std::move(image);
      ++done_;
    }
  });
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return closed_ || done_ <= kAhead; });
}

void FrameQueue::drop(std::uint64_t id) {
  change([&] {
    for (Entry& entry : entries_) {
      const bool meant = !entry.event && entry.id == id && entry.state == Entry::State::waiting;
      if (meant) entry.state = Entry::State::dropped;
    }
  });
}

void FrameQueue::drop_waiting() {
  change([&] {
    for (Entry& entry : entries_) {
      const bool waits = !entry.event && entry.state == Entry::State::waiting;
      if (waits) entry.state = Entry::State::dropped;
    }
  });
}

void FrameQueue::end() {
  change([&] {
    ended_ = true;
    for (Entry& entry : entries_) {
      if (entry.event && begins_anew(entry.event)) {
        ended_ = false;
        return;
      }
      if (entry.event) continue;
      entry.state = Entry::State::dropped;
      if (std::exchange(entry.image, nullptr)) --done_;
    }
  });
}

bool FrameQueue::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

std::optional<Entry> FrameQueue::take() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] {
    if (closed_) return true;
    return !entries_.empty() &&
           (entries_.front().event || entries_.front().state != Entry::State::waiting);
  });
  if (closed_) return std::nullopt;
  Entry entry = std::move(entries_.front());
  entries_.pop_front();
  if (entry.image) --done_;
  lock.unlock();
  changed_.notify_all();
  return entry;
}

void FrameQueue::close() {
  change([&] { closed_ = true; });
}

std::vector<Event> FrameQueue::open() {
  std::vector<Event> left;
  change([&] {
    for (Entry& entry : entries_) {
      if (entry.event) left.push_back(std::move(entry.event));
    }
    entries_.clear();
    done_ = 0;
    closed_ = ended_ = false;
  });
  return left;
}

}  // namespace streamdiffusion::gst
