// anemone: exit 0 on success, 1 on a failed run, 2 on bad usage; errors on stderr as `anemone: what: what to do`.
#include <cstdio>

#include "cli/command.h"

int main(int argc, char** argv) {
  using namespace anemone;
  CLI::App app{"Train transformers on Apple's Neural Engine, and run the same programs anywhere."};
  app.name("anemone");
  app.require_subcommand(1);
  cli::Action action;
  cli::add_data(app, action);
  cli::add_model(app, action);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "anemone: {}: try `anemone --help`\n", error.what());
    return 2;
  }
  const Result<> result = action();
  if (result) return 0;
  fmt::print(stderr, "anemone: {}\n", result.error().message);
  return 1;
}
