#include "train/evaluate.h"

#include <algorithm>

#include "train/pipeline.h"

namespace anemone::train {
namespace {

Result<std::unique_ptr<Pipeline>> forward_pipeline(Device& device, const model::Model& model,
                                                   const EvaluationOptions& options, int64_t batch) {
  auto pipeline = TRY(Pipeline::create(device, model.config,
                                       {.source = options.source,
                                        .offload = options.offload,
                                        .precision = options.precision,
                                        .batch = batch,
                                        .seq = options.seq,
                                        .backward = false}));
  TRY(pipeline->stage(model.weights));
  return pipeline;
}

Result<double> window_loss(Pipeline& pipeline, const text::TokenFile& tokens, int64_t begin, int64_t count) {
  std::vector<int32_t> ids(static_cast<size_t>(count + 1));
  tokens.copy(begin, ids);
  const std::span<const int32_t> all(ids);
  const double loss = TRY(pipeline.loss(all.first(all.size() - 1), all.subspan(1)));
  if (std::isfinite(loss)) return loss;
  return fail("the loss on tokens {} to {} of {} is {}: the weights are damaged, or overflow at this precision", begin,
              begin + count, tokens.name(), loss);
}

}  // namespace

Result<Evaluation> evaluate(Device& device, const model::Model& model, const text::TokenFile& tokens,
                            const EvaluationOptions& options,
                            const std::function<void(int64_t done, int64_t total)>& report) {
  const int64_t windows = (tokens.size() - 1) / options.seq;
  if (windows < 1) {
    return fail("{} holds {} tokens, too few for a window of {} and its last target: give more, or a shorter window",
                tokens.name(), tokens.size(), options.seq);
  }
  double sum = 0;
  std::unique_ptr<Pipeline> pipeline;
  int64_t batch = 0;
  for (int64_t done = 0; done < windows; done += batch) {
    const int64_t wanted = std::min(options.batch, windows - done);
    if (wanted != batch) {  // at first, and where fewer are left at the end
      pipeline.reset();
      pipeline = TRY(forward_pipeline(device, model, options, wanted));
      batch = wanted;
    }
    const double loss = TRY(window_loss(*pipeline, tokens, done * options.seq, batch * options.seq));
    sum += loss * static_cast<double>(batch);
    if (report) report(done + batch, windows);
  }
  return Evaluation{sum / static_cast<double>(windows), windows, windows * options.seq};
}

}  // namespace anemone::train
