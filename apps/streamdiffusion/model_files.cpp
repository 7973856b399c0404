#include "model_files.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <functional>
#include <optional>
#include <utility>

#include "base/printable.h"
#include "base/size_text.h"
#include "download_progress.h"
#include "model_files/model_files.h"

namespace streamdiffusion::app {
namespace {

void print_summary(const std::string& given, const hub::Pulled& pulled, double seconds) {
  const std::string name = base::printable(given);
  if (pulled.received == 0) {
    std::fprintf(stderr, "%s  %zu files, %s, all there\n", name.c_str(), pulled.files,
                 base::size_text(pulled.bytes).c_str());
  } else {
    const auto rate = static_cast<std::uint64_t>(static_cast<double>(pulled.received) / seconds);
    std::fprintf(stderr, "%s  %zu files, %s; downloaded %s in %.1f s, %s/s\n", name.c_str(),
                 pulled.files, base::size_text(pulled.bytes).c_str(),
                 base::size_text(pulled.received).c_str(), seconds, base::size_text(rate).c_str());
  }
  if (!pulled.page.empty()) {
    const std::string license = pulled.license.empty() ? "not named" : pulled.license;
    const std::string line = base::printable(license + ": " + pulled.page);
    std::fprintf(stderr, "license %s\n", line.c_str());
  }
}

/// "text_encoder": "--text-encoder"
std::string flag_of(const char* option) {
  std::string flag = std::string("--") + option;
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

/// One download after another on stderr.
class PrintedDownloads {
 public:
  PrintedDownloads(bool quiet, const StopSignals* signals) : quiet_(quiet), signals_(signals) {}

  model_files::DownloadEvents events() {
    return {.progress = [this](const std::string& name,
                               const hub::PullProgress& now) { show(name, now); },
            .finished = [this](const std::string& name, const hub::Pulled& pulled,
                               double seconds) { finish(name, pulled, seconds); },
            .stopped = [this] { return signals_ != nullptr && signals_->received() != 0; },
            .spelled = flag_of};
  }

  /// Runs what downloads, and makes an interrupted download an end by its signal.
  template <typename Work>
  auto run(Work&& work) {
    try {
      return work();
    } catch (const hub::Interrupted&) {
      progress_.reset();
      std::fprintf(stderr,
                   "stopped; what has arrived is kept, and the next download continues it\n");
      throw Stopped{signals_ != nullptr ? signals_->received() : SIGINT};
    }
  }

 private:
  void show(const std::string& name, const hub::PullProgress& now) {
    if (!progress_) progress_.emplace(name, quiet_);
    progress_->show(now);
  }
  void finish(const std::string& name, const hub::Pulled& pulled, double seconds) {
    progress_.reset();
    if (!quiet_ && pulled.files > 0) print_summary(name, pulled, seconds);
  }

  bool quiet_;
  const StopSignals* signals_;
  std::optional<DownloadProgress> progress_;
};

}  // namespace

hub::Pulled pull_name(const hub::Settings& settings, const std::string& name,
                      const hub::PullOptions& options, bool quiet, const StopSignals* signals) {
  PrintedDownloads downloads(quiet, signals);
  return downloads.run(
      [&] { return model_files::download(settings, name, options, downloads.events()); });
}

EngineOptions with_files(EngineOptions options, const StopSignals* signals) {
  PrintedDownloads downloads(false, signals);
  return downloads.run(
      [&] { return model_files::with_files(std::move(options), downloads.events()); });
}

}  // namespace streamdiffusion::app
