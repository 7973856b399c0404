#include "osc/port.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/log_limiter.h"
#include "base/thread.h"
#include "osc/udp_socket.h"

namespace streamdiffusion::osc {
namespace {

using namespace std::chrono_literals;

/// What sets something is handled at most this often.
constexpr auto kGather = 16ms;
/// Datagrams that are read before the requests in them are handled.
constexpr int kDatagramsAtOnce = 64;
/// Requests that wait to be handled; further ones are refused.
constexpr std::size_t kMaxPending = 64;
/// Of a text that is sent back.
constexpr std::size_t kMaxProblemBytes = 512;
/// Where errors go.
constexpr const char* kErrorAddress = "/streamdiffusion/error";

Endpoint checked_endpoint(const PortOptions& options) {
  base::require(available(), ErrorCode::unsupported,
                "--osc: this program was built without liblo, which it needs");
  const Endpoint endpoint = find_endpoint(options.listen, "--osc");
  base::require(endpoint.is_loopback() || options.insecure, ErrorCode::invalid_argument, "--osc ",
                options.listen,
                ": other machines could change the images, and OSC knows no token; "
                "expected --osc-insecure to allow everyone, or a port alone");
  return endpoint;
}

/// What the threads that answer share with the port.
class Line {
 public:
  Line(const PortOptions& options, const Endpoint& endpoint) : socket(endpoint) {
    if (!options.reply.empty()) reply = find_endpoint(options.reply, "--osc-reply");
  }
  void warn(std::string_view problem) {
    const std::lock_guard lock(mutex_);
    limiter_.log(base::LogLevel::warning, problem);
  }

  UdpSocket socket;
  std::optional<Endpoint> reply;

 private:
  std::mutex mutex_;
  base::LogLimiter limiter_{
      [](base::LogLevel level, std::string_view message) { base::log(level, message); }};
};

class UdpSender : public Sender {
 public:
  UdpSender(std::shared_ptr<Line> line, const Endpoint& from)
      : line_(std::move(line)), from_(from) {}
  void send(const Message& message) const override {
    if (line_->reply) return line_->socket.send(write_packet(message), *line_->reply);
    if (from_.is_loopback()) line_->socket.send(write_packet(message), from_);
  }
  void refuse(std::string_view problem) const override {
    line_->warn("OSC: " + std::string(problem));
    send({kErrorAddress, {std::string(problem.substr(0, kMaxProblemBytes))}});
  }
  bool is(const Endpoint& other) const {
    return from_.size == other.size && std::memcmp(&from_.address, &other.address, from_.size) == 0;
  }

 private:
  std::shared_ptr<Line> line_;
  Endpoint from_;
};

}  // namespace

void check(const PortOptions& options) {
  checked_endpoint(options);
  if (!options.reply.empty()) find_endpoint(options.reply, "--osc-reply");
}

class Port::Impl {
 public:
  Impl(const PortOptions& options, std::vector<params::Parameter> rows, Handler handler)
      : line_(std::make_shared<Line>(options, checked_endpoint(options))),
        rows_(std::move(rows)),
        handler_(std::move(handler)),
        stop_(::eventfd(0, EFD_CLOEXEC)),
        thread_(base::start_thread([this] { run(); })) {}
  ~Impl() {
    ::eventfd_write(stop_, 1);
    thread_.join();
    ::close(stop_);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Endpoint endpoint() const { return line_->socket.endpoint(); }

 private:
  struct Pending {
    Request request;
    std::shared_ptr<const UdpSender> sender;
  };

  void run();
  void receive();
  void take(std::string_view datagram, const Endpoint& from);
  void add(Request request, const std::shared_ptr<const UdpSender>& sender);
  void handle_pending();

  std::shared_ptr<Line> line_;
  const std::vector<params::Parameter> rows_;
  const Handler handler_;
  std::deque<Pending> pending_;
  const int stop_;
  std::thread thread_;
};

void Port::Impl::run() {
  auto next = base::Clock::now();
  pollfd waits[] = {{stop_, POLLIN, 0}, {line_->socket.descriptor(), POLLIN, 0}};
  while (true) {
    int wait = -1;
    if (!pending_.empty()) {
      const auto left = next - base::Clock::now();
      wait = static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count());
      wait = std::max(wait, 0);
    }
    ::poll(waits, 2, wait);
    if (waits[0].revents != 0) return;
    receive();
    if (pending_.empty() || base::Clock::now() < next) continue;
    handle_pending();
    next = base::Clock::now() + kGather;
  }
}

void Port::Impl::receive() {
  for (int i = 0; i < kDatagramsAtOnce; ++i) {
    Endpoint from;
    // One byte more than allowed tells which are too long.
    const auto datagram = line_->socket.receive(kMaxDatagramBytes + 1, from);
    if (!datagram) return;
    take(*datagram, from);
  }
}

/// What is wrong with one message does not keep the others from acting.
void Port::Impl::take(std::string_view datagram, const Endpoint& from) {
  auto sender = pending_.empty() ? nullptr : pending_.back().sender;
  if (!sender || !sender->is(from)) sender = std::make_shared<const UdpSender>(line_, from);
  try {
    for (const Message& message : read_packet(datagram)) {
      if (message.address == kErrorAddress) {  // two ports that reply to each other would not end
        line_->warn("OSC: an error message came from " + from.text() +
                    " and is not answered; does --osc-reply lead to another such port?");
        continue;
      }
      try {
        add(read_request(message, rows_), sender);
      } catch (const Error& error) {
        sender->refuse(error.what());
      }
    }
  } catch (const std::exception& error) {
    sender->refuse(base::words_of(error));
  }
}

void Port::Impl::add(Request request, const std::shared_ptr<const UdpSender>& sender) {
  if (!pending_.empty() && pending_.back().request.joins(request)) {
    pending_.back().sender = sender;
    return pending_.back().request.join(std::move(request));
  }
  base::require(pending_.size() < kMaxPending, ErrorCode::busy, "more than ", kMaxPending,
                " requests at once");
  pending_.push_back({std::move(request), sender});
}

void Port::Impl::handle_pending() {
  for (const Pending& pending : std::exchange(pending_, {})) {
    try {
      handler_(pending.request, pending.sender);
    } catch (const std::exception& error) {
      pending.sender->refuse(base::words_of(error));
    }
  }
}

Port::Port(const PortOptions& options, std::vector<params::Parameter> rows, Handler handler)
    : impl_(std::make_unique<Impl>(options, std::move(rows), std::move(handler))) {}
Port::~Port() = default;
std::string Port::address() const {
  return impl_->endpoint().text();
}
std::uint16_t Port::number() const {
  return impl_->endpoint().port();
}

}  // namespace streamdiffusion::osc
