#include "backend/cuda/cudnn/descriptor.h"

#include <array>
#include <utility>

#include "base/error.h"

namespace streamdiffusion::backend::cuda {

void check_cudnn(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  const CudnnLibrary& cudnn = cudnn_library();
  std::array<char, 1024> detail{};
  cudnn.get_last_error_string(detail.data(), detail.size());
  base::fail(base::ErrorCode::internal, "cuDNN ", cudnn.version(), ", ", what, ": ",
             cudnn.get_error_string(status), ": ", detail.data());
}

cudnnDataType_t cudnn_type(tensor::DType dtype) {
  switch (dtype) {
    case tensor::DType::f32:
      return CUDNN_DATA_FLOAT;
    case tensor::DType::bf16:
      return CUDNN_DATA_BFLOAT16;
    case tensor::DType::f16:
      return CUDNN_DATA_HALF;
    default:
      base::fail(base::ErrorCode::unsupported,
                 "the cuda device computes in f32, bf16 or f16, found ", tensor::to_string(dtype));
  }
}

Descriptor::Descriptor(cudnnBackendDescriptorType_t type) {
  check_cudnn(cudnn_library().create_descriptor(type, &descriptor_), "create a descriptor");
}

Descriptor::~Descriptor() {
  if (descriptor_ != nullptr) cudnn_library().destroy_descriptor(descriptor_);
}

Descriptor::Descriptor(Descriptor&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, nullptr)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, std::int64_t value) {
  return set_raw(name, CUDNN_TYPE_INT64, 1, &value);
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, bool value) {
  return set_raw(name, CUDNN_TYPE_BOOLEAN, 1, &value);
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, double value) {
  return set_raw(name, CUDNN_TYPE_DOUBLE, 1, &value);
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, const Descriptor& value) {
  return set_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value.descriptor_);
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name,
                            std::span<const std::int64_t> values) {
  return set_raw(name, CUDNN_TYPE_INT64, static_cast<std::int64_t>(values.size()), values.data());
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name,
                            std::span<const cudnnBackendDescriptor_t> many) {
  return set_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<std::int64_t>(many.size()),
                 many.data());
}

Descriptor& Descriptor::set_pointers(cudnnBackendAttributeName_t name,
                                     std::span<void* const> pointers) {
  return set_raw(name, CUDNN_TYPE_VOID_PTR, static_cast<std::int64_t>(pointers.size()),
                 pointers.data());
}

Descriptor& Descriptor::set_text(cudnnBackendAttributeName_t name, std::string_view text) {
  return set_raw(name, CUDNN_TYPE_CHAR, static_cast<std::int64_t>(text.size()), text.data());
}

void Descriptor::finalize() {
  check_cudnn(cudnn_library().finalize(descriptor_), "finalize a descriptor");
}

void Descriptor::get(cudnnBackendAttributeName_t name, Descriptor& value) const {
  read(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value.descriptor_);
}

Descriptor& Descriptor::set_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                                std::int64_t count, const void* values) {
  check_cudnn(cudnn_library().set_attribute(descriptor_, name, type, count, values),
              "set an attribute");
  return *this;
}

std::int64_t Descriptor::count(cudnnBackendAttributeName_t name,
                               cudnnBackendAttributeType_t type) const {
  return read(name, type, 0, nullptr);
}

std::int64_t Descriptor::read(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                              std::int64_t count, void* values) const {
  std::int64_t found = 0;
  check_cudnn(cudnn_library().get_attribute(descriptor_, name, type, count, &found, values),
              "read an attribute");
  return found;
}

}  // namespace streamdiffusion::backend::cuda
