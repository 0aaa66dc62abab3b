// anemone ane-worker SOCKET: what device/ane/worker.h starts. Not for people, so no help lists it.
#include <memory>

#include "cli/command.h"
#include "device/ane/worker.h"

namespace anemone::cli {

void add_ane_worker(CLI::App& root, Action& action) {
  auto socket = std::make_shared<int>(-1);
  CLI::App* app = root.add_subcommand("ane-worker", "Run programs of another process on the Neural Engine")->group("");
  app->add_option("socket", *socket, "The number of an open socket")->required();
  app->callback([&action, socket] { action = [socket] { return ane::serve_as_worker(*socket); }; });
}

}  // namespace anemone::cli
