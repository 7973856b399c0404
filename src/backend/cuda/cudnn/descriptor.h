// The descriptors of cuDNN's graph API, destroyed with their owner. Every call is checked.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "backend/cuda/cudnn/cudnn_library.h"
#include "tensor/tensor.h"

namespace streamdiffusion::backend::cuda {

/// Throws internal, with cuDNN's own words, unless the call succeeded.
void check_cudnn(cudnnStatus_t status, const char* what);

cudnnDataType_t cudnn_type(tensor::DType dtype);

class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type);
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;

  cudnnBackendDescriptor_t get() const { return descriptor_; }

  Descriptor& set(cudnnBackendAttributeName_t name, std::int64_t value);
  Descriptor& set(cudnnBackendAttributeName_t name, bool value);
  Descriptor& set(cudnnBackendAttributeName_t name, double value);
  Descriptor& set(cudnnBackendAttributeName_t name, const Descriptor& value);
  Descriptor& set(cudnnBackendAttributeName_t name, std::span<const std::int64_t> values);
  Descriptor& set(cudnnBackendAttributeName_t name, std::initializer_list<std::int64_t> values) {
    return set(name, std::span(values.begin(), values.size()));
  }
  Descriptor& set(cudnnBackendAttributeName_t name, std::span<const cudnnBackendDescriptor_t> many);
  /// An enumerator, of which cuDNN wants to know the kind.
  template <typename Enum>
  Descriptor& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, Enum value) {
    return set_raw(name, type, 1, &value);
  }
  Descriptor& set_pointers(cudnnBackendAttributeName_t name, std::span<void* const> pointers);
  Descriptor& set_text(cudnnBackendAttributeName_t name, std::string_view text);
  void finalize();

  /// What the attribute holds; empty if it is not set.
  template <typename T>
  std::vector<T> get_all(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type) const {
    std::vector<T> values(static_cast<std::size_t>(count(name, type)));
    values.resize(static_cast<std::size_t>(
        read(name, type, static_cast<std::int64_t>(values.size()), values.data())));
    return values;
  }
  /// Reads a descriptor into `value`, which must have been created with the right type.
  void get(cudnnBackendAttributeName_t name, Descriptor& value) const;

 private:
  Descriptor& set_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                      std::int64_t count, const void* values);
  std::int64_t count(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type) const;
  std::int64_t read(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                    std::int64_t count, void* values) const;

  cudnnBackendDescriptor_t descriptor_ = nullptr;
};

}  // namespace streamdiffusion::backend::cuda
