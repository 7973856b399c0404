// The cuda device without a card: host memory for the card's, fibers for its threads, plain loops
// for the libraries.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backend/cuda/device.h"
#include "backend/cuda/host/cuda_runtime.h"
#include "backend/cuda/host_queues.h"

namespace streamdiffusion::backend::cuda::test {

/// Work waits in queues until something waits for it, as on a card. Memory of the card starts as
/// NaN. What a capture forbids throws std::logic_error.
class HostRuntime final : public Runtime, private CUstream_st {
 public:
  /// What the tests look at, outlives the runtime.
  struct Record {
    /// A thread that compiles allocates beside one that runs.
    std::atomic<int> allocations = 0, releases = 0;
    /// Memory of the card that a test made itself, for frames.
    std::span<std::byte> frames = {};
    int uploads = 0, downloads = 0, captures = 0, replays = 0, events = 0, waits = 0;
    /// Of the above, those beside the work; and waits for one event.
    int uploads_beside = 0, downloads_beside = 0, event_waits = 0;
    WorkOrder order = WorkOrder::late;
    /// Called before the host waits for an event.
    std::function<void()> before_event_wait = [] {};
    /// May change what an upload beside the work brings onto the card.
    std::function<void(std::span<std::byte> uploaded)> spoil = [](auto) {};
    /// Things that were queued still when the host had waited for an event, the last time.
    std::size_t left_queued = 0;
    /// The wait_for() of that place from the first on is left out, as if it were forgotten.
    std::optional<int> forgotten_wait = {};
    int stream_waits = 0;
    /// Counts down with each call; the call that finds 1 fails. 0: none does.
    std::atomic<int> fail_in = 0;
    /// Bytes of the card's memory; more cannot be allocated.
    std::size_t free_memory = std::size_t{1} << 40;
    /// Of the card.
    std::string name = "host";
    /// If set, what events read: only what the libraries compute takes time.
    std::optional<double> seconds = {};
    /// How long each call takes that the libraries propose for a layer, the best guess first.
    std::vector<double> call_seconds = {0};
    /// The call of that place in call_seconds fails where it is run.
    std::optional<std::size_t> broken_call = {};
    /// Whether the libraries have calls of several products.
    bool several_products = true;
    /// Whether the libraries refuse texts of calls.
    bool refuses_texts = false;
    /// Calls that were asked for by the libraries' guesses, and by text.
    int proposed = 0, restored = 0;
  };
  explicit HostRuntime(Record& record) : record_(record), queues_(record.order) {}

  std::byte* allocate(std::size_t bytes) override;
  void release(std::byte* memory) noexcept override;
  std::byte* allocate_pinned(std::size_t bytes) override { return allocate(bytes); }
  void release_pinned(std::byte* memory) noexcept override { release(memory); }
  void download_rows(std::byte* to, const DeviceRows& from) override;
  void upload_rows(const DeviceRows& to, const std::byte* from) override;
  void upload(std::byte* to, const std::byte* from, std::size_t bytes) override;
  void download(std::byte* to, const std::byte* from, std::size_t bytes) override;
  void copy(std::byte* to, const std::byte* from, std::size_t bytes) override;
  void upload_beside(std::byte* to, const std::byte* from, std::size_t bytes) override;
  void download_beside(std::byte* to, const std::byte* from, std::size_t bytes) override;
  void wait_for(const Event& event, Queue queue) override;
  void synchronize() override;
  void begin_capture() override;
  std::unique_ptr<CapturedGraph> end_capture() override;
  std::unique_ptr<Event> make_event() override;
  std::size_t cache_bytes() const override { return 4096; }
  CardMemory memory() const override { return {record_.free_memory, record_.free_memory}; }
  Stream stream() const override { return const_cast<HostRuntime*>(this); }
  std::string description() const override { return record_.name; }

  void enqueue(std::function<void()> work) override;
  Record& record() { return record_; }

 private:
  class HostEvent;
  using Work = std::vector<std::function<void()>>;
  class Captured;
  /// Of a call that needs the stream.
  void count_call(const char* what);
  /// Of one that is not allowed in a capture.
  void count_beside(const char* what);
  void fail_if_asked(const char* what);
  void check_on_card(const DeviceRows& rows) const;

  Record& record_;
  bool capturing_ = false;
  Work captured_;
  HostQueues queues_;
};

std::unique_ptr<Libraries> make_host_libraries(HostRuntime& runtime);

/// The device, with a record of what it asked of the runtime.
std::unique_ptr<Device> make_host_device(HostRuntime::Record& record,
                                         const DeviceOptions& options = {});

}  // namespace streamdiffusion::backend::cuda::test
