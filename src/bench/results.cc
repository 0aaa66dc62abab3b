#include "bench/results.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>

#include "base/file.h"
#include "base/json_reader.h"

namespace anemone::bench::results {
namespace {

constexpr size_t kLargestFile = size_t{1} << 28;
constexpr size_t kMostConfigurations = 10'000;  // of a benchmark
constexpr std::array<std::string_view, 6> kBenchmarks{"inmem_peak", "inmem_basic", "inmem_bench",
                                                      "sram_bench", "sram_probe",  "int8"};

constexpr std::array<std::string_view, 3> kClocks{"host", "device", "modelled"};
constexpr std::array<std::string_view, 2> kCacheKinds{"data", "unified"};
constexpr std::array<std::string_view, 3> kPrecisions{"fp32", "fp16", "bf16"};
constexpr std::array<std::string_view, 3> kPeaks{"measured", "stated", "unknown"};
constexpr std::array<std::string_view, 2> kForms{"fp16", "w8a8"};
constexpr std::array<std::string_view, 2> kBoundaries{"fp16", "fp32"};
constexpr std::array<std::string_view, 5> kStages{"build", "compile", "load", "check", "run"};

}  // namespace

// Found by the reader where it takes such an object apart.

static void fields(JsonReader& r, Cache& c) {
  r.positive("level", c.level);
  r.one_of("kind", c.kind, kCacheKinds);
  r.positive("bytes", c.bytes);
}

static void fields(JsonReader& r, Build& b) {
  r("version", b.version);
  r("compiler", b.compiler);
  r("type", b.type);
}

static void fields(JsonReader& r, Machine& m) {
  r("cpu", m.cpu);
  r("cores", m.cores);
  r.positive("threads", m.threads);
  r("caches", m.caches);
  r("memory_bytes", m.memory_bytes);
  r("os", m.os);
  r("build", m.build);
}

static void fields(JsonReader& r, Device& d) {
  r("name", d.name);
  r("description", d.description);
  r.one_of("precision", d.precision, kPrecisions);
  r("peak_flops", d.peak_flops);
  r.one_of("peak", d.peak, kPeaks);
}

static void fields(JsonReader& r, Parameters& p) {
  r.positive("channels", p.channels);
  r.positive("height", p.height);
  r.positive("width", p.width);
  r.positive("depth", p.depth);
  r.one_of("form", p.form, kForms);
  r.one_of("boundary", p.boundary, kBoundaries);
  r("package", p.package);
  for (const int64_t extent : {p.channels, p.height, p.width, p.depth}) {
    if (extent > std::numeric_limits<int32_t>::max()) r.fail_here("are too large for a program");
  }
}

static void fields(JsonReader& r, Derived& d) {
  r("median_ms", d.median_ms);
  r("median_low_ms", d.median_low_ms);
  r("median_high_ms", d.median_high_ms);
  r("mean_ms", d.mean_ms);
  r("best_ms", d.best_ms);
  r("tflops", d.tflops);
  r("percent_of_peak", d.percent_of_peak);
  r("gflops_per_mib", d.gflops_per_mib);
  r("library_ms", d.library_ms);
  r("fraction_of_library", d.fraction_of_library);
  r("speedup", d.speedup);
}

static void fields(JsonReader& r, Check& c) {
  r("passed", c.passed);
  r.positive("columns", c.columns);
  r("error", c.error);
  r("tolerance", c.tolerance);
}

static void fields(JsonReader& r, Failure& f) {
  r.one_of("stage", f.stage, kStages);
  r("reason", f.reason);
  if (f.reason.empty()) r.fail_here("has no reason");
}

static void fields(JsonReader& r, Configuration& c) {
  r("label", c.label);
  r("parameters", c.parameters);
  r("flop", c.flop);
  r.positive("weight_bytes", c.weight_bytes);
  r.positive("activation_bytes", c.activation_bytes);
  r("warmups", c.warmups);
  r("times_ns", c.times_ns);
  r("derived", c.derived);
  r("check", c.check);
  r("failure", c.failure);
  const bool timed = c.derived && !c.times_ns.empty();
  if (!timed && !c.failure) r.fail_here("has neither times nor a failure");
}

static void fields(JsonReader& r, Segment& s) {
  r.any_number("ms", s.ms);
  r.any_number("ms_per_mib", s.ms_per_mib);
}

static void fields(JsonReader& r, Cliff& c) {
  r("found", c.found);
  r.share("p_value", c.p_value);
  r("break_mib", c.break_mib);
  r("standard_error_mib", c.standard_error_mib);
  r("below", c.below);
  r("above", c.above);
  r.positive("points", c.points);
  r("left_out", c.left_out);
}

static void fields(JsonReader& r, Benchmark& b) {
  r.one_of("name", b.name, kBenchmarks);
  r("configurations", b.configurations);
  r.where_present("cliff", b.cliff);
  if (b.configurations.size() > kMostConfigurations) {
    r.fail_here(fmt::format("has {} configurations: at most {}", b.configurations.size(), kMostConfigurations));
  }
  std::set<std::string_view> labels;
  for (const Configuration& c : b.configurations) {
    if (!labels.insert(c.label).second) r.fail_here(fmt::format("has the label \"{}\" twice", c.label));
  }
}

namespace {

Result<> check_schema(const nlohmann::json& document, const std::string& path) {
  const bool has_one = document.is_object() && document.contains("schema") && document["schema"].is_string();
  if (!has_one) {
    return fail("{} holds no benchmark's results: give what `anemone bench NAME --json` writes", path);
  }
  const auto schema = document["schema"].get<std::string>();
  if (schema == kSchema) return {};
  return fail("{} is written by the schema \"{}\", and this anemone reads \"{}\": measure again with this one", path,
              schema, kSchema);
}

bool any_name_twice(const File& file) {
  std::set<std::string_view> names;
  return !std::ranges::all_of(file.benchmarks, [&](const Benchmark& b) { return names.insert(b.name).second; });
}

}  // namespace

std::span<const std::string_view> benchmark_names() { return kBenchmarks; }

const Benchmark* File::find(std::string_view name) const {
  const auto found = std::ranges::find(benchmarks, name, &Benchmark::name);
  return found == benchmarks.end() ? nullptr : &*found;
}

Result<File> parse(std::string_view text, const std::string& path) {
  if (text.empty()) return fail("{} is empty: the run that should have written it may have failed", path);
  const nlohmann::json document = TRY(parse_json(text, path));
  TRY(check_schema(document, path));
  File file;
  file.path = path;
  JsonReader r(document);
  r("created", file.created);
  r("machine", file.machine);
  r("device", file.device);
  r.one_of("clock", file.clock, kClocks);
  r("benchmarks", file.benchmarks);
  if (any_name_twice(file)) r.fail_here("has a benchmark twice");
  if (file.benchmarks.empty()) r.fail_here("has no benchmarks");
  if (!r.error().empty()) return fail("{}: {}", path, r.error());
  return file;
}

Result<File> read(const std::string& path) {
  const MappedFile file = TRY(MappedFile::open(path));
  const auto bytes = file.bytes();
  if (bytes.size() > kLargestFile)
    return fail("{} is too large to hold benchmark results: {} bytes", path, bytes.size());
  return parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
}

}  // namespace anemone::bench::results
