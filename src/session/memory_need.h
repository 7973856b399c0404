// What a session needs in memory, from its graphs alone, and what is done where that is short.
#pragma once

#include <optional>
#include <span>

#include "backend/backend.h"
#include "session/model.h"
#include "streamdiffusion/engine.h"

namespace streamdiffusion::session {

/// `options` has every default filled in and is valid. int8 counts as `dtype`, which is more.
MemoryNeed memory_need(const Model& model, const backend::Device& device, tensor::DType dtype,
                       const SessionOptions& options);

/// MemoryNeed::shared_calls of such a session. `sizes`: seats that calls may have, ascending.
std::size_t shared_call_bytes(const Model& model, tensor::DType dtype,
                              const SessionOptions& options, std::span<const int> sizes);

/// Whether the text encoders are to be released: what the user says, or else whether a session with
/// the model's defaults needs more than is available.
bool releases_text_encoders(const Model& model, const backend::Device& device, tensor::DType dtype,
                            TextEncoders wanted);

/// Throws invalid_argument for a session that can never run: its values, and the smallest form of
/// its images' weights, are more than `total`, all memory and swap. Says which size would fit.
void require_memory(const Model& model, const backend::Device& device, tensor::DType dtype,
                    bool int8, const SessionOptions& options, std::optional<std::size_t> total);

/// Logs what a session will need beside the weights that are loaded already: a notice where that is
/// more than 2 GiB, a warning where it is more than is available.
void report_memory(const MemoryNeed& need, std::size_t loaded_weights);

}  // namespace streamdiffusion::session
