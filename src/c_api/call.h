// What every function of the C interface does around its work: exceptions become a status and an
// error object, and the floating-point state is the usual one.
#pragma once

#include <functional>
#include <string>

#include "streamdiffusion/c.h"
#include "streamdiffusion/error.h"

struct streamdiffusion_error {
  streamdiffusion_status status = STREAMDIFFUSION_INTERNAL;
  std::string message, parameter;
};

namespace streamdiffusion::c_api {

/// The status of an error's code.
streamdiffusion_status status_of(ErrorCode code);

/// Runs `body` with denormals on, as the library's results need it: a host such as an audio program
/// may have switched them off. Threads that start in it inherit that. What `body` throws is written
/// to `error`, if that is not NULL, and its status returned.
streamdiffusion_status call(streamdiffusion_error** error,
                            const std::function<streamdiffusion_status()>& body) noexcept;

/// For a pointer that the caller must give. Throws invalid_argument naming it.
void require_given(const void* pointer, const char* name);

/// The library's threads are those of the process that opened an engine first. One that it forks
/// has none of them, and may find a lock held for ever by one that is not there.
bool in_own_process();
/// Throws unsupported in a process that was forked since.
void require_own_process();
/// An engine has been opened in this process.
void claim_process();
/// For a handle: given, and of this process.
void require_handle(const void* handle, const char* name);

/// The parameter that an error is of: those of the engine begin with its name. "" for others.
std::string parameter_of(const Error& error);

/// A copy for the caller, freed by streamdiffusion_string_free().
char* new_text(const std::string& text);

/// Copies as much of a struct of the caller's as this library knows. What the caller's is longer
/// must be zero: throws unsupported otherwise, and invalid_argument for a size that no version had.
void read_struct(void* known, std::size_t known_size, const void* given, std::size_t least,
                 const char* name);
/// Copies as much into a struct of the caller's as fits, and leaves its struct_size.
void write_struct(void* given, const void* known, std::size_t known_size);
/// Gives a struct of the caller's its size and its defaults, and 0 for what this library does not
/// know.
void init_struct(void* given, std::size_t size, const void* defaults, std::size_t known_size);

}  // namespace streamdiffusion::c_api
