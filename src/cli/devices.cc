// anemone devices: where programs can run.
#include <memory>

#include "base/json.h"
#include "cli/command.h"
#include "device/device.h"

namespace anemone::cli {
namespace {

Result<> devices(bool as_json) {
  nlohmann::json list = nlohmann::json::array();
  for (const std::string& name : device_names()) {
    const Result<std::unique_ptr<Device>> device = open_device(name);
    const std::string description = device ? (*device)->info().description : "unavailable: " + device.error().message;
    list.push_back({{"name", name}, {"description", description}, {"available", device.has_value()}});
    if (!as_json) fmt::print("{:<14}{}\n", name, description);
  }
  if (as_json) fmt::print("{}\n", list.dump(2));
  return {};
}

}  // namespace

void add_devices(CLI::App& root, Action& action) {
  auto as_json = std::make_shared<bool>(false);
  CLI::App* app = root.add_subcommand("devices", "List where programs can run");
  app->add_flag("--json", *as_json, "For machines");
  app->footer("Example: anemone devices");
  app->callback([&action, as_json] { action = [as_json] { return devices(*as_json); }; });
}

}  // namespace anemone::cli
