#include "c_api/call.h"

#include <unistd.h>

#include <atomic>
#include <cfenv>
#include <cstring>
#include <new>

#include "base/error.h"
#include "base/log.h"
#include "hub/api.h"
#include "params/table.h"
#include "settings/set.h"

namespace streamdiffusion::c_api {
namespace {

/// The floating-point environment that a thread starts with, and the caller's again at the end.
class UsualFloats {
 public:
  UsualFloats() {
    std::fegetenv(&before_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~UsualFloats() { std::fesetenv(&before_); }
  UsualFloats(const UsualFloats&) = delete;
  UsualFloats& operator=(const UsualFloats&) = delete;

 private:
  std::fenv_t before_;
};

/// Where the first engine was opened; 0 before that.
std::atomic<pid_t> own_process{0};

/// Where there is no memory for an error object.
streamdiffusion_error* memory_used_up() {
  static streamdiffusion_error error{STREAMDIFFUSION_INTERNAL, "there is not enough memory", ""};
  return &error;
}

streamdiffusion_status fail(streamdiffusion_error** error, streamdiffusion_status status,
                            const char* message, const std::string& parameter = {}) {
  if (error == nullptr) return status;
  try {
    *error = new streamdiffusion_error{status, message, parameter};
  } catch (const std::bad_alloc&) {
    *error = memory_used_up();
  }
  return status;
}

}  // namespace

streamdiffusion_status status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument:
      return STREAMDIFFUSION_INVALID_ARGUMENT;
    case ErrorCode::not_found:
      return STREAMDIFFUSION_NOT_FOUND;
    case ErrorCode::corrupt_file:
      return STREAMDIFFUSION_CORRUPT_FILE;
    case ErrorCode::unsupported:
      return STREAMDIFFUSION_UNSUPPORTED;
    case ErrorCode::io:
      return STREAMDIFFUSION_IO;
    case ErrorCode::numeric:
      return STREAMDIFFUSION_NUMERIC;
    case ErrorCode::busy:
      return STREAMDIFFUSION_BUSY;
    case ErrorCode::internal:
      break;
  }
  return STREAMDIFFUSION_INTERNAL;
}

streamdiffusion_status call(streamdiffusion_error** error,
                            const std::function<streamdiffusion_status()>& body) noexcept {
  const UsualFloats floats;
  if (error != nullptr) *error = nullptr;
  try {
    return body();
  } catch (const settings::ParameterError& e) {
    return fail(error, STREAMDIFFUSION_INVALID_ARGUMENT, e.what(), e.parameter());
  } catch (const Error& e) {
    return fail(error, status_of(e.code()), e.what(), parameter_of(e));
  } catch (const hub::Interrupted&) {
    return fail(
        error, STREAMDIFFUSION_STOPPED,
        "the download was stopped; what has arrived is kept, and the next one continues it");
  } catch (const std::bad_alloc&) {
    if (error != nullptr) *error = memory_used_up();
  } catch (const std::exception& e) {
    return fail(error, STREAMDIFFUSION_INTERNAL, e.what());
  } catch (...) {
    return fail(error, STREAMDIFFUSION_INTERNAL, "an exception of another kind");
  }
  return STREAMDIFFUSION_INTERNAL;
}

void require_given(const void* pointer, const char* name) {
  base::require(pointer != nullptr, ErrorCode::invalid_argument, name, " is NULL");
}

bool in_own_process() {
  const pid_t own = own_process;
  return own == 0 || own == ::getpid();
}

void require_own_process() {
  base::require(in_own_process(), ErrorCode::unsupported, "this process was made by fork() after ",
                "process ", own_process.load(),
                " had opened an engine, whose threads are not in it; expected fork() before the "
                "first engine is opened, or exec() after it");
}

void claim_process() {
  own_process = ::getpid();
}

void require_handle(const void* handle, const char* name) {
  require_given(handle, name);
  require_own_process();
}

std::string parameter_of(const Error& error) {
  if (error.code() != ErrorCode::invalid_argument) return "";
  const std::string_view text = error.what();
  const std::string_view first = text.substr(0, text.find_first_of(" :"));
  for (const params::Parameter& row : params::parameters()) {
    if (row.name == first) return std::string(first);
  }
  return "";
}

char* new_text(const std::string& text) {
  char* copy = new char[text.size() + 1];
  std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

void read_struct(void* known, std::size_t known_size, const void* given, std::size_t least,
                 const char* name) {
  require_given(given, name);
  std::size_t size = 0;
  std::memcpy(&size, given, sizeof size);
  base::require(size >= least && size <= 4096, ErrorCode::invalid_argument, name,
                "->struct_size is ", size, ", expected ", known_size,
                "; call its _init() with sizeof of it first");
  const auto* bytes = static_cast<const unsigned char*>(given);
  for (std::size_t i = known_size; i < size; ++i) {
    base::require(bytes[i] == 0, ErrorCode::unsupported, name,
                  " sets a member that this version of the library does not have");
  }
  std::memcpy(known, given, std::min(size, known_size));
}

void write_struct(void* given, const void* known, std::size_t known_size) {
  std::size_t size = 0;
  std::memcpy(&size, given, sizeof size);
  if (size < sizeof size) return;
  std::memcpy(given, known, std::min(size, known_size));
  std::memcpy(given, &size, sizeof size);
}

void init_struct(void* given, std::size_t size, const void* defaults, std::size_t known_size) {
  if (given == nullptr || size < sizeof size) return;
  std::memset(given, 0, size);
  std::memcpy(given, &size, sizeof size);
  write_struct(given, defaults, known_size);
}

}  // namespace streamdiffusion::c_api

using streamdiffusion::base::LogLevel;

const char* streamdiffusion_version(void) {
  return SD_VERSION;
}

streamdiffusion_status streamdiffusion_error_status(const streamdiffusion_error* error) {
  return error == nullptr ? STREAMDIFFUSION_OK : error->status;
}
const char* streamdiffusion_error_message(const streamdiffusion_error* error) {
  return error == nullptr ? "" : error->message.c_str();
}
const char* streamdiffusion_error_parameter(const streamdiffusion_error* error) {
  return error == nullptr ? "" : error->parameter.c_str();
}
void streamdiffusion_error_free(streamdiffusion_error* error) {
  if (error != streamdiffusion::c_api::memory_used_up()) delete error;
}

void streamdiffusion_string_free(char* text) {
  delete[] text;
}

void streamdiffusion_set_log_callback(streamdiffusion_log_callback callback, void* user) {
  streamdiffusion::c_api::call(nullptr, [&] {
    streamdiffusion::base::LogCallback forward;
    if (callback != nullptr) {
      forward = [callback, user](LogLevel level, std::string_view message) {
        const std::string line(message);
        callback(static_cast<streamdiffusion_log_level>(level), line.c_str(), user);
      };
    }
    streamdiffusion::base::set_log_callback(std::move(forward));
    return STREAMDIFFUSION_OK;
  });
}
