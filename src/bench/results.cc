#include "bench/results.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>
#include <type_traits>

#include "base/file.h"
#include "base/json.h"

namespace anemone::bench::results {
namespace {

using nlohmann::json;

constexpr size_t kLargestFile = size_t{1} << 28;
constexpr size_t kMostConfigurations = 10'000;       // of a benchmark
constexpr int64_t kLargestCount = int64_t{1} << 53;  // every whole number up to it is a double
constexpr std::array<std::string_view, 6> kBenchmarks{"inmem_peak", "inmem_basic", "inmem_bench",
                                                      "sram_bench", "sram_probe",  "int8"};

using Choices = std::span<const std::string_view>;
constexpr std::array<std::string_view, 3> kClocks{"host", "device", "modelled"};
constexpr std::array<std::string_view, 2> kCacheKinds{"data", "unified"};
constexpr std::array<std::string_view, 3> kPrecisions{"fp32", "fp16", "bf16"};
constexpr std::array<std::string_view, 3> kPeaks{"measured", "stated", "unknown"};
constexpr std::array<std::string_view, 2> kForms{"fp16", "w8a8"};
constexpr std::array<std::string_view, 2> kBoundaries{"fp16", "fp32"};
constexpr std::array<std::string_view, 5> kStages{"build", "compile", "load", "check", "run"};

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

// Control characters could steer a terminal or break a line of a table: each becomes a space.
std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return text;
}

// Takes a document apart. The first thing that is not as it should be is the error, with the place where it stands;
// what follows is then passed over.
class Reader {
 public:
  explicit Reader(const json& document) : at_(&document) {}

  // A field: text, a truth, a count or a measure of at least 0, null for what is optional, an array, or an object.
  template <class T>
  void operator()(const char* name, T& value) {
    within(name, [&] { take(value); });
  }
  void positive(const char* name, int64_t& value) {
    within(name, [&] { whole(1, value); });
  }
  void any_number(const char* name, double& value) {
    within(name, [&] { number(std::numeric_limits<double>::lowest(), value); });
  }
  void share(const char* name, double& value) {
    within(name, [&] {
      number(0, value);
      if (value > 1) must_be("at most 1");
    });
  }
  void one_of(const char* name, std::string& value, Choices choices) {
    within(name, [&] {
      take(value);
      if (std::ranges::find(choices, value) == choices.end()) must_be(fmt::format("{}", listed(choices)));
    });
  }
  template <class T>
  void where_present(const char* name, std::optional<T>& value) {
    if (at_->contains(name)) (*this)(name, value.emplace());
  }

  void fail_here(std::string_view what) {
    if (error_.empty()) error_ = path_.empty() ? std::string(what) : fmt::format("{} {}", path_, what);
  }
  const std::string& error() const { return error_; }

 private:
  template <class Take>
  void within(const char* name, const Take& take_it) {
    if (!error_.empty()) return;
    const auto found = at_->find(name);
    if (found == at_->end()) return fail_here(fmt::format("lacks the field \"{}\"", name));
    step_into(*found, path_.empty() ? name : fmt::format(".{}", name), take_it);
  }
  template <class Take>
  void step_into(const json& value, const std::string& step, const Take& take_it) {
    const json* outer = at_;
    const size_t length = path_.size();
    at_ = &value;
    path_ += step;
    take_it();
    at_ = outer;
    path_.resize(length);
  }

  template <class T>
  void take(T& value) {
    if constexpr (std::is_same_v<T, int64_t>) {
      whole(0, value);
    } else if constexpr (std::is_same_v<T, double>) {
      number(0, value);
    } else if constexpr (IsOptional<T>::value) {
      if (!at_->is_null()) take(value.emplace());
    } else if constexpr (IsVector<T>::value) {
      elements(value);
    } else if constexpr (std::is_same_v<T, std::string>) {
      at_->is_string() ? void(value = printable(at_->get<std::string>())) : must_be("text");
    } else if constexpr (std::is_same_v<T, bool>) {
      at_->is_boolean() ? void(value = at_->get<bool>()) : must_be("true or false");
    } else {
      at_->is_object() ? fields(*this, value) : must_be("an object");
    }
  }
  void whole(int64_t least, int64_t& value) {
    if (!read_whole(*at_, least, kLargestCount, value)) must_be(fmt::format("a whole number from {} on", least));
  }
  void number(double least, double& value) {
    if (at_->is_number()) value = at_->get<double>();
    if (!at_->is_number() || value < least) must_be(least == 0 ? "a number from 0 on" : "a number");
  }
  template <class T>
  void elements(std::vector<T>& values) {
    if (!at_->is_array()) return must_be("an array");
    for (size_t i = 0; i < at_->size() && error_.empty(); ++i) {
      step_into((*at_)[i], fmt::format("[{}]", i), [&] { take(values.emplace_back()); });
    }
  }

  static std::string listed(Choices choices) {
    std::string text;
    for (const std::string_view choice : choices) {
      text += fmt::format("{}\"{}\"", text.empty() ? "" : choice == choices.back() ? " or " : ", ", choice);
    }
    return text;
  }
  void must_be(std::string_view what) { fail_here(fmt::format("must be {}", what)); }

  const json* at_;
  std::string path_;  // "benchmarks[0].name"
  std::string error_;
};

void fields(Reader& r, Cache& c) {
  r.positive("level", c.level);
  r.one_of("kind", c.kind, kCacheKinds);
  r.positive("bytes", c.bytes);
}

void fields(Reader& r, Build& b) {
  r("version", b.version);
  r("compiler", b.compiler);
  r("type", b.type);
}

void fields(Reader& r, Machine& m) {
  r("cpu", m.cpu);
  r("cores", m.cores);
  r.positive("threads", m.threads);
  r("caches", m.caches);
  r("memory_bytes", m.memory_bytes);
  r("os", m.os);
  r("build", m.build);
}

void fields(Reader& r, Device& d) {
  r("name", d.name);
  r("description", d.description);
  r.one_of("precision", d.precision, kPrecisions);
  r("peak_flops", d.peak_flops);
  r.one_of("peak", d.peak, kPeaks);
}

void fields(Reader& r, Parameters& p) {
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

void fields(Reader& r, Derived& d) {
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

void fields(Reader& r, Check& c) {
  r("passed", c.passed);
  r.positive("columns", c.columns);
  r("error", c.error);
  r("tolerance", c.tolerance);
}

void fields(Reader& r, Failure& f) {
  r.one_of("stage", f.stage, kStages);
  r("reason", f.reason);
  if (f.reason.empty()) r.fail_here("has no reason");
}

void fields(Reader& r, Configuration& c) {
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

void fields(Reader& r, Segment& s) {
  r.any_number("ms", s.ms);
  r.any_number("ms_per_mib", s.ms_per_mib);
}

void fields(Reader& r, Cliff& c) {
  r("found", c.found);
  r.share("p_value", c.p_value);
  r("break_mib", c.break_mib);
  r("standard_error_mib", c.standard_error_mib);
  r("below", c.below);
  r("above", c.above);
  r.positive("points", c.points);
  r("left_out", c.left_out);
}

void fields(Reader& r, Benchmark& b) {
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

Result<> check_schema(const json& document, const std::string& path) {
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
  const json document = TRY(parse_json(text, path));
  TRY(check_schema(document, path));
  File file;
  file.path = path;
  Reader r(document);
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
