// GDBus gives its answers and signals to the context of the thread that asked. Here that is a
// context of the connection's own, which runs only while somebody waits or hears.
#include "media/pipewire/session_bus.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "base/error.h"

namespace streamdiffusion::media {
namespace {

using base::ErrorCode;

/// How often a wait looks at the stop flag, and how long a method may take. Dialogs take no part of
/// the latter: their answers are signals.
constexpr unsigned kStopCheckMs = 50;
constexpr int kCallTimeoutMs = 30'000;

/// While it lives, what this thread asks of GLib is answered in `context`.
class InContext {
 public:
  explicit InContext(GMainContext* context) : context_(context) {
    g_main_context_push_thread_default(context_);
  }
  ~InContext() { g_main_context_pop_thread_default(context_); }
  InContext(const InContext&) = delete;
  InContext& operator=(const InContext&) = delete;

 private:
  GMainContext* context_;
};

/// Not GLib's own search, which would start a bus where there is none.
std::optional<std::string> bus_address() {
  const char* const address = std::getenv("DBUS_SESSION_BUS_ADDRESS");
  if (address != nullptr && *address != '\0') return address;
  const char* const folder = std::getenv("XDG_RUNTIME_DIR");
  if (folder == nullptr || *folder == '\0') return std::nullopt;
  const std::filesystem::path socket = std::filesystem::path(folder) / "bus";
  std::error_code ignored;
  if (!std::filesystem::exists(socket, ignored)) return std::nullopt;
  const std::unique_ptr<char, GFree<g_free>> escaped(g_dbus_address_escape_value(socket.c_str()));
  return std::string("unix:path=") + escaped.get();
}

/// A connection that is being made.
struct Opening {
  bool done = false;
  GDBusConnection* connection = nullptr;
  GErrorPtr error;
};

void on_open(GObject*, GAsyncResult* result, gpointer data) {
  auto& opening = *static_cast<Opening*>(data);
  GError* error = nullptr;
  opening.connection = g_dbus_connection_new_for_address_finish(result, &error);
  opening.error.reset(error);
  opening.done = true;
}

struct PendingCall {
  bool done = false;
  BusAnswer answer;
};

void on_call(GObject* connection, GAsyncResult* result, gpointer data) {
  auto& call = *static_cast<PendingCall*>(data);
  GUnixFDList* descriptors = nullptr;
  GError* error = nullptr;
  call.answer.values.reset(g_dbus_connection_call_with_unix_fd_list_finish(
      G_DBUS_CONNECTION(connection), &descriptors, result, &error));
  call.answer.descriptors.reset(descriptors);
  call.answer.error.reset(error);
  call.done = true;
}

void on_bus_signal(GDBusConnection*, const char*, const char* path, const char*, const char*,
                   GVariant* values, gpointer data) {
  (*static_cast<SessionBus::Handler*>(data))(path, values);
}

void delete_handler(gpointer data) {
  delete static_cast<SessionBus::Handler*>(data);
}

}  // namespace

SessionBus::SessionBus(std::string name, StopFlag stop)
    : name_(std::move(name)),
      stop_(std::move(stop)),
      context_(g_main_context_new()),
      cancel_(g_cancellable_new()),
      clock_(g_timeout_source_new(kStopCheckMs)) {
  g_source_set_callback(
      clock_.get(), [](gpointer) -> gboolean { return G_SOURCE_CONTINUE; }, nullptr, nullptr);
  g_source_attach(clock_.get(), context_.get());
  open();
}

/// The portal ends the dialogs and the sessions of who leaves the bus.
SessionBus::~SessionBus() {
  g_source_destroy(clock_.get());
  const InContext in(context_.get());
  g_dbus_connection_close_sync(connection_.get(), nullptr, nullptr);
}

void SessionBus::open() {
  const std::optional<std::string> address = bus_address();
  base::require(address.has_value(), ErrorCode::io, name_,
                ": there is no session bus, which asking the desktop for its screen needs; it runs "
                "in a desktop session, which DBUS_SESSION_BUS_ADDRESS or XDG_RUNTIME_DIR leads to");
  const InContext in(context_.get());
  Opening opening;
  constexpr auto kFlags =
      static_cast<GDBusConnectionFlags>(G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                        G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION);
  g_dbus_connection_new_for_address(address->c_str(), kFlags, nullptr, cancel_.get(), on_open,
                                    &opening);
  while (!opening.done) {
    if (*stop_) g_cancellable_cancel(cancel_.get());
    wait();
  }
  connection_.reset(opening.connection);
  base::require(!*stop_, ErrorCode::io, name_, ": stopped while opening");
  base::require(
      connection_ != nullptr, ErrorCode::io, name_, ": the session bus at ", *address,
      " cannot be reached: ", opening.error ? opening.error->message : "no reason is given");
}

void SessionBus::require_open() const {
  base::require(g_dbus_connection_is_closed(connection_.get()) == FALSE, ErrorCode::io, name_,
                ": the session bus has ended, and with it the sharing of the screen");
}

void SessionBus::require_going() const {
  base::require(!*stop_, ErrorCode::io, name_, ": stopped while opening");
  require_open();
}

BusAnswer SessionBus::call(const BusMethod& method, GVariant* arguments) {
  const InContext in(context_.get());
  PendingCall call;
  g_dbus_connection_call_with_unix_fd_list(
      connection_.get(), method.owner, method.path, method.interface, method.name, arguments,
      nullptr, G_DBUS_CALL_FLAGS_NONE, kCallTimeoutMs, nullptr, cancel_.get(), on_call, &call);
  while (!call.done) {
    if (*stop_) g_cancellable_cancel(cancel_.get());
    wait();
  }
  require_going();
  return std::move(call.answer);
}

void SessionBus::on_signal(const char* owner, const char* interface, const char* member,
                           const char* first, Handler handle) {
  const InContext in(context_.get());
  g_dbus_connection_signal_subscribe(connection_.get(), owner, interface, member, nullptr, first,
                                     G_DBUS_SIGNAL_FLAGS_NONE, on_bus_signal,
                                     new Handler(std::move(handle)), delete_handler);
}

bool SessionBus::wait_until(const std::function<bool()>& done, std::optional<double> seconds) {
  const auto begin = std::chrono::steady_clock::now();
  while (!done()) {
    require_going();
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
    if (seconds && passed.count() > *seconds) return false;
    wait();
  }
  return true;
}

void SessionBus::hear() {
  while (g_main_context_iteration(context_.get(), FALSE) == TRUE) {
  }
  require_open();
}

}  // namespace streamdiffusion::media
