// Networks that coremltools made of PyTorch's, run here, against PyTorch's outputs. tests/parity/coreml/make.py wrote
// them.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "device/execute.h"
#include "mil/npy.h"
#include "mil/package/package.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;

const fs::path kModels = ANEMONE_SOURCE_DIR "/tests/parity/coreml";

// Compressed models have a dense twin rather than PyTorch's outputs.
std::vector<std::string> model_names(bool compressed) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kModels)) {
    if (!entry.is_directory() || fs::exists(entry.path() / "dense.mlpackage") != compressed) continue;
    names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

// The outputs of a package, given the arrays of `folder`/in.
Result<Execution> run(const std::string& device, const fs::path& folder, const std::string& package) {
  const mil::LoadedModel model = TRY(mil::read_model((folder / package).string()));
  const mil::Function& function = *TRY(mil::find_function(model.model, ""));
  std::vector<mil::Tensor> inputs;
  for (mil::ValueId id : function.inputs) {
    inputs.push_back(TRY(mil::read_npy((folder / "in" / (function.value(id).name + ".npy")).string())));
  }
  const auto opened = TRY(open_device(device, {.precision = Precision::fp16}));
  return execute(*opened, function, model.weights, inputs);
}

class CoreMLModel : public testing::TestWithParam<std::string> {
 protected:
  const fs::path folder_ = kModels / GetParam();
};
using CompressedCoreMLModel = CoreMLModel;

TEST_P(CoreMLModel, GivesPyTorchsOutputsOnEachDevice) {
  const mil::LoadedModel model = *mil::read_model((folder_ / "model.mlpackage").string());
  const mil::Function& function = **mil::find_function(model.model, "");
  const bool halves = std::ranges::any_of(
      function.values, [](const mil::ValueInfo& value) { return value.type.dtype == mil::DType::fp16; });
  for (const std::string& device : host_device_names()) {
    if (!open_device(device)) continue;
    const auto execution = run(device, folder_, "model.mlpackage");
    ASSERT_TRUE(execution) << execution.error().message;
    for (size_t i = 0; i < execution->outputs.size(); ++i) {
      const std::string& name = function.value(function.outputs[i]).name;
      const mil::Tensor expected = *mil::read_npy((folder_ / "out" / (name + ".npy")).string());
      ASSERT_EQ(execution->outputs[i].type().shape, expected.type().shape) << name;
      const Difference d = difference(execution->outputs[i], expected);
      EXPECT_LE(d.largest, (halves ? 2e-3 : 1e-6) * d.magnitude) << name << " on " << device << " at " << d.at;
    }
  }
}

TEST_P(CompressedCoreMLModel, GivesWhatItsDenseTwinGivesBitForBit) {
  for (const std::string& device : host_device_names()) {
    if (!open_device(device)) continue;
    const auto compressed = run(device, folder_, "model.mlpackage"), dense = run(device, folder_, "dense.mlpackage");
    ASSERT_TRUE(compressed && dense);
    ASSERT_EQ(compressed->outputs.size(), dense->outputs.size());
    for (size_t i = 0; i < dense->outputs.size(); ++i) EXPECT_EQ(compressed->outputs[i], dense->outputs[i]) << device;
  }
}

constexpr auto kName = [](const auto& info) { return info.param; };
INSTANTIATE_TEST_SUITE_P(Plain, CoreMLModel, testing::ValuesIn(model_names(false)), kName);
INSTANTIATE_TEST_SUITE_P(Compressed, CompressedCoreMLModel, testing::ValuesIn(model_names(true)), kName);

}  // namespace
}  // namespace anemone
