#include "backend/cuda/nvidia/cuda_runtime.h"

#include <cuda_runtime_api.h>

#include <array>

#include "backend/cuda/nvidia/energy.h"
#include "base/error.h"

namespace streamdiffusion::backend::cuda {
namespace {

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // an error that is not sticky must not be found by the next call
  base::fail(base::ErrorCode::internal, "CUDA, ", what, ": ", cudaGetErrorString(status));
}

/// Throws invalid_argument unless the byte lies in memory of the card that this runtime uses.
void check_on_card(const void* address) {
  cudaPointerAttributes found{};
  check(cudaPointerGetAttributes(&found, address), "ask where a frame lies");
  const bool on_card = found.type == cudaMemoryTypeDevice || found.type == cudaMemoryTypeManaged;
  base::require(on_card, base::ErrorCode::invalid_argument,
                "the frame's memory is not that of a card",
                "; expected memory of cudaMalloc or cudaMallocManaged");
  base::require(found.type == cudaMemoryTypeManaged || found.device == 0,
                base::ErrorCode::invalid_argument, "the frame is in the memory of card ",
                found.device, ", and the engine uses card 0");
}

void check_on_card(const DeviceRows& rows) {
  check_on_card(rows.first);
  check_on_card(static_cast<const std::byte*>(rows.first) + (rows.count - 1) * rows.pitch +
                rows.bytes - 1);
}

class CudaGraph final : public CapturedGraph {
 public:
  CudaGraph(cudaGraph_t graph, cudaStream_t stream) : stream_(stream) {
    const cudaError_t status = cudaGraphInstantiate(&executable_, graph, 0);
    cudaGraphDestroy(graph);
    check(status, "instantiate a graph");
  }
  ~CudaGraph() override {
    if (executable_ != nullptr) cudaGraphExecDestroy(executable_);
  }
  CudaGraph(const CudaGraph&) = delete;
  CudaGraph& operator=(const CudaGraph&) = delete;

  void launch() override { check(cudaGraphLaunch(executable_, stream_), "launch a graph"); }

 private:
  const cudaStream_t stream_;
  cudaGraphExec_t executable_ = nullptr;
};

/// The streams of card 0, one for each Queue.
class Streams {
 public:
  cudaStream_t operator[](Queue queue) const {
    return streams_[static_cast<std::size_t>(queue)].stream;
  }

 private:
  struct Owned {
    Owned() {
      check(cudaSetDevice(0), "select the card");
      check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "create a stream");
    }
    ~Owned() { cudaStreamDestroy(stream); }
    Owned(const Owned&) = delete;
    Owned& operator=(const Owned&) = delete;
    cudaStream_t stream = nullptr;
  };
  std::array<Owned, kQueues> streams_;
};

class CudaEvent final : public Event {
 public:
  explicit CudaEvent(const Streams& streams) : streams_(streams) {
    check(cudaEventCreate(&event_), "create an event");
  }
  ~CudaEvent() override { cudaEventDestroy(event_); }
  CudaEvent(const CudaEvent&) = delete;
  CudaEvent& operator=(const CudaEvent&) = delete;

  void record(Queue queue) override {
    const cudaStream_t stream = streams_[queue];
    auto status = cudaStreamCaptureStatusNone;
    check(cudaStreamIsCapturing(stream, &status), "ask for the stream's state");
    // without "external" a captured event orders work, and its time is not noted
    const unsigned flags =
        status == cudaStreamCaptureStatusNone ? cudaEventRecordDefault : cudaEventRecordExternal;
    check(cudaEventRecordWithFlags(event_, stream, flags), "record an event");
  }
  void synchronize() override { check(cudaEventSynchronize(event_), "wait for a frame"); }
  double seconds_since(const Event& earlier) const override {
    constexpr double kMilli = 1e-3;
    float milliseconds = 0;
    check(
        cudaEventElapsedTime(&milliseconds, static_cast<const CudaEvent&>(earlier).event_, event_),
        "read the time between two events");
    return kMilli * static_cast<double>(milliseconds);
  }
  cudaEvent_t handle() const { return event_; }

 private:
  const Streams& streams_;
  cudaEvent_t event_ = nullptr;
};

class CudaRuntime final : public Runtime {
 public:
  CudaRuntime() {
    std::array<char, 32> address{};
    if (cudaDeviceGetPCIBusId(address.data(), static_cast<int>(address.size()), 0) == cudaSuccess)
      energy_ = make_energy_counter(address.data());
  }

  std::byte* allocate(std::size_t bytes) override {
    void* memory = nullptr;
    select();
    if (const cudaError_t status = cudaMalloc(&memory, bytes); status != cudaSuccess) {
      cudaGetLastError();
      const auto [free, total] = memory_of_card();
      base::fail(base::ErrorCode::busy, "the card has ", free >> 20U, " of ", total >> 20U,
                 " MiB free, needed are ", (bytes >> 20U) + 1, " MiB more (",
                 cudaGetErrorString(status), ")");
    }
    return static_cast<std::byte*>(memory);
  }
  void release(std::byte* memory) noexcept override { cudaFree(memory); }

  std::byte* allocate_pinned(std::size_t bytes) override {
    void* memory = nullptr;
    select();
    check(cudaMallocHost(&memory, bytes), "allocate pinned memory");
    return static_cast<std::byte*>(memory);
  }
  void release_pinned(std::byte* memory) noexcept override { cudaFreeHost(memory); }

  void upload(std::byte* to, const std::byte* from, std::size_t bytes) override {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream()), "upload");
  }
  void download(std::byte* to, const std::byte* from, std::size_t bytes) override {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream()), "download");
  }
  void copy(std::byte* to, const std::byte* from, std::size_t bytes) override {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream()), "copy");
  }
  void upload_beside(std::byte* to, const std::byte* from, std::size_t bytes) override {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, streams_[Queue::upload]),
          "upload beside a frame");
  }
  void download_beside(std::byte* to, const std::byte* from, std::size_t bytes) override {
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, streams_[Queue::download]),
          "download beside a frame");
  }
  void wait_for(const Event& event, Queue queue) override {
    check(cudaStreamWaitEvent(streams_[queue], static_cast<const CudaEvent&>(event).handle(), 0),
          "let a stream wait");
  }
  void synchronize() override {
    for (const Queue queue : {Queue::upload, Queue::compute, Queue::download})
      check(cudaStreamSynchronize(streams_[queue]), "wait for the card");
  }

  void download_rows(std::byte* to, const DeviceRows& from) override {
    select();
    check_on_card(from);
    check(cudaMemcpy2DAsync(to, from.bytes, from.first, from.pitch, from.bytes, from.count,
                            cudaMemcpyDeviceToHost, cudaStreamLegacy),
          "read a frame");
    check(cudaStreamSynchronize(cudaStreamLegacy), "wait for a frame");
  }
  void upload_rows(const DeviceRows& to, const std::byte* from) override {
    select();
    check_on_card(to);
    check(cudaMemcpy2DAsync(to.first, to.pitch, from, to.bytes, to.bytes, to.count,
                            cudaMemcpyHostToDevice, cudaStreamLegacy),
          "write a frame");
    check(cudaStreamSynchronize(cudaStreamLegacy), "wait for a frame");
  }

  void begin_capture() override {
    select();
    // other threads may allocate meanwhile: a change is prepared beside the stream
    check(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeThreadLocal), "begin a capture");
  }
  std::unique_ptr<CapturedGraph> end_capture() override {
    cudaGraph_t graph = nullptr;
    check(cudaStreamEndCapture(stream(), &graph), "end a capture");
    return std::make_unique<CudaGraph>(graph, stream());
  }

  std::unique_ptr<Event> make_event() override {
    select();
    return std::make_unique<CudaEvent>(streams_);
  }
  CardMemory memory() const override {
    select();
    return memory_of_card();
  }

  std::size_t cache_bytes() const override {
    return static_cast<std::size_t>(properties().l2CacheSize);
  }

  std::optional<double> energy_joules() const override {
    return energy_ ? energy_->joules() : std::nullopt;
  }

  Stream stream() const override { return streams_[Queue::compute]; }
  std::string description() const override {
    return base::concat(properties().name, ", driver for CUDA ", driver_version());
  }
  std::vector<Detail> details() const override {
    const cudaDeviceProp card = properties();
    const auto [free, total] = memory();
    return {{"card", base::concat(card.name, ", compute capability ", card.major, ".", card.minor,
                                  ", ", card.multiProcessorCount, " multiprocessors")},
            {"card memory", base::concat(free >> 20U, " of ", total >> 20U, " MiB free")},
            {"driver", base::concat("for CUDA ", driver_version())}};
  }

 private:
  /// A thread that has not used CUDA yet must name the card.
  static void select() { check(cudaSetDevice(0), "select the card"); }
  static cudaDeviceProp properties() {
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, 0), "read the card's properties");
    return properties;
  }
  static std::string driver_version() {
    int driver = 0;
    check(cudaDriverGetVersion(&driver), "read the driver's version");
    return base::concat(driver / 1000, ".", driver / 10 % 100);
  }
  static CardMemory memory_of_card() {
    CardMemory memory;
    check(cudaMemGetInfo(&memory.free, &memory.total), "read the card's memory");
    return memory;
  }

  const Streams streams_;
  std::unique_ptr<EnergyCounter> energy_;
};

}  // namespace

std::unique_ptr<Runtime> make_runtime() {
  return std::make_unique<CudaRuntime>();
}

}  // namespace streamdiffusion::backend::cuda
