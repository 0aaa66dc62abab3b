// The whole model against PyTorch: gradients of every tensor, ten losses and gradient norms of AdamW, for two small
// grouped-query configurations (make_golden.py), on every device, weight source and offload.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "model/weights_file.h"
#include "train/optimizer.h"
#include "train/pipeline.h"

namespace anemone::train {
namespace {

constexpr int64_t kBatch = 2;

struct Golden {
  model::SafetensorsFile file;
  model::Config config;

  template <class T>
  std::vector<T> read(std::string_view name) const {
    const model::StoredTensor* tensor = file.find(name);
    std::vector<T> values(tensor->bytes.size() / sizeof(T));
    std::memcpy(values.data(), tensor->bytes.data(), tensor->bytes.size());
    return values;
  }
};

Golden load(const std::string& name) {
  auto file = model::SafetensorsFile::open(ANEMONE_SOURCE_DIR "/tests/parity/" + name + ".safetensors");
  EXPECT_TRUE(file) << (file ? "" : file.error().message);
  const model::Config config = *model::stored_config(*file);
  return {*std::move(file), config};
}

struct Case {
  std::string golden, device;
  Precision precision;
  model::WeightSource source;
  Offload offload;
  bool overlap;
};

std::string name_of(const testing::TestParamInfo<Case>& info) {
  const Case& c = info.param;
  return c.golden + "_" + c.device + "_" + std::string(to_string(c.precision)) +
         (c.source == model::WeightSource::baked ? "_baked" : "_dynamic") +
         (c.offload == Offload::core ? "_core" : "_full") + (c.overlap ? "_overlap" : "");
}

class Parity : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    const Case& c = GetParam();
    device_ = *open_device(c.device, {.precision = c.precision});
    auto pipeline = Pipeline::create(*device_, golden_.config,
                                     {.source = c.source,
                                      .offload = c.offload,
                                      .precision = c.precision,
                                      .batch = kBatch,
                                      .seq = golden_.config.seq,
                                      .overlap = c.overlap});
    ASSERT_TRUE(pipeline) << pipeline.error().message;
    pipeline_ = *std::move(pipeline);
  }

  // Relative to the largest value of a tensor. The bounds for losses at fp32 are tight enough to tell a wrong β or a
  // missing decay.
  double loss_tolerance() const { return GetParam().precision == Precision::fp32 ? 1e-5 : 1e-2; }
  double gradient_tolerance() const { return GetParam().precision == Precision::fp32 ? 1e-4 : 3e-2; }

  // fp16 needs its gradients scaled into range; 1024 loses nothing and overflows nowhere here.
  float scale() const { return GetParam().precision == Precision::fp32 ? 1 : 1024; }

  // Inputs and targets of a step, from its [batch, seq + 1] tokens.
  double step(int64_t index, model::Parameters& gradients) {
    const int64_t seq = golden_.config.seq;
    std::vector<int32_t> inputs, targets;
    for (int64_t b = 0; b < kBatch; ++b) {
      const int32_t* row = tokens_.data() + (index * kBatch + b) * (seq + 1);
      inputs.insert(inputs.end(), row, row + seq);
      targets.insert(targets.end(), row + 1, row + seq + 1);
    }
    EXPECT_TRUE(pipeline_->stage(weights_));
    const Result<double> loss = pipeline_->step(inputs, targets, scale(), Into::assign, gradients);
    EXPECT_TRUE(loss) << loss.error().message;
    pipeline_->finish();
    return *loss;
  }

  Golden golden_ = load(GetParam().golden);
  std::unique_ptr<Device> device_;
  std::unique_ptr<Pipeline> pipeline_;
  model::Parameters weights_ = *model::read_parameters(golden_.file, golden_.config, "weights.");
  std::vector<int32_t> tokens_ = golden_.read<int32_t>("tokens");
};

TEST_P(Parity, GradientsOfEveryTensor) {
  model::Parameters gradients(golden_.config);
  step(0, gradients);
  for (const model::TensorInfo& info : gradients.tensors()) {
    const std::vector<float> expected = golden_.read<float>("gradients." + info.name);
    const std::span<const float> found = gradients.tensor(info);
    double largest = 0, difference = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
      largest = std::max(largest, std::fabs(double{expected[i]}));
      difference = std::max(difference, std::fabs(double{expected[i]} - found[i] / scale()));
    }
    EXPECT_LE(difference, gradient_tolerance() * largest) << info.name;
  }
}

TEST_P(Parity, TenLossesAndNormsOfAdamW) {
  const auto losses = golden_.read<double>("losses"), norms = golden_.read<double>("norms");
  Optimizer optimizer(golden_.config, {.weight_decay = 0.1f});
  model::Parameters gradients(golden_.config);
  for (size_t i = 0; i < losses.size(); ++i) {
    EXPECT_NEAR(step(static_cast<int64_t>(i), gradients) / losses[i], 1, loss_tolerance()) << "step " << i;
    const double norm = std::sqrt(squared_norm(gradients)) / scale();
    EXPECT_NEAR(norm / norms[i], 1, 10 * loss_tolerance()) << "step " << i;
    optimizer.step(weights_, gradients, {.rate = 1e-3f, .gradient_scale = clip_factor(norm, 1.0) / scale()});
  }
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const char* golden : {"gqa", "qwen"}) {
    for (const std::string& device : host_device_names()) {
      for (Precision precision : {Precision::fp32, Precision::fp16}) {
        for (auto source : {model::WeightSource::baked, model::WeightSource::dynamic}) {
          for (Offload offload : {Offload::core, Offload::full}) {
            all.push_back({golden, device, precision, source, offload, false});
          }
        }
      }
      all.push_back({golden, device, Precision::fp32, model::WeightSource::baked, Offload::core, true});
    }
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Devices, Parity, testing::ValuesIn(cases()), name_of);

}  // namespace
}  // namespace anemone::train
