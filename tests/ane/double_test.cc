// The double is strict: what Apple's framework would not bear ends the process with a sentence.
#include <cmath>

#include "device/ane/foundation.h"
#include "device/ane/framework.h"
#include "device/ane/io_surface.h"
#include "device/ane/program_folder.h"
#include "double_control.h"

namespace anemone::ane {
namespace {

using anemone::ane_double;

constexpr uint32_t kQuality = 21;

class AneDouble : public WithDouble {
 protected:
  void SetUp() override {
    WithDouble::SetUp();
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    framework_ = Framework::open().value();
  }
  void TearDown() override {
    device_.reset();
    static_cast<void>(open_device("ane"));  // takes away what the dead left
    WithDouble::TearDown();
  }
  // Of a program, whose files stand nowhere.
  Id model() const {
    const std::string text = "program(1.0) {}";
    const Id descriptor =
        framework_->describe.of_class(data_of(std::as_bytes(std::span(text))), dictionary_of({}), nullptr).value();
    return framework_->make_model.of_class(descriptor).value();
  }
  // Of a program written where it belongs.
  std::string error_of_compiling(const std::string& text) const {
    const Pool pool;
    const Id data = data_of(std::as_bytes(std::span(text)));
    const Id descriptor = framework_->describe.of_class(data, dictionary_of({}), nullptr).value();
    const Id model = framework_->make_model.of_class(descriptor).value();
    const auto folders = ProgramFolders::open(temporary_folder()).value();
    const auto folder =
        folders->create(text_of(framework_->identifier(model).value()), {{"model.mil", std::as_bytes(std::span(text))}})
            .value();
    Id error = nullptr;
    return framework_->compile(model, kQuality, framework_->no_options(), &error).value() != 0 ? "" : error_text(error);
  }
  const Framework* framework_ = nullptr;
};
using AneDoubleDeathTest = AneDouble;

TEST_F(AneDoubleDeathTest, WantsDataAndDictionaries) {
  const Pool pool;
  EXPECT_DEATH(framework_->describe.of_class(string_of("x"), dictionary_of({}), nullptr).value(),
               "the text of a program is a .*String, not a NSData");
  EXPECT_DEATH(framework_->describe.of_class(data_of({}), nullptr, nullptr).value(), "the weights of a program is nil");
}

TEST_F(AneDoubleDeathTest, WantsCallsInOrder) {
  const Pool pool;
  const Id options = framework_->no_options();
  Id error = nullptr;
  EXPECT_DEATH(framework_->load(model(), kQuality, options, &error).value(), "loaded that is not compiled");
  EXPECT_DEATH(framework_->unload(model(), kQuality, &error).value(), "unloaded that is not loaded");
  EXPECT_DEATH(framework_->evaluate(model(), kQuality, options, nullptr, &error).value(), "the request is nil");
  EXPECT_DEATH(framework_->compile(model(), 64, options, &error).value(), "with quality 64");
  EXPECT_DEATH(framework_->compile(model(), kQuality, nullptr, &error).value(), "options is nil");
}

TEST_F(AneDouble, WantsFilesWhereTheyBelong) {
  const Pool pool;
  Id error = nullptr;
  EXPECT_EQ(framework_->compile(model(), kQuality, framework_->no_options(), &error).value(), 0);
  EXPECT_THAT(error_text(error), testing::HasSubstr("there is no file model.mil"));
}

TEST_F(AneDoubleDeathTest, KnowsTheDead) {
  const auto use_after_release = [] {
    Id data = nullptr;
    {
      const Pool pool;
      data = data_of({});
    }
    send<uint64_t>(data, "length");
  };
  EXPECT_DEATH(use_after_release(), "");
  EXPECT_DEATH(framework_->wrap.of_class(framework_->no_options()).value(), "freed, or never was one");
}

TEST_F(AneDoubleDeathTest, KeepsSurfacesOutOfReachUnlessLocked) {
  auto surface = IoSurface::create(64).value();
  std::byte* bytes = nullptr;
  {
    const Map map = surface->map(Access::read);
    bytes = map.bytes().data();
    EXPECT_EQ(bytes[0], std::byte{});
    EXPECT_DEATH(*const_cast<volatile std::byte*>(bytes) = std::byte{1}, "");  // locked for reading alone
  }
  EXPECT_DEATH(static_cast<void>(*const_cast<volatile std::byte*>(bytes)), "");
}

TEST_F(AneDoubleDeathTest, RunsNothingOnASurfaceThatIsBeingWritten) {
  const Doubling doubling;
  const auto run_while_mapped = [&] {
    const auto program = device().compile(doubling.function, doubling.weights).value();
    Bound bound(device(), *program);
    const auto request = program->bind(bound.in(), bound.out()).value();
    const Map map = bound.inputs[0]->map(Access::write);
    static_cast<void>(request->run());
  };
  EXPECT_DEATH(run_while_mapped(), "locked for writing while a program runs on it");
}

// What no program writes is no number: a result that is missing or stale cannot pass for one.
TEST_F(AneDouble, PoisonsWhatNobodyHasWritten) {
  const Doubling doubling;
  const auto program = device().compile(doubling.function, doubling.weights).value();
  Bound bound(device(), *program);
  fill(*bound.inputs[0], 3, 256);
  const auto run_with = [&](uint32_t procedure) {
    return program->bind(bound.in(), bound.out(), {.procedure = procedure}).value()->run().has_value();
  };
  EXPECT_TRUE(run_with(0));
  EXPECT_EQ(at(*bound.outputs[0], 255), 6);
  EXPECT_FALSE(run_with(16));
  for (int i : {0, 255}) EXPECT_TRUE(std::isnan(at(*bound.outputs[0], i)));
  const auto surface = IoSurface::create(100).value();
  const Map map = surface->map(Access::read);
  EXPECT_EQ(map.bytes()[99], std::byte{});
  EXPECT_EQ(map.bytes().data()[100], std::byte{0xFF}) << "behind what the device has cleared";
}

TEST_F(AneDouble, RefusesNarrowRows) {
  const std::string text = R"(program(1.3) { func main<ios18>(tensor<fp16, [1, 8, 1, 16]> x) {
    tensor<fp16, [1, 8, 1, 16]> y = tanh(x = x)[name = string("y")]; } -> (y); })";
  EXPECT_THAT(error_of_compiling(text), testing::HasSubstr("port x has rows of 16 elements"));
}

TEST_F(AneDouble, CountsCompiles) {
  ane_double().set_budget(1);
  EXPECT_EQ(run_once(device(), Doubling(31)).value_or(-1), 93);
  const Result<double> refused = run_once(device(), Doubling(32));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("too many programs"));
}

}  // namespace
}  // namespace anemone::ane
