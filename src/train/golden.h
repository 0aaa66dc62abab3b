// A run beside the losses that were published from real engines: does this device compute what they did?
//
//   const GoldenTrace& trace = published_trace(options.offload);
//   TRY(check_options(trace, config, options));
//   TRY(check_data(trace, tokens));
//   auto trainer = TRY(Trainer::create(device, {config, options, &tokens}));
//   trainer->initialize();
//   GoldenRow worst = TRY(follow(*trainer, trace, options.steps, [](const GoldenRow& row) { show(row); }));
//
// The published run is the seed's `train_large` on the first shard of TinyStories, at a rate of 1e-4. It started itself
// anew after ten steps, for a process may compile only so many programs, and drew the windows of the second ten from
// srand48(42 + 10): Sampling::drand48_restarting, which the preset has, draws the same in one process. Its Adam update
// fell after step 9, so losses up to step 9 test the forward pass alone, and those from step 10 on the backward pass.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "train/trainer.h"

namespace anemone::train {

struct GoldenTrace {
  struct Loss {
    int64_t step;
    double loss;
  };

  std::string_view source;  // who published it
  Preset preset;            // what ran, with its rate
  int64_t steps = 0;        // how far it goes
  std::vector<Loss> losses;
  int64_t tokens = 0;                 // of the data
  std::vector<int32_t> first_tokens;  // that it begins with
};

// Of `train_large`, 20 losses to 6 decimals that an M5 and an M3 Ultra agree on; with classifier, softmax and norms on
// the engine too, three to 4 decimals.
const GoldenTrace& published_trace(Offload offload);

// Whether a run with these options is the trace's. Steps may be fewer; the precision, and how often it is saved, may be
// others.
Result<> check_options(const GoldenTrace& trace, const model::Config& config, const TrainOptions& options);
// Whether the data is the trace's, by its length and its beginning.
Result<> check_data(const GoldenTrace& trace, const text::TokenFile& tokens);

struct GoldenRow {
  int64_t step = 0;
  double loss = 0;
  std::optional<double> published{};

  double difference() const { return published ? loss - *published : 0; }
};

// Trains for `steps`, telling each, and gives the row that is furthest off. The trainer is new.
Result<GoldenRow> follow(Trainer& trainer, const GoldenTrace& trace, int64_t steps,
                         const std::function<void(const GoldenRow&)>& tell);

}  // namespace anemone::train
