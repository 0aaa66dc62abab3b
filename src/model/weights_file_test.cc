#include "model/weights_file.h"

#include <gmock/gmock.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "base/half.h"
#include "model/initialize.h"

namespace anemone::model {
namespace {

using testing::HasSubstr;

constexpr const char* kStories = ANEMONE_SOURCE_DIR "/../shared/data/stories260K.bin";

std::string temporary(const std::string& name) { return testing::TempDir() + "anemone_weights_" + name; }

std::string write_file(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

Config grouped() {
  return {.name = "grouped",
          .layers = 2,
          .dim = 8,
          .hidden = 12,
          .heads = 4,
          .kv_heads = 2,
          .head_dim = 2,
          .vocab = 10,
          .seq = 6,
          .tied = false};
}

Config with_qk_norm() {
  Config config = grouped();
  config.rope = Rope::half;
  config.qk_norm = true;
  config.head_dim = 6;
  return config;
}

Parameters random_weights(const Config& config) {
  Parameters weights(config);
  initialize(weights, config, 3);
  return weights;
}

std::string error_of(const std::string& path) {
  const Result<Model> model = load_model(path);
  return model ? "" : model.error().message;
}

TEST(WeightsFile, BothFormatsKeepEveryBit) {
  const Parameters weights = random_weights(grouped());
  for (const char* name : {"grouped.bin", "grouped.safetensors"}) {
    const std::string path = temporary(name);
    ASSERT_TRUE(save_model(path, grouped(), weights));
    const Result<Model> model = load_model(path);
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_TRUE(std::ranges::equal(std::as_const(model->weights).all(), weights.all())) << name;
    Config expected = grouped();
    expected.name = model->config.name;  // a .bin is named after its file
    EXPECT_EQ(model->config, expected);
  }
}

TEST(WeightsFile, SafetensorsHoldWhatLlama2cCannot) {
  const Config config = with_qk_norm();
  const std::string path = temporary("qk.safetensors");
  ASSERT_TRUE(save_model(path, config, random_weights(config)));
  EXPECT_EQ(load_model(path)->config, config);
  EXPECT_THAT(save_model("model.pt", config, random_weights(config)).error().message, HasSubstr("model.pt"));
}

TEST(Llama2c, RefusesEachThingItsFormatCannotSay) {
  const auto refusal = [](void (*change)(Config&)) {
    Config config = grouped();
    change(config);
    const Result<> saved = save_model(temporary("refused.bin"), config, random_weights(config));
    return saved ? "" : saved.error().message;
  };
  EXPECT_EQ(refusal([](Config&) {}), "");
  EXPECT_THAT(refusal([](Config& c) { c.head_dim = 4; }), HasSubstr("add up to dim; save it as .safetensors"));
  EXPECT_THAT(refusal([](Config& c) { c.qk_norm = true; }), HasSubstr("q and k norms"));
  EXPECT_THAT(refusal([](Config& c) { c.rope = Rope::half; }), HasSubstr("rotary positions but"));
  EXPECT_THAT(refusal([](Config& c) { c.rope_theta = 1e6; }), HasSubstr("rope_theta but 10000"));
  EXPECT_THAT(refusal([](Config& c) { c.norm_eps = 1e-6; }), HasSubstr("norm_eps but 1e-5"));
  EXPECT_THAT(refusal([](Config& c) { c.residual_scale = 0.5; }), HasSubstr("residual_scale but 1"));
}

// The layout of the format, read here by hand: wk of layer 1 stands after the embedding, the norms, wq and wk of 0.
TEST(Llama2c, StandsInTheOrderOfItsFormat) {
  const Config c = grouped();
  const Parameters weights = random_weights(c);
  const std::string path = temporary("order.bin");
  ASSERT_TRUE(save_model(path, c, weights));
  const std::string bytes = *read_text(path);
  int32_t header[7];
  std::memcpy(header, bytes.data(), sizeof header);
  EXPECT_THAT(header, testing::ElementsAre(8, 12, 2, 4, 2, -10, 6));
  const auto at = [&](size_t index) {
    float value;
    std::memcpy(&value, bytes.data() + 28 + 4 * index, sizeof value);
    return value;
  };
  EXPECT_EQ(at(80 + 2 * 8 + 2 * 64 + 32 + 5), weights.layer(1).wk[5]);
  const size_t feed_forward = 80 + 2 * (8 + 64 + 32 + 32 + 64);  // wq and wo are 8×8, wk and wv 4×8
  EXPECT_EQ(at(feed_forward + 2 * 8 + 96 + 7), weights.layer(1).w1[7]);
  EXPECT_EQ(at(feed_forward + 2 * 8 + 3 * 96 + 7), weights.layer(1).w2[7]);
  EXPECT_EQ(at(feed_forward + 2 * 8 + 5 * 96 + 7), weights.layer(1).w3[7]);
  const size_t tables = feed_forward + 2 * 8 + 6 * 96 + 8;
  EXPECT_EQ(at(tables + 4), std::cos(4.0F));  // position 4, the only pair of a head of 2
  EXPECT_EQ(at(tables + 6 + 4), std::sin(4.0F));
  EXPECT_EQ(at(tables + 12), weights.classifier()[0]);
  EXPECT_EQ(bytes.size(), 28 + 4 * (tables + 12 + 80));
}

TEST(Llama2c, RefusesBadFilesWithSizes) {
  const std::string path = temporary("whole.bin");
  ASSERT_TRUE(save_model(path, grouped(), random_weights(grouped())));
  const std::string whole = *read_text(path);
  const std::string bad = temporary("bad.bin");
  EXPECT_THAT(error_of(write_file(bad, whole.substr(0, whole.size() - 4))),
              HasSubstr(fmt::format("bad.bin is {} bytes long, and a llama2.c model of its shape has {}",
                                    whole.size() - 4, whole.size())));
  EXPECT_THAT(error_of(write_file(bad, whole + "abcd")), HasSubstr("bytes long"));
  EXPECT_THAT(error_of(write_file(bad, whole.substr(0, 27))), HasSubstr("27 bytes long"));
  EXPECT_THAT(error_of(write_file(bad, "")), HasSubstr("0 bytes long"));
  EXPECT_THAT(error_of(temporary("missing.bin")), HasSubstr("cannot open"));
  const auto with_field = [&](size_t index, int32_t value) {
    std::string bytes = whole;
    std::memcpy(bytes.data() + 4 * index, &value, sizeof value);
    return write_file(bad, bytes);
  };
  for (size_t field = 0; field < 7; ++field) {
    for (int32_t value : {0, INT32_MIN, INT32_MAX, 1 << 20}) {
      EXPECT_THAT(error_of(with_field(field, value)), HasSubstr("bad.bin")) << field << " " << value;
    }
  }
}

class SafetensorsModel : public testing::Test {
 protected:
  // Saves the model's tensors after `change` had its way with them.
  std::string save(const std::function<void(std::vector<StoredTensor>&, Metadata&)>& change) {
    std::vector<StoredTensor> tensors = stored_tensors(weights_);
    Metadata metadata{{"config", to_json(grouped())}};
    change(tensors, metadata);
    std::string path = temporary("changed.safetensors");
    const Result<> saved = save_safetensors(path, tensors, metadata);
    EXPECT_TRUE(saved) << saved.error().message;
    return path;
  }

  Parameters weights_ = random_weights(grouped());
};

TEST_F(SafetensorsModel, IgnoresTheOptimizerAndGivesItBackWhenAsked) {
  Parameters moments(grouped());
  moments.layer(1).wk[3] = 5;
  const std::string path = save([&](auto& tensors, Metadata& metadata) {
    std::ranges::move(stored_tensors(moments, "optimizer.m."), std::back_inserter(tensors));
    metadata["trainer"] = "{}";
  });
  EXPECT_TRUE(std::ranges::equal(load_model(path)->weights.all(), weights_.all()));
  const SafetensorsFile file = *SafetensorsFile::open(path);
  EXPECT_EQ(read_parameters(file, *stored_config(file), "optimizer.m.")->layer(1).wk[3], 5);
  EXPECT_THAT(read_parameters(file, grouped(), "optimizer.v.").error().message,
              HasSubstr("lacks the tensor optimizer.v.tok_embeddings.weight"));
}

TEST_F(SafetensorsModel, ReadsHalvesAndBfloats) {
  std::vector<Half> halves(weights_.layer(0).wq.size());
  to_half(weights_.layer(0).wq, halves.data());
  std::vector<BFloat16> bfloats;
  for (float x : weights_.layer(0).wk) bfloats.push_back(BFloat16::from(x));
  const Result<Model> model = load_model(save([&](auto& tensors, Metadata&) {
    tensors[2].dtype = mil::DType::fp16;
    tensors[2].bytes = std::as_bytes(std::span(halves));
    tensors[3].dtype = mil::DType::bf16;
    tensors[3].bytes = std::as_bytes(std::span(bfloats));
  }));
  ASSERT_TRUE(model) << model.error().message;
  for (size_t i = 0; i < halves.size(); ++i) EXPECT_EQ(model->weights.layer(0).wq[i], halves[i].value());
  for (size_t i = 0; i < bfloats.size(); ++i) EXPECT_EQ(model->weights.layer(0).wk[i], bfloats[i].value());
  EXPECT_EQ(model->weights.layer(0).wv[7], weights_.layer(0).wv[7]);
}

TEST_F(SafetensorsModel, RefusesWhatDoesNotFitItsConfiguration) {
  EXPECT_THAT(error_of(save([](auto&, Metadata& metadata) { metadata.erase("config"); })),
              HasSubstr("changed.safetensors has no \"config\""));
  EXPECT_THAT(error_of(save([](auto&, Metadata& metadata) { metadata["config"] = "{}"; })),
              HasSubstr("the configuration in"));
  EXPECT_THAT(error_of(save([](auto& tensors, Metadata&) { tensors.pop_back(); })),
              HasSubstr("lacks the tensor output.weight"));
  EXPECT_THAT(error_of(save([](auto& tensors, Metadata&) { tensors[2].name = "wq"; })),
              HasSubstr("lacks the tensor layers.0.attention.wq.weight"));
  EXPECT_THAT(error_of(save([](auto& tensors, Metadata&) {
                tensors.push_back({"extra", mil::DType::fp32, {0}, {}});
              })),
              HasSubstr("has the tensor extra, which its configuration lacks"));
  EXPECT_THAT(
      error_of(save([](auto& tensors, Metadata&) {
        tensors[3].shape = {8, 4};
      })),
      HasSubstr("tensor layers.0.attention.wk.weight has the shape [8, 4], and its configuration asks for [4, 8]"));
  EXPECT_THAT(error_of(save([](auto& tensors, Metadata&) { tensors[1].dtype = mil::DType::int32; })),
              HasSubstr("tensor layers.0.attention_norm.weight is of type I32"));
  // A configuration that asks for 17 billion parameters is refused before any memory is.
  EXPECT_THAT(
      error_of(save([](auto&, Metadata& metadata) {
        Config huge = grouped();
        huge.vocab = 1 << 20;
        huge.dim = 1 << 14;
        metadata["config"] = to_json(huge);
      })),
      HasSubstr("tok_embeddings.weight has the shape [10, 8], and its configuration asks for [1048576, 16384]"));
}

TEST_F(SafetensorsModel, RefusesADamagedByteAndATruncatedFile) {
  std::string bytes = *read_text(save([](auto&, Metadata&) {}));
  const std::string bad = temporary("bad.safetensors");
  EXPECT_THAT(error_of(write_file(bad, bytes.substr(0, bytes.size() - 100))), HasSubstr("is cut short"));
  bytes[bytes.size() - 100] ^= 4;
  EXPECT_THAT(error_of(write_file(bad, bytes)), HasSubstr("checksum"));
}

TEST_F(SafetensorsModel, IsKnownByItsBytesAndInspected) {
  const std::string path = write_file(temporary("checkpoint.bin"), *read_text(save([](auto&, Metadata&) {})));
  const Result<WeightsFile> found = inspect_model(path);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->format, "safetensors");
  EXPECT_EQ(found->config, grouped());
  EXPECT_TRUE(found->checksummed);
  EXPECT_EQ(found->tensors.size(), 21);
}

TEST(Stories260K, SurvivesSafetensorsByteForByte) {
  const Result<std::string> original = read_text(kStories);
  if (!original) GTEST_SKIP() << original.error().message;
  const Model model = *load_model(kStories);
  Config expected = *find_config("stories260k");
  expected.name = "stories260K";
  EXPECT_EQ(model.config, expected);
  EXPECT_EQ(inspect_model(kStories)->format, "llama2.c");

  const std::string as_safetensors = temporary("stories260K.safetensors");
  ASSERT_TRUE(save_model(as_safetensors, model.config, model.weights, model.freq_cis));
  const Result<Model> back = load_model(as_safetensors);
  ASSERT_TRUE(back) << back.error().message;
  const std::string as_bin = temporary("stories260K.bin");
  ASSERT_TRUE(save_model(as_bin, back->config, back->weights, back->freq_cis));
  EXPECT_TRUE(*read_text(as_bin) == *original);

  // Our own tables agree with those in the file, which single precision made, to a few of its last bits.
  ASSERT_TRUE(save_model(as_bin, back->config, back->weights));
  const Model computed = *load_model(as_bin);
  for (size_t i = 0; i < model.freq_cis.size(); ++i) ASSERT_NEAR(computed.freq_cis[i], model.freq_cis[i], 1e-5);
}

}  // namespace
}  // namespace anemone::model
