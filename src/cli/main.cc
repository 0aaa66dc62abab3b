// anemone: exit 0 on success, 1 on a failed run, 2 on bad usage; errors on stderr as `anemone: what: what to do`.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "base/cpu_target.h"
#include "cli/command.h"

namespace {

// Under the name of one of the seed's programs (a link beside the binary), the arguments are those of
// `anemone train --preset NAME`.
std::vector<std::string> arguments(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  const std::string name = std::filesystem::path(argv[0]).filename().string();
  if (name == "train_large" || name == "train_large_ane") words.insert(words.begin(), {"train", "--preset", name});
  return {words.rbegin(), words.rend()};  // as CLI11 wants them
}

// GNU's OpenMP lets waiting threads spin for so long that a step takes many times as long once another process wants a
// core. It reads its bound before main begins, so a process with work to do starts itself anew; where that fails, all
// works as well. One whose threads are bound to cores stays, since the new one would inherit the first thread's.
void bound_spinning([[maybe_unused]] char** argv) {
#ifdef __GLIBC__
  for (const char* choice : {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY"}) {
    if (std::getenv(choice) != nullptr) return;
  }
  setenv("GOMP_SPINCOUNT", "10000", 1);
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) execv(self.c_str(), argv);
#endif
}

int failed(const anemone::Error& error, int code) {
  fmt::print(stderr, "anemone: {}\n", error.message);
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace anemone;
  CLI::App app{"Train transformers on Apple's Neural Engine, and run the same programs anywhere."};
  app.name("anemone");
  app.require_subcommand(1);
  cli::Action action;
  cli::add_train(app, action);
  cli::add_dashboard(app, action);
  cli::add_data(app, action);
  cli::add_eval(app, action);
  cli::add_generate(app, action);
  cli::add_model(app, action);
  cli::add_mil(app, action);
  cli::add_bench(app, action);
  cli::add_probe(app, action);
  cli::add_devices(app, action);
  cli::add_ane_worker(app, action);
  try {
    app.parse(arguments(argc, argv));
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "anemone: {}: try `anemone --help`\n", error.what());
    return 2;
  }
  if (const Result<> capped = cap_cpu_target_by_environment(); !capped) return failed(capped.error(), 2);
  bound_spinning(argv);
  const Result<> result = action();
  return result ? 0 : failed(result.error(), 1);
}
