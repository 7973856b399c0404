// Frames whose pixels lie in the memory of a card.
#pragma once

#include "backend/backend.h"
#include "streamdiffusion/engine.h"

namespace streamdiffusion::session {

/// A copy in the memory of this machine, in the frame's own layout. Throws as Device::download(),
/// and invalid_argument for a frame with a size, plane or stride that is none.
HostFrame download(backend::Device& device, const FrameView& on_card);
/// As streamdiffusion::write(), into the memory of a card. Bytes between rows stay.
void upload(backend::Device& device, ImageView image, const FrameTarget& on_card);

}  // namespace streamdiffusion::session
