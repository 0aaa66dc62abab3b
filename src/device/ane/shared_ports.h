// Where the tensors of a request stand in memory that two processes share.
//
//   SharedPorts ports(inputs, outputs, weights);
//   SharedMemory memory = TRY(SharedMemory::create(ports.bytes()));
//   copy(surface, ports.inputs[0], memory)
#pragma once

#include <cstddef>
#include <vector>

#include "device/ane/engine_program.h"

namespace anemone::ane {

struct Place {
  size_t offset, bytes;
};

struct SharedPorts {
  SharedPorts(const std::vector<EnginePort>& of_inputs, const std::vector<EnginePort>& of_outputs, size_t of_weights) {
    for (const EnginePort& port : of_inputs) inputs.push_back(next(port.bytes));
    for (const EnginePort& port : of_outputs) outputs.push_back(next(port.bytes));
    weights = next(of_weights);
  }

  std::vector<Place> inputs, outputs;
  Place weights;  // of no bytes where there are none
  size_t total = 64;

 private:
  Place next(size_t bytes) {
    const Place place{total, bytes};
    total += (bytes + 63) / 64 * 64;
    return place;
  }
};

}  // namespace anemone::ane
