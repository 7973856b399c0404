// NPY format 1.0: magic, version, header length, a Python dict padded to 64 bytes, the data.
#include "image/npy.h"

#include <cstring>
#include <string>

#include "base/error.h"
#include "base/file_writer.h"

namespace streamdiffusion::image {

void write_npy(const std::filesystem::path& path, std::span<const std::int64_t> shape,
               std::span<const float> values) {
  std::string dims;
  std::int64_t count = 1;
  for (const std::int64_t dim : shape) {
    dims += std::to_string(dim) + ", ";  // a Python tuple: one item needs its comma
    count *= dim;
  }
  base::require(count == static_cast<std::int64_t>(values.size()), base::ErrorCode::internal,
                path.string(), ": shape (", dims, ") for ", values.size(), " values");
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + dims + "), }";
  constexpr std::size_t kPreamble = 10, kAlignment = 64;
  header.append(kAlignment - (kPreamble + header.size() + 1) % kAlignment, ' ');
  header.push_back('\n');
  const char preamble[kPreamble] = {'\x93',
                                    'N',
                                    'U',
                                    'M',
                                    'P',
                                    'Y',
                                    1,
                                    0,
                                    static_cast<char>(header.size() & 0xffU),
                                    static_cast<char>(header.size() >> 8U)};
  std::vector<std::byte> bytes(kPreamble + header.size() + values.size_bytes());
  std::memcpy(bytes.data(), preamble, kPreamble);
  std::memcpy(bytes.data() + kPreamble, header.data(), header.size());
  std::memcpy(bytes.data() + kPreamble + header.size(), values.data(), values.size_bytes());
  base::write_file(path, bytes);
}

}  // namespace streamdiffusion::image
