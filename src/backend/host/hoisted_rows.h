// Where that lies in a stream's state which a row of a call reads and another program computed.
#pragma once

#include <span>
#include <vector>

#include "backend/backend.h"
#include "backend/host/state_layout.h"

namespace streamdiffusion::backend::host {

/// As Executable::hoisted_rows().
std::vector<std::vector<Extent>> hoisted_rows(std::span<const RowGroup> groups,
                                              const StateLayout& layout, graph::Lifetime lifetime);

/// As Executable::frame_inputs().
std::vector<std::string> frame_inputs(const graph::Graph& graph);

/// Throws internal unless the extents agree in number and sizes.
void check_extents(std::span<const Extent> to, std::span<const Extent> from);

}  // namespace streamdiffusion::backend::host
