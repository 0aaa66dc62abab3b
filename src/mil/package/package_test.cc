#include "mil/package/package.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "mil/blob.h"
#include "mil/builder.h"
#include "mil/parser.h"
#include "mil/printer.h"

namespace anemone::mil {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kGolden = ANEMONE_SOURCE_DIR "/tests/golden/package/";

class Package : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / fmt::format("anemone_package_test-{}", getpid());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void write(const std::string& name, std::string_view text) const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  std::vector<std::string> names(const std::string& below = "") const {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / below)) {
      if (entry.is_regular_file()) found.push_back(entry.path().lexically_relative(folder_).generic_string());
    }
    std::ranges::sort(found);
    return found;
  }

  fs::path folder_;
};

std::string error(const auto& result) { return result ? "" : result.error().message; }

// The bytes of each weight, by function and by the operation and parameter that use it.
std::map<std::string, Tensor> all_weights(const LoadedModel& loaded) {
  std::map<std::string, Tensor> weights;
  for (const Function& function : loaded.model.program.functions) {
    const auto add = [&](const std::string& use, ValueId id) {
      const ValueInfo& value = function.value(id);
      if (value.blob) weights[function.name + ' ' + use] = *loaded.weights.find(*value.blob, value.type);
    };
    for (const Operation& operation : function.operations) {
      for (ValueId id : operation.results) add(operation.name, id);
      for (const Argument& argument : operation.arguments)
        add(operation.name + ' ' + argument.name, argument.values[0]);
    }
  }
  return weights;
}

// Two functions that share a weight, and one weight more.
Program two_functions() {
  const auto function = [](const std::string& name, int64_t rows) {
    Builder b(name);
    const Value x = b.input("x", {DType::fp16, {rows, 3}});
    const Value shared = b.weight("shared", {DType::fp16, {3, 5}});
    const Value own = b.weight(name, {DType::fp16, {5, 7}});
    b.output("y", matmul(matmul(x, shared), own));
    return *b.finish();
  };
  return {.functions = {function("first", 1), function("second", 2)}};
}

Weights weights_of(const Program& program) {
  Weights weights;
  double seed = 0;
  for (const Function& function : program.functions) {
    for (const ValueInfo& value : function.values) {
      if (!value.blob || weights.find(*value.blob, value.type)) continue;
      std::vector<double> numbers;
      for (int64_t i = 0; i < value.type.count(); ++i) numbers.push_back(std::sin(++seed));
      weights.set(*value.blob, Tensor::from_numbers(value.type, numbers));
    }
  }
  return weights;
}

// The data of the constant of that name.
Tensor weight(const Function& function, const Weights& weights, const std::string& name) {
  const auto value = std::ranges::find(function.values, name, &ValueInfo::name);
  return *weights.find(*value->blob, value->type);
}

TEST_F(Package, ComesBackWithItsWeightsBitForBit) {
  const Model model = *describe(two_functions());
  const Weights weights = weights_of(model.program);
  for (const std::string name : {"m.mlpackage", "m.mlmodel", "m.mil"}) {
    ASSERT_EQ(error(write_model(path(name), model, weights)), "");
    const auto back = read_model(path(name));
    ASSERT_EQ(error(back), "");
    if (name != "m.mil") {
      EXPECT_EQ(back->model.default_function, "first");
      EXPECT_EQ(back->model.interfaces, model.interfaces);
    }
    for (const Function& function : model.program.functions) {
      const Function& found = *back->model.program.function(function.name);
      ASSERT_EQ(found.operations.size(), function.operations.size());
      for (const std::string& constant : {std::string("shared"), function.name}) {
        EXPECT_EQ(weight(found, back->weights, constant), weight(function, weights, constant)) << constant;
      }
    }
  }
  EXPECT_THAT(names(), ElementsAre("m.mil", "m.mlmodel", "m.mlpackage/Data/com.apple.CoreML/model.mlmodel",
                                   "m.mlpackage/Data/com.apple.CoreML/weights/weight.bin", "m.mlpackage/Manifest.json",
                                   "weights/m.bin"));
  EXPECT_EQ(fs::file_size(path("weights/m.bin")), 64u + 128 + 2 * 192) << "the shared weight is written once";
}

TEST_F(Package, TheSameModelGivesTheSameFiles) {
  const Model model = *describe(two_functions());
  for (const char* name : {"a.mlpackage", "b.mlpackage/"}) {
    ASSERT_EQ(error(write_model(path(name), model, weights_of(model.program))), "");
  }
  for (const std::string file : {"Manifest.json", "Data/com.apple.CoreML/model.mlmodel"}) {
    EXPECT_EQ(*read_text(path("a.mlpackage/" + file)), *read_text(path("b.mlpackage/" + file)));
  }
}

TEST_F(Package, ReplacesAPackageAndNothingElse) {
  const Model model = *describe(two_functions());
  const Weights weights = weights_of(model.program);
  write("m.mlpackage/Manifest.json", "old");
  write("m.mlpackage/old", "old");
  ASSERT_EQ(error(write_model(path("m.mlpackage"), model, weights)), "");
  EXPECT_THAT(names(),
              ElementsAre("m.mlpackage/Data/com.apple.CoreML/model.mlmodel",
                          "m.mlpackage/Data/com.apple.CoreML/weights/weight.bin", "m.mlpackage/Manifest.json"));
  write("home.mlpackage/precious", "kept");
  EXPECT_THAT(error(write_model(path("home.mlpackage"), model, weights)), HasSubstr("is there and is no package"));
  EXPECT_THAT(names("home.mlpackage"), ElementsAre("home.mlpackage/precious"));
  EXPECT_THAT(error(write_model(path("model.onnx"), model, weights)), HasSubstr("the extension tells the format"));
}

TEST_F(Package, LeavesNothingAfterAnError) {
  const Model model = *describe(two_functions());
  EXPECT_THAT(error(write_model(path("m.mlpackage"), model, {})), HasSubstr("shared.bin at offset 64 is missing"));
  EXPECT_THAT(error(write_model(path("no/such/m.mlmodel"), model, {})), HasSubstr("is missing"));
  write("file", "");
  EXPECT_THAT(error(write_model(path("file/m.mlpackage"), model, weights_of(model.program))), HasSubstr("cannot make"));
  EXPECT_THAT(names(), ElementsAre("file"));
}

TEST_F(Package, FindsModelsOfEachKind) {
  write("c.mlmodelc/model.mil", "program(1.3)");
  const auto compiled = find_model(path("c.mlmodelc"));
  EXPECT_EQ(compiled->kind, ModelFiles::Kind::compiled);
  EXPECT_EQ(compiled->program, path("c.mlmodelc/model.mil"));
  EXPECT_EQ(compiled->folder, path("c.mlmodelc"));
  EXPECT_THAT(error(read_model(path("c.mlmodelc"))), HasSubstr("model.mil:1:13: expected"));
  write("p.mlmodelc/model0/model.mil", "");
  EXPECT_THAT(error(find_model(path("p.mlmodelc"))), HasSubstr("is a pipeline"));
  write("empty/x", "");
  EXPECT_THAT(error(find_model(path("empty"))), HasSubstr("neither a Manifest.json nor a model.mil"));
  EXPECT_THAT(error(find_model(path("nothing"))), HasSubstr("there is no "));
  write("m.mlmodel", "");
  EXPECT_EQ(find_model(path("m.mlmodel"))->folder, folder_.string());
}

TEST_F(Package, HostileManifestsAreRefused) {
  const auto refused = [&](std::string_view manifest) {
    write("m.mlpackage/Manifest.json", manifest);
    return error(find_model(path("m.mlpackage")));
  };
  const auto item = [&](const std::string& id, const std::string& name, const std::string& at) {
    return fmt::format(R"("{}": {{"name": "{}", "path": "{}"}})", id, name, at);
  };
  const auto manifest = [&](const std::string& items) {
    return fmt::format(R"({{"itemInfoEntries": {{{}}}, "rootModelIdentifier": "A"}})", items);
  };
  EXPECT_THAT(refused("{"), HasSubstr("Manifest.json is not valid JSON"));
  EXPECT_THAT(refused("[]"), HasSubstr("it has no itemInfoEntries"));
  EXPECT_THAT(refused(R"({"itemInfoEntries": {}})"), HasSubstr("it has no rootModelIdentifier"));
  EXPECT_THAT(refused(manifest("")), HasSubstr("no item A with a path"));
  EXPECT_THAT(refused(manifest(R"("A": {"path": 1})")), HasSubstr("no item A with a path"));
  for (const char* at : {"/etc/passwd", "../x", "a/../../x", ""}) {
    EXPECT_THAT(refused(manifest(item("A", "m", at))), HasSubstr("leaves the package")) << at;
    EXPECT_THAT(refused(manifest(item("A", "m", "m.mlmodel") + ", " + item("B", "weights", at))),
                HasSubstr("leaves the package"));
  }
  ASSERT_EQ(refused(manifest(item("A", "m", "a/m.mlmodel") + ", " + item("B", "weights", "b/weights"))), "");
  const auto files = find_model(path("m.mlpackage"));
  EXPECT_EQ(files->program, path("m.mlpackage/Data/a/m.mlmodel"));
  EXPECT_EQ(files->folder, path("m.mlpackage/Data/b"));
}

TEST_F(Package, AReadProgramIsChecked) {
  Program program = two_functions();
  const Weights weights = weights_of(program);
  program.functions[1].values[0].type.shape = {2, 4};
  ASSERT_EQ(error(write_model(path("m.mlpackage"), *describe(program), weights)), "");
  EXPECT_THAT(error(read_model(path("m.mlpackage"))), HasSubstr("model.mlmodel: function second: matmul: "));
}

// ---- Files that others made.

TEST_F(Package, AHandMadeModelIsRead) {
  const auto file = MappedFile::open(kGolden + "handmade.mlmodel");
  const auto model = decode_model(file->bytes(), "handmade");
  ASSERT_EQ(error(model), "");
  EXPECT_EQ(print(model->program), *read_text(kGolden + "handmade.mil"));
  EXPECT_EQ(model->program, *parse(*read_text(kGolden + "handmade.mil")));
  EXPECT_EQ(model->metadata, (Metadata{"what", "2.0", "who", "free", {{"k", "v"}}}));
  const Interface& main = model->interfaces.at("main");
  EXPECT_EQ(main.inputs[0], (Feature{.name = "x",
                                     .dtype = DType::fp16,
                                     .shape = {1, 3, 4},
                                     .ranges = {{1, 1}, {1, kUnknown}, {4, 4}},
                                     .description = "the x"}));
  EXPECT_EQ(main.outputs[1],
            (Feature{.name = "scaled", .kind = Feature::Kind::image, .shape = {32, 64}, .description = "the scaled"}));
  EXPECT_EQ(main.states[0].shape, (Shape{1, 8}));
}

// Where in which file weights stand is the writer's choice.
Program without_places(Program program) {
  for (Function& function : program.functions) {
    for (ValueInfo& value : function.values) {
      if (value.blob) value.blob = BlobReference{};
    }
  }
  return program;
}

// What is read, written and read again is the same, with the same weights.
void expect_round_trip(const LoadedModel& loaded, const std::string& path) {
  ASSERT_EQ(error(write_model(path, loaded.model, loaded.weights)), "");
  const auto back = read_model(path);
  ASSERT_EQ(error(back), "");
  EXPECT_EQ(print(without_places(back->model.program)), print(without_places(loaded.model.program)));
  EXPECT_EQ(without_places(back->model.program), without_places(loaded.model.program));
  EXPECT_EQ(back->model.interfaces, loaded.model.interfaces);
  EXPECT_EQ(back->model.metadata, loaded.model.metadata);
  EXPECT_EQ(all_weights(*back), all_weights(loaded));
}

TEST_F(Package, PackagesOfCoremltoolsAreRead) {
  for (const std::string name : {"layers15", "flexible17", "functions18"}) {
    const auto loaded = read_model(kGolden + name + ".mlpackage");
    ASSERT_EQ(error(loaded), "");
    EXPECT_EQ(print(loaded->model.program), *read_text(kGolden + name + ".mil"));
    EXPECT_EQ(loaded->model.program, *parse(*read_text(kGolden + name + ".mil")));
    expect_round_trip(*loaded, path(name + ".mlpackage"));
  }
}

TEST_F(Package, WhatCoremltoolsSaysOfAModelIsRead) {
  const Model flexible = read_model(kGolden + "flexible17.mlpackage")->model;
  EXPECT_EQ(flexible.metadata.author, "anemone");
  EXPECT_EQ(flexible.metadata.user_defined.at("key"), "value");
  EXPECT_THAT(flexible.interfaces.at("main").inputs[0].ranges,
              ElementsAre(SizeRange{1, 1}, SizeRange{1, 64}, SizeRange{4, 4}));
  const LoadedModel functions = *read_model(kGolden + "functions18.mlpackage");
  EXPECT_EQ(functions.model.default_function, "first");
  EXPECT_EQ(functions.model.interfaces.at("second").inputs[0].shape, (Shape{2, 4}));
  const Function& second = *functions.model.program.function("second");
  const std::vector<double> numbers = weight(second, functions.weights, "y_y_0").numbers();
  for (int i = 0; i < 16; ++i) EXPECT_EQ(numbers.at(size_t(i)), i);
}

// Constants stored compressed: in ios16 their operands are attributes, in ios18 inputs, written in place.
TEST_F(Package, CompressedConstantsOfCoremltoolsAreRead) {
  const std::pair<std::string, std::string> packages[] = {{"compressed16", "constexpr_lut_to_dense"},
                                                          {"state18", "constexpr_blockwise_shift_scale"}};
  for (const auto& [name, op] : packages) {
    const auto loaded = read_model(kGolden + name + ".mlpackage");
    if (find_op(op) == nullptr) {
      EXPECT_THAT(error(loaded), HasSubstr("function main: operation 0: there is no op \"constexpr_"));
      continue;
    }
    ASSERT_EQ(error(loaded), "");
    expect_round_trip(*loaded, path(name + ".mlpackage"));
  }
}

}  // namespace
}  // namespace anemone::mil
