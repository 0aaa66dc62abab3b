// A model and data for a run whose steps take less than a millisecond.
//
//   write_small_run(folder);       // small.json and tokens.bin
//   run({"train", "--config", "small.json", "--data", "tokens.bin"}, folder);
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "base/random.h"
#include "train/trainer_testing.h"

namespace anemone::cli {

// 2000 ids of 16 bits.
inline std::string small_tokens() {
  Random random(5);
  const auto vocab = static_cast<uint64_t>(train::small_config().vocab);
  std::string tokens;
  for (int i = 0; i < 2000; ++i) tokens += {static_cast<char>(random.below(vocab)), '\0'};
  return tokens;
}

inline void write_small_run(const std::filesystem::path& folder) {
  std::ofstream(folder / "small.json") << model::to_json(train::small_config());
  std::ofstream(folder / "tokens.bin", std::ios::binary) << small_tokens();
}

}  // namespace anemone::cli
