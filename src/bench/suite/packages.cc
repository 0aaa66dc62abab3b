#include "bench/suite/packages.h"

#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "base/temporary_folder.h"
#include "bench/suite/suite.h"
#include "mil/package/package.h"

namespace anemone::bench {
namespace {

namespace fs = std::filesystem;

Result<> write_package(const std::string& path, const Chain& chain, const mil::Weights& weights) {
  mil::Model model;
  model.program.functions.push_back(TRY(chain_function(chain)));
  return mil::write_model(path, model, weights);
}

}  // namespace

Result<ChainProgram> through_package(const Chain& chain, const mil::Weights& weights) {
  const TemporaryFolder folder = TRY(TemporaryFolder::create());
  const std::string path = folder.path() + "/chain.mlpackage";
  TRY(write_package(path, chain, weights));
  mil::LoadedModel loaded = TRY(mil::read_model(path));  // stays mapped when the files are gone
  const mil::Function* const function = TRY(mil::find_function(loaded.model, ""));
  return ChainProgram{*function, std::move(loaded.weights)};
}

Result<> write_packages(const std::string& folder, std::string_view only,
                        const std::function<void(const std::string& path)>& written) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return fail("cannot make {}: {}", folder, error.message());
  std::set<std::string> done;
  for (const Benchmark& benchmark : suite()) {
    for (const auto& [label, chain, package] : benchmark.configurations) {
      const std::string name = fmt::format("ane_sram_{}ch_{}sp.mlpackage", chain.channels, chain.width);
      if (chain.depth > 1 || name.find(only) == std::string::npos || !done.insert(name).second) continue;
      const std::string path = fmt::format("{}/{}", folder, name);
      TRY(write_package(path, chain, chain_weights(chain, /*seed=*/static_cast<uint64_t>(chain.channels))));
      written(path);
    }
  }
  return {};
}

}  // namespace anemone::bench
