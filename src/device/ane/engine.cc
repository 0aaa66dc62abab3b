#include "device/ane/engine.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "device/ane/model.h"
#include "device/ane/worker.h"
#include "mil/engine/rule.h"

namespace anemone::ane {
namespace {

// Of this process, whichever engine asked.
std::atomic<int64_t> compiles = 0;

// How many a process may make; ANEMONE_ANE_COMPILES says otherwise.
int64_t budget() {
  const char* told = std::getenv("ANEMONE_ANE_COMPILES");
  const int64_t number = told == nullptr ? 0 : std::atoll(told);
  return number > 0 ? number : mil::kMostCompiles;
}

// The budget is known roughly: where one of the last compiles is refused, a worker may still succeed. (Programs known
// to work begin anew after 100 of 119.)
bool may_be_spent(int64_t made) { return made >= budget() * 5 / 6; }

}  // namespace

Result<std::shared_ptr<Engine>> Engine::open() {
  static std::mutex opening;
  static std::weak_ptr<Engine> opened;
  const std::lock_guard lock(opening);
  if (std::shared_ptr<Engine> engine = opened.lock()) return engine;
  const Framework* framework = TRY(Framework::open());
  const Pool pool;
  std::shared_ptr<ProgramFolders> folders = TRY(ProgramFolders::open(temporary_folder()));
  auto engine = std::shared_ptr<Engine>(new Engine(*framework, std::move(folders)));
  opened = engine;
  return engine;
}

int64_t Engine::compiles_left() const { return std::max<int64_t>(0, budget() - compiles); }

Result<std::shared_ptr<Loaded>> Engine::load(const EngineProgram& program) {
  const std::lock_guard lock(compiling_);
  std::weak_ptr<Loaded>& kept = programs_[program.key()];
  if (std::shared_ptr<Loaded> loaded = kept.lock(); loaded != nullptr && !loaded->altered()) return loaded;
  std::erase_if(programs_, [&](const auto& entry) { return &entry.second != &kept && entry.second.expired(); });
  std::shared_ptr<Loaded> loaded = TRY(compile(program));
  kept = loaded;
  return loaded;
}

Result<std::shared_ptr<Loaded>> Engine::compile(const EngineProgram& program) {
  if (compiles_left() == 0) return compile_in_worker(program);
  const int64_t before = compiles++;
  Result<std::shared_ptr<Model>> model = Model::create(framework_, *folders_, real_time_, program);
  if (model) return *model;
  if (!may_be_spent(before)) return tl::unexpected(model.error());
  return compile_in_worker(program);
}

Result<std::shared_ptr<Loaded>> Engine::compile_in_worker(const EngineProgram& program) {
  std::shared_ptr<Worker> worker = worker_.lock();
  if (worker == nullptr || !worker->has_compiles_left()) {
    worker = TRY(Worker::start(real_time_));
    worker_ = worker;
  }
  return Worker::load(worker, program);
}

}  // namespace anemone::ane
