#include "bench/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "bench/report_html.h"
#include "bench/report_parts.h"

namespace anemone::bench {
namespace {

struct About {
  std::string_view benchmark, text;
};
constexpr About kAbout[] = {
    {"inmem_peak", "Chains of 1×1 convolutions: how near to its peak the device comes."},
    {"inmem_basic", "One convolution, from a package."},
    {"inmem_bench", "One convolution, more channels each time."},
    {"sram_bench", "One convolution whose weights outgrow the memory near the engine."},
    {"sram_probe", "The same in finer steps: where time starts to grow faster."},
    {"int8",
     "Chains in FP16 and W8A8: int8 weights, and activations to int8 and back between the layers. In the charts, "
     "W8A8 has hollow markers."}};

std::string_view about(std::string_view benchmark) {
  return std::ranges::find(kAbout, benchmark, &About::benchmark)->text;
}

bool any_has(std::span<const Reported> files, std::string_view benchmark) {
  return std::ranges::any_of(files, [&](const Reported& f) { return f.file->find(benchmark) != nullptr; });
}

int64_t failures_of(std::span<const Reported> files, std::string_view name) {
  int64_t count = 0;
  for (const Reported& f : files) {
    const results::Benchmark* benchmark = f.file->find(name);
    if (benchmark == nullptr) continue;
    count += std::ranges::count_if(benchmark->configurations, [](const auto& c) { return c.failure.has_value(); });
  }
  return count;
}

std::string failed(int64_t count) {
  return count == 0 ? ""
                    : fmt::format("<p class=\"bad\">{} failed: the table says why.</p>\n",
                                  count == 1 ? "One configuration" : fmt::format("{} configurations", count));
}

std::string section(std::span<const Reported> files, std::string_view name) {
  return fmt::format("<section>\n<h2 id=\"{0}\">{0}</h2>\n<p>{1}</p>\n", name, about(name)) +
         failed(failures_of(files, name)) + legend(files, name) + figures(files, name) + table(files, name) +
         "</section>\n";
}

std::string contents(std::span<const Reported> files) {
  std::string html = "<nav><ul>\n";
  for (const std::string_view name : results::benchmark_names()) {
    if (any_has(files, name)) html += fmt::format("<li><a href=\"#{0}\">{0}</a></li>\n", name);
  }
  return html + "</ul></nav>\n";
}

constexpr std::string_view kLegend =
    "<p>A time is the median of a configuration's runs, with the interval that holds it with 95 % confidence "
    "(bootstrap); "
    "rates follow from it. Dashed lines and <span class=\"tag\">modelled</span> mark times that a model gives and no "
    "clock measured. Dotted lines are the peak and, where the bandwidth is known, what the stream of weights lets "
    "through. Grey diamonds are what others published of real engines. A cross on the lower edge is a failure.</p>\n";

}  // namespace

std::string report_page(std::span<const results::File> files) {
  CHECK(std::ssize(files) <= kMostReported);
  std::vector<Reported> reported;
  for (const results::File& file : files) reported.push_back({&file, static_cast<int>(reported.size())});
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>anemone benchmarks</title>\n<style>{}</style></head>\n<body>\n<h1>anemone benchmarks</h1>\n",
      report_style());
  html += contents(reported) + std::string(kLegend);
  html += "<section>\n<h2>Machines</h2>\n" + machines_table(reported) + "</section>\n";
  for (const std::string_view name : results::benchmark_names()) {
    if (any_has(reported, name)) html += section(reported, name);
  }
  return html + "</body></html>\n";
}

}  // namespace anemone::bench
