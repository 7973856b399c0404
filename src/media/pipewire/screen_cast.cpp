#include "media/pipewire/screen_cast.h"

#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "media/pipewire/restore_token.h"

namespace streamdiffusion::media {
namespace {

using base::ErrorCode;

constexpr const char* kPortal = "org.freedesktop.portal.Desktop";
constexpr const char* kPortalPath = "/org/freedesktop/portal/desktop";
constexpr const char* kScreenCast = "org.freedesktop.portal.ScreenCast";
constexpr const char* kBus = "org.freedesktop.DBus";
constexpr const char* kBusPath = "/org/freedesktop/DBus";
constexpr const char* kInstall =
    "install xdg-desktop-portal and the part of your desktop, such as xdg-desktop-portal-gnome, "
    "-kde or -wlr; without WAYLAND_DISPLAY, --input screen reads the X11 screen";

// Of the documentation of the interface.
constexpr std::uint32_t kMonitor = 1, kWindow = 2;
constexpr std::uint32_t kCursorEmbedded = 2;
constexpr std::uint32_t kPersistUntilRevoked = 2;
constexpr std::uint32_t kVersionWithCursors = 2, kVersionWithTokens = 4;
constexpr std::uint32_t kRefusedByUser = 1;

/// A dictionary that becomes one argument of a call.
class BusOptions {
 public:
  BusOptions() { g_variant_builder_init(&builder_, G_VARIANT_TYPE_VARDICT); }
  BusOptions& set(const char* key, GVariant* value) {
    g_variant_builder_add(&builder_, "{sv}", key, value);
    return *this;
  }
  BusOptions& set(const char* key, const std::string& text) {
    return set(key, g_variant_new_string(text.c_str()));
  }
  BusOptions& set(const char* key, std::uint32_t number) {
    return set(key, g_variant_new_uint32(number));
  }
  GVariant* end() { return g_variant_builder_end(&builder_); }

 private:
  GVariantBuilder builder_;
};

bool has_type(GVariant* values, const char* type) {
  return values != nullptr && g_variant_is_of_type(values, G_VARIANT_TYPE(type)) == TRUE;
}

std::string first_text(GVariant* values) {
  const char* text = "";
  g_variant_get_child(values, 0, "&s", &text);
  return text;
}

std::uint32_t number_of(GVariant* dictionary, const char* key) {
  std::uint32_t value = 0;
  g_variant_lookup(dictionary, key, "u", &value);
  return value;
}

std::string text_of(GVariant* dictionary, const char* key) {
  const char* value = nullptr;
  return g_variant_lookup(dictionary, key, "&s", &value) == TRUE ? value : "";
}

std::string reason(const BusAnswer& answer) {
  if (!answer.error) return "an answer of another kind";
  g_dbus_error_strip_remote_error(answer.error.get());
  return answer.error->message;
}

}  // namespace

ScreenCast::ScreenCast(std::string name, StopFlag stop, double timeout)
    : name_(std::move(name)), timeout_(timeout), bus_(name_, std::move(stop)) {
  find_portal();
  read_properties();
}

BusMethod ScreenCast::method(const char* interface, const char* name) const {
  return {.owner = owner_.c_str(), .path = kPortalPath, .interface = interface, .name = name};
}

/// Starts the portal if need be. Signals are taken only from the process that owns the name.
void ScreenCast::find_portal() {
  const auto ask_owner = [this] {
    return bus_.call({kBus, kBusPath, kBus, "GetNameOwner"}, g_variant_new("(s)", kPortal));
  };
  BusAnswer owner = ask_owner();
  if (owner.error) {  // a bus refuses to start what runs, but has no service file
    const BusAnswer started =
        bus_.call({kBus, kBusPath, kBus, "StartServiceByName"}, g_variant_new("(su)", kPortal, 0U));
    base::require(started.error == nullptr, ErrorCode::unsupported, name_,
                  ": this desktop has no portal: ", reason(started), "; ", kInstall);
    owner = ask_owner();
  }
  base::require(has_type(owner.values.get(), "(s)"), ErrorCode::unsupported, name_,
                ": this desktop has no portal: ", reason(owner), "; ", kInstall);
  owner_ = first_text(owner.values.get());
  bus_.on_signal(kBus, kBus, "NameOwnerChanged", kPortal,
                 [this](const char*, GVariant*) { portal_gone_ = true; });
  bus_.on_signal(owner_.c_str(), "org.freedesktop.portal.Request", "Response", nullptr,
                 [this](const char* path, GVariant* values) {
                   Response& response = responses_[path];
                   if (!has_type(values, "(ua{sv})")) return;
                   GVariant* results = nullptr;
                   g_variant_get(values, "(u@a{sv})", &response.code, &results);
                   response.results.reset(results);
                 });
  bus_.on_signal(owner_.c_str(), "org.freedesktop.portal.Session", "Closed", nullptr,
                 [this](const char* path, GVariant*) { closed_ |= path == session_; });
}

void ScreenCast::read_properties() {
  const BusAnswer answer = bus_.call(method("org.freedesktop.DBus.Properties", "GetAll"),
                                     g_variant_new("(s)", kScreenCast));
  GVariantPtr properties;
  if (has_type(answer.values.get(), "(a{sv})")) {
    properties.reset(g_variant_get_child_value(answer.values.get(), 0));
    version_ = number_of(properties.get(), "version");
  }
  base::require(version_ > 0, ErrorCode::unsupported, name_,
                ": the desktop's portal shares no screens (", kScreenCast, "); ", kInstall);
  source_types_ = number_of(properties.get(), "AvailableSourceTypes") & (kMonitor | kWindow);
  base::require(source_types_ != 0, ErrorCode::unsupported, name_,
                ": the desktop's portal offers neither monitors nor windows");
  cursor_modes_ = number_of(properties.get(), "AvailableCursorModes");
}

std::string ScreenCast::next_token() {
  return "streamdiffusion" + std::to_string(++requests_);
}

/// Calls a method whose answer is a request, and waits for what comes of it. Gives the results.
GVariantPtr ScreenCast::ask(const char* name, Who who, GVariant* arguments) {
  const BusAnswer answer = bus_.call(method(kScreenCast, name), arguments);
  base::require(has_type(answer.values.get(), "(o)"), ErrorCode::io, name_,
                ": the desktop's portal refuses ", name, ": ", reason(answer));
  const char* path = nullptr;
  g_variant_get(answer.values.get(), "(&o)", &path);
  const auto answered = [&] { return responses_.contains(path) || closed_ || portal_gone_; };
  base::require(
      bus_.wait_until(answered, who == Who::user ? std::nullopt : std::optional(timeout_)),
      ErrorCode::io, name_, ": the desktop's portal has not answered ", name, " within ", timeout_,
      " s");
  base::require(!portal_gone_, ErrorCode::io, name_,
                ": the desktop's portal has ended before it answered ", name);
  const auto response = responses_.find(path);
  if (response == responses_.end()) refuse(name, kRefusedByUser);
  if (response->second.code != 0) refuse(name, response->second.code);
  base::require(response->second.results != nullptr, ErrorCode::io, name_,
                ": the desktop's portal has answered ", name,
                " in another way than with a code and results");
  return std::move(response->second.results);
}

void ScreenCast::refuse(const char* method, std::uint32_t code) const {
  base::require(code != kRefusedByUser, ErrorCode::io, name_,
                ": the user or the desktop has refused to share a screen");
  base::fail(ErrorCode::io, name_, ": the desktop's portal has failed: ", method,
             " has ended with the code ", code, ", expected 0 (shared) or 1 (refused)");
}

void ScreenCast::create_session() {
  const GVariantPtr results =
      ask("CreateSession", Who::portal,
          g_variant_new("(@a{sv})", BusOptions()
                                        .set("handle_token", next_token())
                                        .set("session_handle_token", next_token())
                                        .end()));
  session_ = text_of(results.get(), "session_handle");
  base::require(g_variant_is_object_path(session_.c_str()) == TRUE, ErrorCode::io, name_,
                ": the desktop's portal has made no session: session_handle is \"", session_,
                "\", expected the path of an object");
}

/// Some desktops ask their user here, others in Start.
void ScreenCast::select_sources(bool anew) {
  bool restores = false;
  BusOptions options;
  options.set("handle_token", next_token()).set("types", source_types_);
  options.set("multiple", g_variant_new_boolean(FALSE));
  if (version_ >= kVersionWithCursors && (cursor_modes_ & kCursorEmbedded) != 0) {
    options.set("cursor_mode", kCursorEmbedded);
  }
  if (version_ >= kVersionWithTokens) {
    options.set("persist_mode", kPersistUntilRevoked);
    const std::string token = anew ? std::string() : read_restore_token(name_);
    if (!token.empty()) options.set("restore_token", token);
    restores = !token.empty();
  }
  base::log(
      base::LogLevel::notice,
      base::concat(name_, restores ? ": the desktop is asked for what was shared last time; "
                                     "screen:portal chooses anew"
                                   : ": the desktop asks what to share; choose in its dialog"));
  ask("SelectSources", Who::user, g_variant_new("(o@a{sv})", session_.c_str(), options.end()));
}

ScreenCast::Node ScreenCast::share() {
  const GVariantPtr results =
      ask("Start", Who::user,
          g_variant_new("(os@a{sv})", session_.c_str(), "",
                        BusOptions().set("handle_token", next_token()).end()));
  // A token is good for one time: each start gives the next.
  if (const std::string token = text_of(results.get(), "restore_token"); !token.empty()) {
    write_restore_token(name_, token);
  }
  const GVariantPtr streams(
      g_variant_lookup_value(results.get(), "streams", G_VARIANT_TYPE("a(ua{sv})")));
  base::require(streams && g_variant_n_children(streams.get()) > 0, ErrorCode::io, name_,
                ": the desktop's portal has shared nothing: Start gave no streams");
  Node node;
  g_variant_get_child(streams.get(), 0, "(u@a{sv})", &node.id, nullptr);
  return node;
}

int ScreenCast::open_remote() {
  const BusAnswer answer =
      bus_.call(method(kScreenCast, "OpenPipeWireRemote"),
                g_variant_new("(o@a{sv})", session_.c_str(), BusOptions().end()));
  base::require(has_type(answer.values.get(), "(h)") && answer.descriptors, ErrorCode::io, name_,
                ": the desktop's portal opens no PipeWire: ", reason(answer));
  gint32 index = 0;
  g_variant_get(answer.values.get(), "(h)", &index);
  GError* error = nullptr;
  const int count = g_unix_fd_list_get_length(answer.descriptors.get());
  const int descriptor = index >= 0 && index < count
                             ? g_unix_fd_list_get(answer.descriptors.get(), index, &error)
                             : -1;
  const GErrorPtr owned(error);
  base::require(descriptor >= 0, ErrorCode::io, name_, ": the desktop's portal opens no PipeWire: ",
                owned ? owned->message : "no descriptor came");
  return descriptor;
}

ScreenCast::Node ScreenCast::start(bool anew) {
  create_session();
  select_sources(anew);
  Node node = share();
  node.descriptor = open_remote();
  return node;
}

bool ScreenCast::ended() {
  bus_.hear();
  return closed_ || portal_gone_;
}

}  // namespace streamdiffusion::media
