// Where the persistent values of all row groups lie in the memory of a stream.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/host/row_group.h"

namespace streamdiffusion::backend::host {

/// The inputs (or outputs) of one name are contiguous over all row groups, rows in order, so that
/// the caller sees one view. All other persistent values belong to one row group.
class StateLayout {
 public:
  /// An input named in `shared_inputs` is the same memory for every row group. Throws internal if
  /// there is no row group, or if the row groups differ in the names, types or row shapes of their
  /// ports.
  StateLayout(std::span<const RowGroup> groups, std::span<const std::string> shared_inputs);

  /// A named input or output.
  struct Port {
    std::string name;
    /// Over all row groups.
    tensor::Desc desc;
    /// In bytes, from the start of the stream's memory.
    std::size_t offset = 0;
  };

  /// Throws not_found.
  const Port& input(std::string_view name) const { return find(inputs_, name, "input"); }
  const Port& output(std::string_view name) const { return find(outputs_, name, "output"); }
  std::span<const Port> inputs() const { return inputs_; }
  std::span<const Port> outputs() const { return outputs_; }
  /// Of all inputs and outputs, which come first.
  std::size_t port_bytes() const { return port_bytes_; }
  std::size_t bytes() const { return bytes_; }
  /// Where a persistent value of a row group lies, in bytes from the start of the stream's memory.
  std::size_t offset(std::size_t group, std::size_t value) const { return offsets_[group][value]; }
  /// The address of every value of row group `index`, by value id, for a stream's memory and the
  /// group's arena; null for a value that no program computes.
  std::vector<void*> addresses(const RowGroup& group, std::size_t index, std::byte* memory,
                               std::byte* arena) const;

 private:
  static const Port& find(const std::vector<Port>& ports, std::string_view name, const char* what);
  void add_port(std::vector<Port>& ports, std::span<const RowGroup> groups, const std::string& name,
                bool shared);

  std::vector<Port> inputs_, outputs_;
  /// By row group and value.
  std::vector<std::vector<std::size_t>> offsets_;
  std::size_t port_bytes_ = 0, bytes_ = 0;
};

}  // namespace streamdiffusion::backend::host
