// Plays any sequence of what can happen to clients of the server: they connect, send texts and
// images, are served, are watched, changed and ended by others, and leave, in any order between the
// steps of their streams. No slot may be given twice or stay taken, and at the end each frame must
// be counted exactly once.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "server/loaded_models.h"
#include "server/sessions/session_registry.h"
#include "support/fake_stream_factory.h"

namespace {

using namespace streamdiffusion;
using server::ClientSession;
using server::EncodedImagePtr;
using server::HttpError;

constexpr int kSlots = 2, kWaiting = 1;
constexpr std::size_t kClients = 4;

void require(bool condition) {
  if (!condition) __builtin_trap();
}

/// Runs nothing by itself: the fuzzer says when.
class Tasks : public server::Executor {
 public:
  void post(std::function<void()> task) override { network_.push_back(std::move(task)); }
  void run_on_worker(server::WorkKind /*kind*/, std::function<void()> task) override {
    workers_.push_back(std::move(task));
  }
  bool run_one(bool worker) {
    auto& queue = worker ? workers_ : network_;
    if (queue.empty()) return false;
    const auto task = std::move(queue.front());
    queue.pop_front();
    task();
    return true;
  }

 private:
  std::deque<std::function<void()>> network_, workers_;
};

/// A stream that does one step when it is told to.
class Stream : public server::LiveStream {
 public:
  explicit Stream(LiveCallbacks callbacks) : callbacks_(std::move(callbacks)) {}

  std::optional<std::uint64_t> submit(LiveFrame frame) override {
    if (closed_) return std::nullopt;
    ++counters_.captured;
    if (paused_) ++counters_.dropped_paused;
    if (!paused_ && frame_) ++counters_.dropped_waiting;
    if (!paused_) frame_ = std::move(frame);
    return next_id_++;
  }
  void pause() override { paused_ = true; }
  void resume() override { paused_ = false; }
  void close() override { closed_ = true; }
  void drain() override { close(); }
  void halt() override {
    closed_ = true;
    if (std::exchange(frame_, std::nullopt)) ++counters_.dropped_stopped;
  }
  void stop() override { halt(); }
  std::uint64_t change(server::StreamFactory& /*model*/, const LiveSettings& settings) override {
    return change(settings);
  }
  std::uint64_t change(const LiveSettings& settings) override {
    base::require(settings.options.seed != testing::FakeStreamFactory::kRefusedSeed,
                  ErrorCode::invalid_argument, "the seed is refused");
    ++changes_;
    if (settings.options.seed == testing::FakeStreamFactory::kUnpreparedSeed) {
      callbacks_.error(Error(ErrorCode::busy, "no memory for it"), std::nullopt);
      return changes_;
    }
    return current_change_ = changes_;
  }
  LiveChanges changes() const override {
    return {current_change_, current_change_, current_change_};
  }
  bool reconfiguring() const override { return false; }
  bool reading_images() const override { return false; }
  std::shared_ptr<const Image> control_image(std::size_t) const override { return nullptr; }
  LiveCounters counters() const override { return counters_; }
  double call_seconds() const override { return 0; }
  SessionTimes times() const override { return {}; }
  std::optional<Error> failure() const override { return std::nullopt; }

  /// Generates an image, or ends.
  void step() {
    if (frame_) return generate();
    if (closed_ && !std::exchange(ended_, true)) callbacks_.ended();
  }

 private:
  void generate() {
    LiveFrame frame = *std::exchange(frame_, std::nullopt);
    try {
      if (frame.image) (void)frame.image();
    } catch (const Error& error) {
      ++counters_.failed;
      return callbacks_.error(error, next_id_ - 1);
    }
    LiveOutput output;
    output.image = std::make_shared<Image>(Image{1, 1, {0, 0, 0}});
    output.frame_id = next_id_ - 1;
    output.tag = frame.tag;
    ++counters_.processed;
    callbacks_.output(output);
  }

  const LiveCallbacks callbacks_;
  std::optional<LiveFrame> frame_;
  bool paused_ = false, closed_ = false, ended_ = false;
  std::uint64_t next_id_ = 0, changes_ = 0, current_change_ = 0;
  LiveCounters counters_;
};

class Factory : public testing::FakeStreamFactory {
 public:
  std::unique_ptr<server::LiveStream> open(const LiveSettings& settings, QueuePolicy /*policy*/,
                                           LiveCallbacks callbacks, std::stop_token stop,
                                           std::uint64_t /*group*/) override {
    base::require(!stop.stop_requested(), ErrorCode::busy, "stopped");
    base::require(settings.options.seed != kRefusedSeed, ErrorCode::invalid_argument, "refused");
    return std::make_unique<Held>(std::move(callbacks), *this);
  }
  void step() {
    for (Stream* stream : std::vector(streams_)) stream->step();
  }
  std::size_t open_streams() const { return streams_.size(); }

 private:
  struct Held : Stream {
    Held(LiveCallbacks callbacks, Factory& factory) : Stream(std::move(callbacks)), owner(factory) {
      owner.streams_.push_back(this);
    }
    ~Held() override { std::erase(owner.streams_, this); }
    Factory& owner;
  };
  std::vector<Stream*> streams_;
};

/// As the WebSocket: a newer image replaces one that is not sent yet.
class Connection : public server::ClientConnection {
 public:
  void send(std::string text) override { require(!text.empty()); }
  void send(EncodedImagePtr image) override {
    if (closing_) return session->on_replaced(*image);
    if (image_) session->on_replaced(*image_);
    image_ = std::move(image);
  }
  void close(int status, const std::string& /*reason*/) override {
    require(status >= 1000 && status < 5000);
    closing_ = true;
  }
  void deliver() {
    const EncodedImagePtr image = std::exchange(image_, nullptr);
    if (!image) return;
    require(session->frame_header(*image).size() > 4);
    session->on_sent(*image);
  }
  void leave(server::SessionRegistry& registry) {
    closing_ = true;
    if (const auto image = std::exchange(image_, nullptr)) session->on_replaced(*image);
    registry.disconnect(session);
  }
  bool closing() const { return closing_; }

  std::shared_ptr<ClientSession> session;

 private:
  EncodedImagePtr image_;
  bool closing_ = false;
};

/// Reads the script: numbers and texts, zeros at its end.
class Script {
 public:
  Script(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  bool more() const { return at_ < size_; }
  unsigned number() { return more() ? data_[at_++] : 0; }
  std::string text() {
    const std::size_t length = std::min<std::size_t>(number() * 2, size_ - at_);
    std::string text(reinterpret_cast<const char*>(data_ + at_), length);
    at_ += length;
    return text;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_, at_ = 0;
};

class World {
 public:
  World() {
    limits_.sessions = kSlots;
    limits_.waiting = kWaiting;
  }

  void play(Script script) {
    while (script.more()) {
      const unsigned step = script.number();
      act(step % 12, clients_[step / 12 % kClients], script);
      check();
    }
    finish();
  }

 private:
  void act(unsigned action, std::shared_ptr<Connection>& client, Script& script) {
    if (action == 0) return connect(client, script.number());
    if (action == 1) tasks_.run_one(false);
    if (action == 2) tasks_.run_one(true);
    if (action == 3) factory_.step();
    if (action == 4) registry_.tick();
    if (action == 5 && script.number() == 'd') registry_.drain();
    if (action > 5 && client) act(action, *client, script);
    if (action == 11 && client) {
      client->leave(registry_);
      client = nullptr;
    }
  }

  void act(unsigned action, Connection& client, Script& script) {
    const auto session = client.session;
    if (action == 6 && !client.closing()) session->on_text(script.text());
    if (action == 7 && !client.closing()) session->on_binary(script.text());
    if (action == 8) client.deliver();
    if (action == 9) session->end(1000, "ended");
    if (action != 10) return;
    try {
      session->patch(server::parse_client_json(script.text(), "body"), true);
    } catch (const HttpError&) {
    }
    (void)session->describe();
  }

  void connect(std::shared_ptr<Connection>& client, unsigned kind) {
    if (client) return;
    auto connection = std::make_shared<Connection>();
    const auto protocol = kind % 2 == 0 ? server::Protocol::binary : server::Protocol::legacy;
    try {
      connection->session = registry_.connect(std::to_string(kind / 2 % 3), protocol, connection);
      client = connection;
    } catch (const HttpError&) {
    }
  }

  void check() const {
    require(registry_.active() >= 0 && registry_.active() <= kSlots);
    require(registry_.waiting() <= kWaiting);
    require(factory_.open_streams() <= kSlots);
  }

  void finish() {
    for (auto& client : clients_) {
      if (client) client->leave(registry_);
      client = nullptr;
    }
    registry_.end_all();
    for (int quiet = 0; quiet < 3; ++quiet) {
      while (tasks_.run_one(false) || tasks_.run_one(true)) quiet = 0;
      factory_.step();
    }
    registry_.update_metrics();
    require(registry_.empty() && factory_.open_streams() == 0);
    check_books();
  }

  void check_books() const {
    double captured = 0, others = 0;
    const std::string text = metrics_.text();
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      const std::string line = text.substr(at, end - at);
      at = end + 1;
      const bool frames = line.rfind("streamdiffusion_frames_total{", 0) == 0;
      const bool drops = line.rfind("streamdiffusion_dropped_frames_total{", 0) == 0;
      if (!frames && !drops) continue;
      const double value = std::stod(line.substr(line.rfind(' ')));
      (line.find("\"captured\"") != std::string::npos ? captured : others) += value;
    }
    require(captured == others);
  }

  Factory factory_;
  server::Limits limits_;
  Tasks tasks_;
  server::Metrics metrics_;
  server::LoadedModels models_{factory_, nullptr, limits_};
  const server::ServerOptions options_;
  server::Admission admission_{options_};
  server::SessionRegistry registry_{
      {factory_, models_.first()->table, metrics_, limits_, tasks_, models_, admission_}};
  std::array<std::shared_ptr<Connection>, kClients> clients_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMaxBytes = 1U << 12;
  if (size > kMaxBytes) return 0;
  base::set_log_callback([](base::LogLevel, std::string_view) {});
  World().play(Script(data, size));
  return 0;
}
