// A server under sessions that come and go for a long time: memory, descriptors, threads and the
// slowest percent must not grow, and no frame may be lost in the books. Sessions share calls of the
// UNet. server_soak --help says how it is called.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <random>
#include <sstream>
#include <string_view>

#include "base/parse_number.h"
#include "server/engine_stream_factory.h"
#include "server/running_server.h"
#include "support/tiny_model.h"

namespace streamdiffusion::testing {
namespace {

using nlohmann::json;

constexpr int kParts = 20;
// MiB that the last part may have over the second. AddressSanitizer keeps every stack it has seen.
#if defined(__SANITIZE_ADDRESS__)
constexpr double kMoreMemory = 64.0;
#else
constexpr double kMoreMemory = 8.0;
#endif
constexpr double kSlower = 2.0;  // times the median of the parts' p99
constexpr int kMoreOthers = 4;   // descriptors or threads: a visit more or less at that moment

double resident_mib() {
  std::ifstream statm("/proc/self/statm");
  double total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1024.0 * 1024.0);
}

int entries(const char* folder) {
  return static_cast<int>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

struct Part {
  double p50_ms = 0, p99_ms = 0, resident = 0;
  int descriptors = 0, threads = 0;
};

class Soak {
 public:
  Soak(int frames, int clients, int visit) : frames_(frames), clients_(clients), visit_(visit) {}

  bool run();

 private:
  static server::ServerOptions options() {
    server::ServerOptions options;
    options.limits.sessions = 64;
    options.limits.requests_per_second = 1e6;
    options.limits.messages_per_second = 1e6;
    return options;
  }
  static LiveSettings settings() {
    LiveSettings settings;
    settings.options.width = settings.options.height = 32;
    settings.options.t_index_list = {30};
    return settings;
  }

  void visit(unsigned number);
  void draw(WebSocketClient& client, const std::string& image, int frames);
  void measure_part();
  void wait_for_the_end() const;
  bool check() const;
  bool check_books() const;

  const int frames_, clients_, visit_;
  TinyModel model_;
  server::EngineStreamFactory factory_{
      Engine::open({.model = model_.path(), .threads = 1, .batching = "8"}), settings()};
  RunningServer server_{options(), &factory_};
  std::atomic<int> sent_ = 0;
  std::atomic<int> visits_ = 0, failures_ = 0;
  std::mutex mutex_;
  std::vector<double> ages_ms_;
  std::vector<Part> parts_;
};

/// Two frames are on their way, so that the next one waits where the last one is drawn.
void Soak::draw(WebSocketClient& client, const std::string& image, int frames) {
  std::vector<double> ages;
  client.send_image({}, image);
  for (int i = 1; i <= frames; ++i) {
    if (i < frames) client.send_image({}, image);
    const auto drawn = client.image();
    if (!drawn) {
      std::fprintf(stderr, "no image for frame %d of %d\n", i, frames);
      ++failures_;
      return;
    }
    ages.push_back(drawn->head["age_ms"]);
    if (static_cast<int>(drawn->head["frame"]) == frames - 1) break;  // those between were dropped
  }
  sent_ += frames;
  const std::lock_guard lock(mutex_);
  ages_ms_.insert(ages_ms_.end(), ages.begin(), ages.end());
}

void Soak::visit(unsigned number) {
  std::mt19937 random(number);
  const auto up_to = [&](int most) {
    return static_cast<int>(random() % static_cast<unsigned>(most));
  };
  try {
    WebSocketClient client(server_.port(), "/api/ws/v" + std::to_string(number) + "?frames=binary");
    client.await("connected");
    const char* const prompts[] = {"red apple", "green fish", "(blue:1.4) house"};
    json params{{"prompt", prompts[up_to(3)]}, {"seed", up_to(100)}};
    if (up_to(3) == 0) params["t_index_list"] = {20, 40};
    if (up_to(8) == 0) params["width"] = 64;
    client.text(json{{"type", "settings"}, {"params", params}});
    draw(client, jpeg_of(up_to(255), up_to(255), up_to(255), 32, 32), 1 + up_to(visit_));
    ++visits_;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "visit %u: %s\n", number, error.what());
    ++failures_;
  }
}

void Soak::measure_part() {
  std::vector<double> ages;
  {
    const std::lock_guard lock(mutex_);
    ages.swap(ages_ms_);
  }
  if (ages.empty()) return;
  std::ranges::sort(ages);
  parts_.push_back({ages[ages.size() / 2], ages[ages.size() * 99 / 100], resident_mib(),
                    entries("/proc/self/fd"), entries("/proc/self/task")});
  const Part& p = parts_.back();
  std::printf(
      "%9d frames  %7d visits  age p50 %6.2f ms  p99 %6.2f ms  %6.1f MiB  %3d descriptors  %3d "
      "threads\n",
      sent_.load(), visits_.load(), p.p50_ms, p.p99_ms, p.resident, p.descriptors, p.threads);
  std::fflush(stdout);
}

void Soak::wait_for_the_end() const {
  wait_until("all sessions to end",
             [this] { return server_.get("/api/queue").json()["queue_size"] == 0; });
}

bool Soak::check_books() const {
  std::istringstream lines(server_.get("/metrics").body);
  std::uint64_t captured = 0, others = 0;
  for (std::string line; std::getline(lines, line);) {
    const bool frames = line.starts_with("streamdiffusion_frames_total{");
    if (!frames && !line.starts_with("streamdiffusion_dropped_frames_total{")) continue;
    const auto value = static_cast<std::uint64_t>(std::stod(line.substr(line.rfind(' '))));
    (line.find("\"captured\"") != std::string::npos ? captured : others) += value;
  }
  std::printf("captured %lu, accounted for %lu, sent %d\n", captured, others, sent_.load());
  return captured == others && captured == static_cast<std::uint64_t>(sent_);
}

bool Soak::check() const {
  if (parts_.size() < 2) return false;  // it failed before
  const Part &first = parts_.at(1), &last = parts_.back();
  std::vector<double> slowest;
  for (const Part& part : parts_) slowest.push_back(part.p99_ms);
  std::ranges::sort(slowest);
  const double grown = last.resident - first.resident;
  const double drift = last.p99_ms / slowest[slowest.size() / 2];
  std::printf(
      "memory grew by %.1f MiB (at most %.0f), descriptors by %d and threads by %d (at most "
      "%d); the last p99 is %.2f times the median one\n",
      grown, kMoreMemory, last.descriptors - first.descriptors, last.threads - first.threads,
      kMoreOthers * clients_, drift);
  bool good = grown <= kMoreMemory && failures_ == 0;
  good &= last.descriptors - first.descriptors <= kMoreOthers * clients_;
  good &= last.threads - first.threads <= kMoreOthers * clients_;
  if (frames_ >= 100000) good &= drift <= kSlower;  // fewer tell more of the neighbors than of us
  return good;
}

bool Soak::run() {
  std::atomic<unsigned> next = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < clients_; ++i) {
    clients.emplace_back([&] {
      while (sent_ < frames_ && failures_ == 0) visit(next++);
    });
  }
  for (int part = 1; part <= kParts && failures_ == 0; ++part) {
    const int until = static_cast<int>(std::int64_t{frames_} * part / kParts);
    while (sent_ < until && failures_ == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    measure_part();
  }
  for (std::thread& client : clients) client.join();
  wait_for_the_end();
  const bool books = check_books();
  const SharedCalls calls = factory_.engine().shared_calls();
  std::printf("%lu calls of the UNet had rows of %.1f sessions\n", calls.calls,
              static_cast<double>(calls.sessions) /
                  static_cast<double>(std::max<std::uint64_t>(calls.calls, 1)));
  const bool good = check() && books && calls.calls > 0;
  std::printf("%s\n", good ? "flat" : "NOT FLAT");
  return good;
}

}  // namespace
}  // namespace streamdiffusion::testing

int main(int argc, char** argv) {
  std::array numbers{4000, 6, 400};
  for (int i = 1; i < argc; ++i) {
    const auto number = streamdiffusion::base::parse_number<int>(argv[i]);
    const bool help = std::string_view(argv[i]) == "--help";
    if (!help && number && *number > 0 && i <= 3) {
      numbers[static_cast<std::size_t>(i - 1)] = *number;
      continue;
    }
    std::fputs(
        "usage: server_soak [FRAMES [CLIENTS [VISIT]]]\n"
        "FRAMES of all clients together (4000), CLIENTS at once (6), frames of a VISIT at most\n"
        "(400): numbers from 1. Example: server_soak 2000000 16\n",
        help ? stdout : stderr);
    return help ? 0 : 2;
  }
  return streamdiffusion::testing::Soak(numbers[0], numbers[1], numbers[2]).run() ? 0 : 1;
}
