// The chains of the suite as .mlpackage folders, as the seed's programs read them.
//
//   TRY(write_packages("packages", "", [](const std::string& path) { fmt::print("{}\n", path); }));
//   ChainProgram program = TRY(through_package(chain, weights));      // written, read back, removed
#pragma once

#include <functional>
#include <string>

#include "bench/suite/chain.h"

namespace anemone::bench {

struct ChainProgram {
  mil::Function function;
  mil::Weights weights;
};

Result<ChainProgram> through_package(const Chain& chain, const mil::Weights& weights);

// One of each size of one convolution in the suite, ane_sram_CHANNELSch_PIXELSsp.mlpackage, into the folder, which is
// made where it is missing; those only whose name contains `only`. Each appears when it is whole, or not at all;
// `written` is told of it.
Result<> write_packages(const std::string& folder, std::string_view only,
                        const std::function<void(const std::string& path)>& written);

}  // namespace anemone::bench
