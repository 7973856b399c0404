// The energy that a card has used, by NVIDIA's management library, which comes with the driver.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace streamdiffusion::backend::cuda {

class EnergyCounter {
 public:
  virtual ~EnergyCounter() = default;
  /// Joules since the driver was loaded. The card renews it every 20 to 100 ms. Nothing if the card
  /// has no counter (it came with Volta), or does not answer.
  virtual std::optional<double> joules() const = 0;
};

/// Of the card at a PCI address, e.g. "0000:01:00.0". Null if the library is not there.
std::unique_ptr<EnergyCounter> make_energy_counter(const std::string& pci_address);

}  // namespace streamdiffusion::backend::cuda
