#include "train/checkpoint.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "base/json.h"
#include "train/trainer_testing.h"

namespace anemone::train {
namespace {

using model::Metadata;
using model::Parameters;
using model::StoredTensor;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

Parameters filled(float first) {
  Parameters values(small_config());
  for (float& value : values.all()) value = first++;
  return values;
}

const TrainerState kState = {.step = 1234,
                             .accumulated = 2,
                             .updates = 411,
                             .drawn = 2468,
                             .tokens = 1000,
                             .scaler = {.scale = 4096, .good = 17, .skipped = 3},
                             .last_loss = 1.0 / 3,
                             .best_loss = 0.1,
                             .loss_sum = 1e-300,
                             .loss_count = 34};

// What stands in a checkpoint of the tests.
struct Contents {
  model::Config config = small_config();
  TrainOptions options = small_options();
  TrainerState state = kState;
  Parameters weights = filled(0), m = filled(0.25f), v = filled(0.5f), gradients = filled(0.75f);
  std::vector<uint8_t> used_rows = std::vector<uint8_t>(50, 1);

  Contents() {
    options.schedule.total = options.steps;
    used_rows[7] = 0;
  }

  Result<> save(const std::string& path) const {
    return save_checkpoint(path, {config, options, state, weights, m, v, state.accumulated > 0 ? &gradients : nullptr,
                                  used_rows, "the tokenizer.model", "/data/tokens.bin"});
  }
};

std::string saved(const std::string& folder, const Contents& contents = {}) {
  std::string path = folder + "run.safetensors";
  EXPECT_TRUE(contents.save(path));
  return path;
}

std::string error_of(const std::string& path) {
  const Result<Checkpoint> checkpoint = load_checkpoint(path);
  return checkpoint ? "" : checkpoint.error().message;
}

void expect_equal(const Parameters& a, const Parameters& b) { EXPECT_TRUE(std::ranges::equal(a.all(), b.all())); }

TEST(Checkpoint, KeepsEverything) {
  const Contents contents;
  const Checkpoint found = *load_checkpoint(saved(fresh_folder(), contents));
  EXPECT_EQ(found.config, contents.config);
  EXPECT_EQ(found.options, contents.options);
  EXPECT_EQ(found.state, contents.state);
  expect_equal(found.weights, contents.weights);
  expect_equal(found.m, contents.m);
  expect_equal(found.v, contents.v);
  expect_equal(*found.gradients, contents.gradients);
  EXPECT_EQ(found.used_rows, contents.used_rows);
  EXPECT_EQ(found.tokenizer, "the tokenizer.model");
  EXPECT_EQ(found.data, "/data/tokens.bin");
}

TEST(Checkpoint, HasNoGradientsRightAfterAnUpdateAndNoBestLossAtFirst) {
  Contents contents;
  contents.state.accumulated = 0;
  contents.state.best_loss = std::numeric_limits<double>::infinity();
  const Checkpoint found = *load_checkpoint(saved(fresh_folder(), contents));
  EXPECT_FALSE(found.gradients);
  EXPECT_EQ(found.state, contents.state);
}

TEST(Checkpoint, ServesAsAFileOfWeights) {
  const std::string path = saved(fresh_folder());
  const Result<model::Model> model = model::load_model(path);
  ASSERT_TRUE(model) << model.error().message;
  expect_equal(model->weights, filled(0));
}

std::string write(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

TEST(Checkpoint, CutShortAnywhereIsRefused) {
  const std::string folder = fresh_folder(), whole = *read_text(saved(folder));
  for (const size_t length : {size_t{0}, size_t{7}, size_t{8}, size_t{100}, size_t{3000}, whole.size() / 2,
                              whole.size() - 50, whole.size() - 1}) {
    const std::string path = write(folder + "cut.safetensors", std::string_view(whole).substr(0, length));
    EXPECT_THAT(error_of(path), HasSubstr(path)) << length;
  }
  const std::string longer = write(folder + "long.safetensors", whole + "x");
  EXPECT_THAT(error_of(longer), HasSubstr(longer));
}

TEST(Checkpoint, WithAFlippedBitIsRefused) {
  const std::string folder = fresh_folder(), whole = *read_text(saved(folder));
  for (const size_t from_end : {size_t{1}, size_t{60}, size_t{30000}, size_t{70000}}) {
    std::string damaged = whole;
    damaged[damaged.size() - from_end] ^= 0x10;
    const std::string path = write(folder + "damaged.safetensors", damaged);
    EXPECT_THAT(error_of(path), AllOf(HasSubstr(path), HasSubstr("is damaged: the checksum"))) << from_end;
  }
}

TEST(Checkpoint, OfAnotherKindIsRefused) {
  const std::string folder = fresh_folder();
  const std::string weights = folder + "weights.safetensors", llama = folder + "weights.bin";
  ASSERT_TRUE(model::save_model(weights, small_config(), filled(0)));
  model::Config plain = small_config();
  plain.head_dim = 4;  // that of llama2.c's files: dim / heads
  ASSERT_TRUE(model::save_model(llama, plain, Parameters(plain)));
  EXPECT_THAT(error_of(weights), AllOf(HasSubstr(weights), HasSubstr("--init")));
  EXPECT_THAT(error_of(llama), HasSubstr(llama));
  EXPECT_THAT(error_of(write(folder + "note.txt", "this is no checkpoint at all")), HasSubstr("note.txt"));
  EXPECT_THAT(error_of(folder + "none.safetensors"), HasSubstr("cannot open " + folder + "none.safetensors"));
  EXPECT_THAT(error_of(folder), HasSubstr("not a regular file"));
}

// The same file with something changed.
template <class Edit>
std::string edited(const std::string& folder, const Edit& edit) {
  const model::SafetensorsFile file = *model::SafetensorsFile::open(saved(folder));
  std::vector<StoredTensor> tensors(file.tensors().begin(), file.tensors().end());
  Metadata metadata = file.metadata();
  edit(tensors, metadata);
  const std::string path = folder + "edited.safetensors";
  EXPECT_TRUE(model::save_safetensors(path, tensors, metadata));
  return error_of(path);
}

TEST(Checkpoint, LacksNoTensor) {
  const std::string folder = fresh_folder();
  for (const char* name :
       {"norm.weight", "layers.1.attention.wk.weight", "optimizer.m.norm.weight", "optimizer.v.tok_embeddings.weight",
        "optimizer.gradient.layers.0.feed_forward.w1.weight", "optimizer.used_rows"}) {
    const std::string error = edited(folder, [&](std::vector<StoredTensor>& tensors, Metadata&) {
      EXPECT_EQ(std::erase_if(tensors, [&](const StoredTensor& t) { return t.name == name; }), 1u) << name;
    });
    EXPECT_THAT(error, AllOf(HasSubstr("edited.safetensors"), HasSubstr(name)));
  }
}

TEST(Checkpoint, HasTensorsOfTheRightShapeAndType) {
  const std::string folder = fresh_folder();
  for (const char* name : {"layers.0.attention.wq.weight", "optimizer.v.layers.0.attention.wq.weight"}) {
    const auto of_name = [&](const StoredTensor& t) { return t.name == name; };
    const std::string turned = edited(folder, [&](std::vector<StoredTensor>& tensors, Metadata&) {
      std::ranges::reverse(std::ranges::find_if(tensors, of_name)->shape);
    });
    EXPECT_THAT(turned, AllOf(HasSubstr("edited.safetensors"), HasSubstr(name), HasSubstr("shape")));
    const std::string integers = edited(folder, [&](std::vector<StoredTensor>& tensors, Metadata&) {
      std::ranges::find_if(tensors, of_name)->dtype = mil::DType::int32;
    });
    EXPECT_THAT(integers, AllOf(HasSubstr("edited.safetensors"), HasSubstr(name), HasSubstr("I32")));
  }
  const std::string rows = edited(folder, [&](std::vector<StoredTensor>& tensors, Metadata&) {
    StoredTensor& used = *std::ranges::find(tensors, "optimizer.used_rows", &StoredTensor::name);
    used.bytes = used.bytes.first(49);
    used.shape = {49};
  });
  EXPECT_THAT(rows, AllOf(HasSubstr("edited.safetensors"), HasSubstr("optimizer.used_rows")));
}

std::string with_metadata(const std::string& folder, const char* key, const std::string& text) {
  return edited(folder, [&](std::vector<StoredTensor>&, Metadata& metadata) { metadata[key] = text; });
}

TEST(Checkpoint, RefusesMetadataThatIsNonsense) {
  const std::string folder = fresh_folder();
  for (const char* key : {"config", "options", "state"}) {
    for (const char* text : {"", "{", "[]", "17", "null", "{}", "\"text\"", "{\"step\":1,\"step\":2}"}) {
      EXPECT_THAT(with_metadata(folder, key, text), HasSubstr("edited.safetensors")) << key << " " << text;
    }
    const std::string missing =
        edited(folder, [&](std::vector<StoredTensor>&, Metadata& metadata) { metadata.erase(key); });
    EXPECT_THAT(missing, AllOf(HasSubstr("edited.safetensors"), HasSubstr(key)));
  }
}

TEST(Checkpoint, RefusesAStateThatNoRunReaches) {
  const std::string folder = fresh_folder();
  const model::SafetensorsFile file = *model::SafetensorsFile::open(saved(folder));
  const nlohmann::json state = nlohmann::json::parse(file.metadata().at("state"));
  EXPECT_EQ(state.size(), 12u);
  for (const auto& [name, value] : state.items()) {
    std::vector<nlohmann::json> wrong = {"text", nullptr, true};
    const bool whole = value.is_number_integer();
    if (whole) wrong.insert(wrong.end(), {-1, 1.5, 1e300, UINT64_MAX});
    for (const nlohmann::json& bad : wrong) {
      nlohmann::json changed = state;
      changed[name] = bad;
      EXPECT_THAT(with_metadata(folder, "state", changed.dump()),
                  AllOf(HasSubstr("edited.safetensors"), HasSubstr(name)))
          << name << bad;
    }
    nlohmann::json without = state;
    without.erase(name);
    const std::string error = with_metadata(folder, "state", without.dump());
    EXPECT_EQ(error.empty(), name == "best_loss") << name;  // the first run has none
  }
  for (const auto& [name, bad] : {std::pair("accumulated", 5000.0), {"updates", 5000.0}, {"loss_scale", 0.0}}) {
    nlohmann::json changed = state;
    changed[name] = bad;
    if (std::string_view(name) != "loss_scale") changed[name] = static_cast<int64_t>(bad);
    EXPECT_THAT(with_metadata(folder, "state", changed.dump()), HasSubstr("edited.safetensors")) << name;
  }
}

TEST(Checkpoint, RefusesAnAbsurdConfigurationWithoutTakingMemory) {
  const std::string folder = fresh_folder();
  for (const auto& [name, value] : {std::pair("layers", int64_t{4096}),
                                    {"dim", int64_t{1} << 40},
                                    {"vocab", -1},
                                    {"heads", 3},
                                    {"hidden", int64_t{1} << 22}}) {
    const std::string error =
        edited(folder, [&key = name, &to = value](std::vector<StoredTensor>&, Metadata& metadata) {
          nlohmann::json config = nlohmann::json::parse(metadata["config"]);
          config[key] = to;
          metadata["config"] = config.dump();
        });
    EXPECT_THAT(error, HasSubstr("edited.safetensors")) << name;
  }
}

// As a full disk, for files of this process alone.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_;
  void (*handler_)(int);
};

TEST(Checkpoint, OnAFullDiskLeavesTheOldOneWhole) {
  const std::string folder = fresh_folder(), path = saved(folder), before = *read_text(path);
  Contents newer;
  newer.state.step = 2000;
  for (const rlim_t bytes : {rlim_t{0}, rlim_t{100}, rlim_t{20000}, rlim_t{before.size() - 1}}) {
    Result<> result;
    {
      const FileSizeLimit limit(bytes);
      result = newer.save(path);
    }
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message, HasSubstr("cannot write " + path));
    EXPECT_TRUE(*read_text(path) == before);
    EXPECT_THAT(files_in(folder), ElementsAre("run.safetensors"));
  }
}

}  // namespace
}  // namespace anemone::train
