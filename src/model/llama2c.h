// llama2.c's weight files (github.com/karpathy/llama2.c, version 0), which its run.c reads.
//
//   Model model = TRY(load_llama2c(TRY(MappedFile::open("stories260K.bin"))));
//   TRY(save_llama2c("copy.bin", model.config, model.weights, model.freq_cis));
//
// The file: seven int32 (dim, hidden, layers, heads, kv_heads, vocab, seq; vocab is negative where the classifier is
// not the embedding), then float32: embedding, then over all layers the attention norms, wq, wk, wv, wo, the
// feed-forward norms, w1, w2, w3; the final norm; cosines and sines of the rotary positions, each [S, h/2]; a
// classifier of its own. All little-endian and without padding.
#pragma once

#include <span>
#include <string>

#include "base/file.h"
#include "model/parameters.h"

namespace anemone::model {

// The file's size must be exactly what its header asks for. The configuration is named after the file.
Result<Model> load_llama2c(const MappedFile& file);

// The configuration such a file's header describes, with everything checked that load_llama2c checks.
Result<Config> read_llama2c_config(const MappedFile& file);

// Refuses a configuration the format has no place for (q and k norms, other rotations, …). `freq_cis` holds the rotary
// tables to write, as a Model does; empty, they are computed.
Result<> save_llama2c(const std::string& path, const Config& config, const Parameters& weights,
                      std::span<const float> freq_cis = {});

}  // namespace anemone::model
