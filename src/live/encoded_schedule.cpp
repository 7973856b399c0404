#include "live/encoded_schedule.h"

#include "base/scheduling.h"
#include "base/thread.h"

namespace streamdiffusion::live {

EncodedSchedule::EncodedSchedule(const LiveSession& session,
                                 std::vector<params::ScheduledPrompts> entries)
    : session_(session),
      entries_(std::move(entries)),
      schedule_(session.settings().prompts, entries_) {
  while (wants_next()) {
    encoded_.push_back(encode(entries_[encoded_.size()]));
    texts_ += encoded_.back().size();
  }
  thread_ = base::start_thread([this] { run(); });
}

EncodedSchedule::~EncodedSchedule() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

PromptSchedule::Prompts EncodedSchedule::at(double seconds) {
  const PromptSchedule::Prompts prompts = schedule_.at(seconds);
  if (prompts == newest_) return newest_;
  struct Held {
    PromptSchedule::Prompts prompts;
    EncodedPrompts encoded;
  };
  const auto held = std::make_shared<Held>(Held{prompts, {}});
  if (schedule_.next() > 0) held->encoded = pass(schedule_.next() - 1);
  return newest_ = PromptSchedule::Prompts(held, prompts.get());
}

bool EncodedSchedule::wants_next() const {
  const std::size_t next = first_ + encoded_.size();
  if (next >= entries_.size()) return false;
  return encoded_.empty() || texts_ + entries_[next].prompts.size() <= kTextsAhead;
}

EncodedPrompts EncodedSchedule::encode(const params::ScheduledPrompts& entry) const {
  Engine engine = session_.engine();
  return encode_prompts(engine, entry.prompts, session_.settings().options.lora_scales);
}

EncodedPrompts EncodedSchedule::pass(std::size_t entry) {
  const std::lock_guard lock(mutex_);
  while (first_ < entry && first_ < entries_.size()) {
    ++first_;
    if (encoded_.empty()) continue;
    texts_ -= encoded_.front().size();
    encoded_.pop_front();
  }
  changed_.notify_all();
  return encoded_.empty() ? EncodedPrompts() : encoded_.front();
}

void EncodedSchedule::run() {
  base::lower_priority();
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stopping_ || wants_next(); });
    if (stopping_) return;
    const std::size_t next = first_ + encoded_.size();
    busy_ = true;
    lock.unlock();
    EncodedPrompts encoded;
    try {
      encoded = encode(entries_[next]);
    } catch (const std::exception&) {  // the frames that follow the entry fail, and tell why
    }
    lock.lock();
    busy_ = false;
    if (first_ + encoded_.size() == next) {  // else it is past
      texts_ += encoded.size();
      encoded_.push_back(std::move(encoded));
    }
    changed_.notify_all();
  }
}

std::size_t EncodedSchedule::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !busy_ && !wants_next(); });
  return texts_;
}

}  // namespace streamdiffusion::live
