// What the device offers, and what becomes of a package on it.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/temporary_folder.h"
#include "mil/package/package.h"
#include "mil/printer.h"
#include "probe/questions/questions.h"
#include "probe/questions/scaled_convolution.h"

namespace anemone::probe {
namespace {

constexpr ScaledConvolution kConvolution{.channels = 1024, .width = 64, .boundary = mil::DType::fp32};
constexpr size_t kShownText = 2000;  // characters, as the seed shows them

std::vector<Fact> files_below(const std::string& folder) {
  std::vector<Fact> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    files.push_back({"files", std::filesystem::relative(entry.path(), folder).string(),
                     fmt::format("{} bytes", entry.file_size())});
  }
  std::ranges::sort(files, {}, &Fact::name);
  return files;
}

std::vector<Fact> lines_of(std::string_view text) {
  std::vector<Fact> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back({"text", std::string(text.substr(begin, end - begin)), ""});
    begin = end + 1;
  }
  return lines;
}

std::vector<Fact> ports(const Signature& signature) {
  std::vector<Fact> facts;
  for (const Port& port : signature.inputs) facts.push_back({"inputs", port.name, to_string(port.type)});
  for (const Port& port : signature.outputs) facts.push_back({"outputs", port.name, to_string(port.type)});
  return facts;
}

// Written as a package and read back, compiled, run.
Result<> follow_package(Inquiry& inquiry) {
  const TemporaryFolder folder = TRY(TemporaryFolder::create());
  const std::string path = folder.path() + "/ane_sram_1024ch_64sp.mlpackage";
  mil::Model model;
  model.program.functions.push_back(TRY(kConvolution.function()));
  TRY(mil::write_model(path, model, kConvolution.weights(2)));
  inquiry.list("the package of a convolution of 1024 channels", files_below(folder.path()));

  const mil::LoadedModel loaded = TRY(mil::read_model(path));
  const mil::Function* const function = TRY(mil::find_function(loaded.model, ""));
  inquiry.list("its program", lines_of(std::string_view(mil::print(*function)).substr(0, kShownText)));
  Trial trial = TRY(Trial::create(inquiry.device(), *function, loaded.weights));
  inquiry.list("compiled from text and weights", ports(trial.signature()));
  return inquiry.check(trial, kConvolution.check("run: y = 2x", 2));
}

Result<> ask(Inquiry& inquiry) {
  std::vector<Fact> facts = inquiry.device().facts();
  if (facts.empty()) return fail("the device tells nothing of itself");
  inquiry.list("what the device tells of itself", std::move(facts));
  inquiry.part("package", [&] { return follow_package(inquiry); });
  return {};
}

}  // namespace

Probe api() {
  return {.name = "api",
          .question = "What does the device offer?",
          .method =
              "lists what it tells of itself; writes a convolution of 1024 channels as a package, reads it back, "
              "compiles and runs it",
          .reference = "y = 2x",
          .ask = ask};
}

}  // namespace anemone::probe
