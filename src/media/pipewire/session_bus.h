// A connection to the desktop's session bus (D-Bus), whose waits end when the program is to stop.
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "media/timing.h"

namespace streamdiffusion::media {

/// Frees what GLib has allocated, with the function of its kind.
template <auto Free>
struct GFree {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using GVariantPtr = std::unique_ptr<GVariant, GFree<g_variant_unref>>;
using GErrorPtr = std::unique_ptr<GError, GFree<g_error_free>>;
using GFdListPtr = std::unique_ptr<GUnixFDList, GFree<g_object_unref>>;

/// One method of one object.
struct BusMethod {
  const char* owner;
  const char* path;
  const char* interface;
  const char* name;
};

/// What a call gave: its values, with the descriptors that came along, or an error.
struct BusAnswer {
  GVariantPtr values;
  GFdListPtr descriptors;
  GErrorPtr error;
};

/// Used by one thread at a time.
class SessionBus {
 public:
  /// `name` is what messages call the source that asks. Throws io where no bus runs.
  SessionBus(std::string name, StopFlag stop);
  ~SessionBus();
  SessionBus(const SessionBus&) = delete;
  SessionBus& operator=(const SessionBus&) = delete;

  /// Calls with `arguments`, a floating tuple, which it consumes. An error that the other side
  /// answers is in the answer. Throws io when stopped, or when the bus has ended.
  BusAnswer call(const BusMethod& method, GVariant* arguments);
  using Handler = std::function<void(const char* path, GVariant* values)>;
  /// Calls `handle` for every signal `member` of `interface` that `owner` sends, from wait_until()
  /// and hear(). `first`: only those whose first value is this text; null for all.
  void on_signal(const char* owner, const char* interface, const char* member, const char* first,
                 Handler handle);
  /// Waits; false where it is not done within `seconds`, which may be any time. Throws io when
  /// stopped, or when the bus has ended.
  bool wait_until(const std::function<bool()>& done, std::optional<double> seconds);
  /// Handles what has come; does not wait. Throws io when the bus has ended.
  void hear();

 private:
  void wait() { g_main_context_iteration(context_.get(), TRUE); }
  void require_going() const;
  void require_open() const;
  void open();

  const std::string name_;
  const StopFlag stop_;
  std::unique_ptr<GMainContext, GFree<g_main_context_unref>> context_;
  std::unique_ptr<GCancellable, GFree<g_object_unref>> cancel_;
  std::unique_ptr<GSource, GFree<g_source_unref>> clock_;
  std::unique_ptr<GDBusConnection, GFree<g_object_unref>> connection_;
};

}  // namespace streamdiffusion::media
