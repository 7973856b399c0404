#include "backend/cuda/host_device.h"

#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "base/clock.h"
#include "base/error.h"

namespace streamdiffusion::backend::cuda::test {

class HostRuntime::Captured final : public CapturedGraph {
 public:
  Captured(HostRuntime& runtime, Work work) : runtime_(runtime), work_(std::move(work)) {}

  void launch() override {
    runtime_.count_call("launch a graph");
    ++runtime_.record_.replays;
    for (const auto& work : work_) runtime_.enqueue(work);
  }

 private:
  HostRuntime& runtime_;
  const Work work_;
};

/// As one of CUDA, it may be destroyed before the work gets to it.
class HostRuntime::HostEvent final : public Event {
 public:
  explicit HostEvent(HostRuntime& runtime) : runtime_(runtime) {}
  void record(Queue queue) override {
    runtime_.count_call("an event");
    const auto note = [time = time_, &record = runtime_.record_] {
      *time = record.seconds.value_or(base::seconds_of(base::Clock::now()));
      ++record.events;
    };
    if (runtime_.capturing_) return runtime_.captured_.push_back(note);
    runtime_.queues_.record(queue, passed_, note);
  }
  void synchronize() override {
    HostRuntime& runtime = runtime_;
    runtime.record_.before_event_wait();
    runtime.fail_if_asked("a wait for an event");
    ++runtime.record_.event_waits;
    runtime.queues_.pass(passed_);
    runtime.record_.left_queued = runtime.queues_.size();
  }
  double seconds_since(const Event& earlier) const override {
    return *time_ - *static_cast<const HostEvent&>(earlier).time_;
  }
  const std::shared_ptr<HostQueues::Passed>& passed() const { return passed_; }

 private:
  HostRuntime& runtime_;
  const std::shared_ptr<double> time_ = std::make_shared<double>();
  const std::shared_ptr<HostQueues::Passed> passed_ = std::make_shared<HostQueues::Passed>();
};

std::unique_ptr<Event> HostRuntime::make_event() {
  return std::make_unique<HostEvent>(*this);
}

void HostRuntime::count_call(const char* what) {
  if (!locked_by_this_thread()) throw std::logic_error("the stream is not locked");
  fail_if_asked(what);
}

void HostRuntime::fail_if_asked(const char* what) {
  if (record_.fail_in == 0 || --record_.fail_in > 0) return;
  base::fail(base::ErrorCode::internal, what, " failed");
}

std::byte* HostRuntime::allocate(std::size_t bytes) {
  constexpr std::size_t kAlignment = 256;
  if (capturing_ && locked_by_this_thread())
    throw std::logic_error("an allocation during a capture");
  fail_if_asked("an allocation");
  base::require(bytes <= record_.free_memory, base::ErrorCode::busy, "the card has ",
                record_.free_memory >> 20U, " MiB free, needed are ", (bytes >> 20U) + 1,
                " MiB more");
  auto* memory = static_cast<std::byte*>(
      std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment));
  std::memset(memory, 0xff, bytes);
  ++record_.allocations;
  return memory;
}

void HostRuntime::release(std::byte* memory) noexcept {
  ++record_.releases;
  std::free(memory);
}

void HostRuntime::upload(std::byte* to, const std::byte* from, std::size_t bytes) {
  count_call("an upload");
  ++record_.uploads;
  enqueue([=] { std::memcpy(to, from, bytes); });
}

void HostRuntime::download(std::byte* to, const std::byte* from, std::size_t bytes) {
  count_call("a download");
  ++record_.downloads;
  enqueue([=] { std::memcpy(to, from, bytes); });
}

void HostRuntime::copy(std::byte* to, const std::byte* from, std::size_t bytes) {
  count_call("a copy");
  enqueue([=] { std::memcpy(to, from, bytes); });
}

void HostRuntime::count_beside(const char* what) {
  if (capturing_) throw std::logic_error(std::string(what) + " during a capture");
  count_call(what);
}

void HostRuntime::upload_beside(std::byte* to, const std::byte* from, std::size_t bytes) {
  count_beside("an upload beside the work");
  ++record_.uploads, ++record_.uploads_beside;
  queues_.push(Queue::upload, [=, &record = record_] {
    std::memcpy(to, from, bytes);
    record.spoil({to, bytes});
  });
}

void HostRuntime::download_beside(std::byte* to, const std::byte* from, std::size_t bytes) {
  count_beside("a download beside the work");
  ++record_.downloads, ++record_.downloads_beside;
  queues_.push(Queue::download, [=] { std::memcpy(to, from, bytes); });
}

void HostRuntime::wait_for(const Event& event, Queue queue) {
  count_beside("a stream's wait");
  if (record_.stream_waits++ == record_.forgotten_wait) return;
  queues_.wait_for(queue, static_cast<const HostEvent&>(event).passed());
}

void HostRuntime::check_on_card(const DeviceRows& rows) const {
  const auto* first = static_cast<const std::byte*>(rows.first);
  const auto* end = first + (rows.count - 1) * rows.pitch + rows.bytes;
  const std::byte* card = record_.frames.data();
  base::require(first >= card && end <= card + record_.frames.size(),
                base::ErrorCode::invalid_argument, "the frame's memory is not that of a card");
}

void HostRuntime::download_rows(std::byte* to, const DeviceRows& from) {
  check_on_card(from);
  fail_if_asked("a frame's download");
  ++record_.downloads;
  for (std::size_t i = 0; i < from.count; ++i)
    std::memcpy(to + i * from.bytes, static_cast<std::byte*>(from.first) + i * from.pitch,
                from.bytes);
}

void HostRuntime::upload_rows(const DeviceRows& to, const std::byte* from) {
  check_on_card(to);
  fail_if_asked("a frame's upload");
  ++record_.uploads;
  for (std::size_t i = 0; i < to.count; ++i)
    std::memcpy(static_cast<std::byte*>(to.first) + i * to.pitch, from + i * to.bytes, to.bytes);
}

void HostRuntime::synchronize() {
  if (capturing_) throw std::logic_error("a wait during a capture");
  try {
    count_call("a wait");
  } catch (...) {
    queues_.drop();  // nothing is done any more
    throw;
  }
  ++record_.waits;
  queues_.finish();
}

void HostRuntime::begin_capture() {
  count_call("the start of a capture");
  if (std::exchange(capturing_, true)) throw std::logic_error("a capture within a capture");
}

std::unique_ptr<CapturedGraph> HostRuntime::end_capture() {
  if (!std::exchange(capturing_, false)) throw std::logic_error("no capture has begun");
  ++record_.captures;
  return std::make_unique<Captured>(*this, std::exchange(captured_, {}));
}

void HostRuntime::enqueue(std::function<void()> work) {
  if (!locked_by_this_thread()) throw std::logic_error("the stream is not locked");
  if (capturing_) return captured_.push_back(std::move(work));
  queues_.push(Queue::compute, std::move(work));
}

std::unique_ptr<Device> make_host_device(HostRuntime::Record& record,
                                         const DeviceOptions& options) {
  auto runtime = std::make_unique<HostRuntime>(record);
  auto libraries = make_host_libraries(*runtime);
  return std::make_unique<CudaDevice>(std::move(runtime), std::move(libraries), options);
}

}  // namespace streamdiffusion::backend::cuda::test
