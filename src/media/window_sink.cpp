// An SDL window on a thread of its own, which shows the latest image and handles events.
#include "media/window_sink.h"

#include <SDL.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <future>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>

#include "base/error.h"

namespace streamdiffusion::media {
namespace {

using base::ErrorCode;

constexpr int kEventPollMilliseconds = 10;
/// Smaller images are enlarged by a whole factor to about this many pixels.
constexpr int kMinWindowSide = 512;

template <auto Free>
struct SdlFree {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};

struct QuitVideo {
  void operator()(const void*) const { SDL_QuitSubSystem(SDL_INIT_VIDEO); }
};

void require_sdl(bool ok) {
  base::require(ok, ErrorCode::io, "window: cannot be opened: SDL says \"", SDL_GetError(), "\"");
}

bool is_set(const char* variable) {
  const char* const value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

/// SDL falls back to drivers that show nothing.
void init_video() {
  const bool chosen = is_set("SDL_VIDEODRIVER");
  SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
  // Without this directory, libwayland prints an error of its own.
  if (!chosen && !is_set("XDG_RUNTIME_DIR")) SDL_SetHint(SDL_HINT_VIDEODRIVER, "x11,KMSDRM");
  const bool ready = SDL_InitSubSystem(SDL_INIT_VIDEO) == 0;
  if (chosen) return require_sdl(ready);
  const char* const driver = ready ? SDL_GetCurrentVideoDriver() : nullptr;
  const std::string_view name = driver == nullptr ? "none" : driver;
  const bool shows = name != "dummy" && name != "offscreen" && name != "evdev" && name != "none";
  if (ready && !shows) SDL_QuitSubSystem(SDL_INIT_VIDEO);
  base::require(shows, ErrorCode::io,
                "window: there is no display: neither DISPLAY nor WAYLAND_DISPLAY leads to one; "
                "give a file, a folder or - as the output");
}

/// What a display is called depends on SDL's driver, so it has a number.
void require_display(std::optional<int> display) {
  const int count = std::max(SDL_GetNumVideoDisplays(), 0);
  base::require(!display || *display<count, ErrorCode::io, "window:", display.value_or(0) + 1,
                                     ": there is no such display, expected 1", count> 1
                    ? " to " + std::to_string(count)
                    : "");
}

/// All SDL objects. SDL requires that one thread makes all calls.
class Window {
 public:
  Window(int width, int height, std::optional<int> display) {
    SDL_SetHint(SDL_HINT_RENDER_SCALE_QUALITY, "linear");
    init_video();
    video_.reset(this);
    require_display(display);
    const int scale = std::max(1, kMinWindowSide / std::max(width, height));
    const int place = display ? static_cast<int>(SDL_WINDOWPOS_CENTERED_DISPLAY(*display))
                              : static_cast<int>(SDL_WINDOWPOS_UNDEFINED);
    const unsigned full = display ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0;
    window_.reset(SDL_CreateWindow("StreamDiffusion", place, place, width * scale, height * scale,
                                   SDL_WINDOW_RESIZABLE | full));
    require_sdl(window_ != nullptr);
    SDL_ShowCursor(display ? SDL_DISABLE : SDL_ENABLE);
    renderer_.reset(SDL_CreateRenderer(window_.get(), -1, 0));
    require_sdl(renderer_ != nullptr);
    SDL_RenderSetLogicalSize(renderer_.get(), width, height);
    texture_.reset(SDL_CreateTexture(renderer_.get(), SDL_PIXELFORMAT_RGB24,
                                     SDL_TEXTUREACCESS_STREAMING, width, height));
    require_sdl(texture_ != nullptr);
  }

  void show(const Image& image) {
    SDL_UpdateTexture(texture_.get(), nullptr, image.rgb.data(), 3 * image.width);
    draw();
  }

  /// False once the user closes the window.
  bool handle_events() {
    SDL_Event event;
    while (SDL_PollEvent(&event) != 0) {
      if (event.type == SDL_QUIT) return false;
      if (event.type == SDL_WINDOWEVENT) draw();
      if (event.type != SDL_KEYDOWN) continue;
      const SDL_Keycode key = event.key.keysym.sym;
      if (key == SDLK_q || key == SDLK_ESCAPE) return false;
      if (key == SDLK_f) toggle_full_screen();
    }
    return true;
  }

 private:
  void draw() {
    SDL_RenderClear(renderer_.get());
    SDL_RenderCopy(renderer_.get(), texture_.get(), nullptr, nullptr);
    SDL_RenderPresent(renderer_.get());
  }

  void toggle_full_screen() {
    const bool full = (SDL_GetWindowFlags(window_.get()) & SDL_WINDOW_FULLSCREEN_DESKTOP) != 0;
    SDL_SetWindowFullscreen(window_.get(), full ? 0 : SDL_WINDOW_FULLSCREEN_DESKTOP);
    SDL_ShowCursor(full ? SDL_ENABLE : SDL_DISABLE);
  }

  std::unique_ptr<const Window, QuitVideo> video_;
  std::unique_ptr<SDL_Window, SdlFree<SDL_DestroyWindow>> window_;
  std::unique_ptr<SDL_Renderer, SdlFree<SDL_DestroyRenderer>> renderer_;
  std::unique_ptr<SDL_Texture, SdlFree<SDL_DestroyTexture>> texture_;
};

class WindowSink final : public FrameSink {
 public:
  WindowSink(const SinkOptions& options, std::optional<int> display) {
    note_ = images_only_note("window", options.extras);
    std::promise<void> opened;
    thread_ = std::thread([this, options, display, &opened] {
      run(options, display, opened);
      SDL_TLSCleanup();  // SDL does this only for its own threads
    });
    try {
      opened.get_future().get();
    } catch (...) {
      thread_.join();
      throw;
    }
  }

  ~WindowSink() override { stop(); }

  void write(const Image& image, std::int64_t, std::int64_t) override {
    {
      const std::lock_guard lock(mutex_);
      pending_ = std::make_unique<Image>(image);
    }
    wake_.notify_one();
  }
  void finish() override { stop(); }
  bool closed() const override { return closed_; }
  std::string path() const override { return "window"; }
  std::string note() const override { return note_; }

 private:
  void run(const SinkOptions& options, std::optional<int> display, std::promise<void>& opened) {
    std::unique_ptr<Window> window;
    try {
      window = std::make_unique<Window>(options.width, options.height, display);
      opened.set_value();
    } catch (...) {
      opened.set_exception(std::current_exception());
      return;
    }
    while (window->handle_events()) {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, std::chrono::milliseconds(kEventPollMilliseconds),
                     [this] { return stopping_ || pending_ != nullptr; });
      const std::unique_ptr<Image> image = std::move(pending_);
      const bool last = stopping_;
      lock.unlock();
      if (image) window->show(*image);
      if (last) return;
    }
    closed_ = true;
  }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
  }

  std::string note_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::unique_ptr<Image> pending_;
  bool stopping_ = false;
  std::atomic<bool> closed_{false};
};

}  // namespace

void check_window(std::optional<int> display) {
  std::exception_ptr failure;
  std::thread([&failure, display] {  // SDL keeps to the thread that began
    try {
      init_video();
      const std::unique_ptr<const char, QuitVideo> quit("");
      require_display(display);
    } catch (...) {
      failure = std::current_exception();
    }
    SDL_TLSCleanup();  // SDL does this only for its own threads
  })
      .join();
  if (failure) std::rethrow_exception(failure);
}

std::unique_ptr<FrameSink> open_window_sink(const SinkOptions& options,
                                            std::optional<int> display) {
  return std::make_unique<WindowSink>(options, display);
}

}  // namespace streamdiffusion::media
