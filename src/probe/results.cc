#include "probe/results.h"

#include <array>
#include <set>

#include "base/file.h"
#include "base/json_reader.h"

namespace anemone::probe::results {
namespace {

constexpr size_t kLargestFile = size_t{1} << 26;
constexpr std::array<std::string_view, 4> kOutcomes{"pass", "differs", "unavailable", "fail"};
constexpr std::array<std::string_view, 3> kPrecisions{"fp32", "fp16", "bf16"};

struct Machine {
  std::string cpu, os;
};

void fields(JsonReader& r, Machine& m) {
  r("cpu", m.cpu);
  r("os", m.os);
}

// What is only asked whether it is there.
struct Anything {};

void fields(JsonReader&, Anything&) {}

template <class T>
const T* find_by(const std::vector<T>& list, std::string T::*member, std::string_view value) {
  const auto found = std::ranges::find(list, value, member);
  return found == list.end() ? nullptr : &*found;
}

template <class T>
void check_unique(JsonReader& r, const std::vector<T>& list, std::string T::*member) {
  std::set<std::string_view> seen;
  for (const T& one : list) {
    if (!seen.insert(one.*member).second) r.fail_here(fmt::format("has \"{}\" twice", one.*member));
  }
}

}  // namespace

// Found by the reader where it takes such an object apart.

static void fields(JsonReader& r, Device& d) {
  r("name", d.name);
  r("description", d.description);
  r.one_of("precision", d.precision, kPrecisions);
}

static void fields(JsonReader& r, Published& p) {
  r("machine", p.machine);
  r("answer", p.answer);
  r("source", p.source);
}

static void fields(JsonReader& r, Finding& f) {
  std::optional<Anything> errors, timing;
  std::optional<std::string> figures;
  r("what", f.what);
  r.one_of("outcome", f.outcome, kOutcomes);
  r("answer", f.answer);
  r("why", f.why);
  r("errors", errors);
  r("timing", timing);
  r("published", f.published);
  r.where_present("figures", figures);
  f.measured = errors || timing;
  f.figures = figures.value_or("");
}

static void fields(JsonReader& r, Probe& p) {
  r("name", p.name);
  r("question", p.question);
  r.one_of("outcome", p.outcome, kOutcomes);
  r("findings", p.findings);
  check_unique(r, p.findings, &Finding::what);
}

const Finding* Probe::find(std::string_view wanted) const { return find_by(findings, &Finding::what, wanted); }
const Probe* File::find(std::string_view wanted) const { return find_by(probes, &Probe::name, wanted); }

Result<File> parse(std::string_view text, const std::string& path) {
  if (text.empty()) return fail("{} is empty: the run that should have written it may have failed", path);
  const nlohmann::json document = TRY(parse_json(text, path));
  const bool known = document.is_object() && document.contains("schema") && document["schema"] == kSchema;
  if (!known) return fail("{} holds no answers of probes: give what `anemone probe NAME --json` writes", path);
  File file;
  file.path = path;
  Machine machine;
  JsonReader r(document);
  r("created", file.created);
  r("machine", machine);
  r("device", file.device);
  r("probes", file.probes);
  check_unique(r, file.probes, &Probe::name);
  if (file.probes.empty()) r.fail_here("has no probes");
  if (!r.error().empty()) return fail("{}: {}", path, r.error());
  file.processor = std::move(machine.cpu);
  file.system = std::move(machine.os);
  return file;
}

Result<File> read(const std::string& path) {
  const MappedFile file = TRY(MappedFile::open(path));
  const auto bytes = file.bytes();
  if (bytes.size() > kLargestFile)
    return fail("{} is too large to hold answers of probes: {} bytes", path, bytes.size());
  return parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

}  // namespace anemone::probe::results
