#include "double_control.h"

#include <dlfcn.h>

#include <cstdlib>

#include "base/half.h"

namespace anemone {
namespace {

namespace fs = std::filesystem;

// Memory, where there is such a folder: programs are many small files.
fs::path parent() { return fs::is_directory("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path(); }

// Set before anything opens the device: this process and those that it starts use the double, in a folder of their own,
// and may compile as much as they like unless a test says otherwise.
const fs::path& temporary() {
  constexpr const char* kGiven = "ANE_TEST_FOLDER";  // by the process that started this one
  static const fs::path folder = [] {
    if (const char* given = std::getenv(kGiven)) return fs::path(given);
    std::string pattern = (parent() / "ane_test_XXXXXX").string();
    const fs::path made = mkdtemp(pattern.data());
    setenv(kGiven, made.c_str(), 1);
    setenv("TMPDIR", made.c_str(), 1);
    setenv("ANEMONE_ANE_FRAMEWORK", ANEMONE_ANE_DOUBLE, 1);
    setenv("ANEMONE_ANE_COMPILES", "1000000", 1);
    setenv("ANEMONE_ANE_DOUBLE_COMPILES", "1000000", 1);
    std::atexit([] { fs::remove_all(std::getenv(kGiven)); });
    return made;
  }();
  return folder;
}

template <class Function>
void find(void* library, Function& function, const char* name) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  if (function == nullptr) std::abort();
}

Double look_up() {
  temporary();
  void* library = dlopen(ANEMONE_ANE_DOUBLE, RTLD_NOW);
  if (library == nullptr) std::abort();
  Double found{};
  find(library, found.reset, "ane_double_reset");
  find(library, found.fail, "ane_double_fail");
  find(library, found.calls, "ane_double_calls");
  find(library, found.call, "ane_double_call");
  find(library, found.live, "ane_double_live");
  find(library, found.compiles, "ane_double_compiles");
  find(library, found.set_budget, "ane_double_set_budget");
  find(library, found.set_statistics, "ane_double_set_statistics");
  find(library, found.set_entitled, "ane_double_set_entitled");
  find(library, found.set_computing, "ane_double_set_computing");
  return found;
}

std::vector<Surface*> pointers(const std::vector<std::unique_ptr<Surface>>& surfaces) {
  std::vector<Surface*> all;
  for (const auto& surface : surfaces) all.push_back(surface.get());
  return all;
}

}  // namespace

const Double& ane_double() {
  static const Double found = look_up();
  return found;
}

std::set<std::string> left_behind() {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(temporary())) {
    const std::string name = entry.path().filename().string();
    const bool is_tests_own = name.starts_with("anemone_");
    if (!name.ends_with(".lock") && !is_tests_own) names.insert(name);
  }
  return names;
}

void WithDouble::SetUp() {
  ane_double().reset();
  auto opened = open_device("ane");
  ASSERT_TRUE(opened) << opened.error().message;
  device_ = std::move(*opened);
}

void WithDouble::TearDown() {
  device_.reset();
  EXPECT_EQ(ane_double().live(nullptr), 0);
  EXPECT_THAT(left_behind(), testing::IsEmpty());
}

Doubling::Doubling(double factor) {
  mil::Builder b;
  const mil::TensorType type{mil::DType::fp16, {1, 8, 1, 32}};
  const mil::Value x = b.input("x", type);
  const mil::Value w = b.weight("factor", type);
  b.output("y", x * w);
  function = b.finish().value();
  const std::vector<double> values(size_t(type.count()), factor);
  weights.set(mil::weight_file("factor"), mil::Tensor::from_numbers(type, values));
}

Bound::Bound(Device& device, const Program& program) {
  for (const Port& port : program.signature().inputs) inputs.push_back(device.allocate(port.type.bytes()).value());
  for (const Port& port : program.signature().outputs) outputs.push_back(device.allocate(port.type.bytes()).value());
}
std::vector<Surface*> Bound::in() const { return pointers(inputs); }
std::vector<Surface*> Bound::out() const { return pointers(outputs); }

void fill(Surface& surface, double value, int64_t count) {
  const Map map = surface.map(Access::write);
  for (int64_t i = 0; i < count; ++i) mil::store_number(mil::DType::fp16, map.bytes().data(), i, value);
}

double at(Surface& surface, int64_t i) {
  const Map map = surface.map(Access::read);
  return mil::load_number(mil::DType::fp16, map.bytes().data(), i);
}

Result<double> run_once(Device& device, const Doubling& doubling, const RequestOptions& options) {
  const std::unique_ptr<Program> program = TRY(device.compile(doubling.function, doubling.weights));
  std::unique_ptr<Surface> x = TRY(device.allocate(512)), y = TRY(device.allocate(512));
  fill(*x, 3, 256);
  const std::unique_ptr<Request> request = TRY(program->bind({x.get()}, {y.get()}, options));
  TRY(request->run());
  return at(*y, 255);
}

}  // namespace anemone
