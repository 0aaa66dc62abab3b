#include "bench/report.h"

#include <gmock/gmock.h>

#include <regex>

#include "base/file.h"
#include "bench/report_chart.h"
#include "bench/report_html.h"
#include "bench/report_published.h"

namespace anemone::bench {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

results::File example() { return results::read(ANEMONE_SOURCE_DIR "/tests/golden/bench/example.json").value(); }

std::string page(const std::vector<results::File>& files) { return report_page(files); }

// The first element that is closed by another's name or not at all.
std::string unbalanced(const std::string& html) {
  std::vector<std::string> open;
  const std::regex tag("<(/?)([a-z0-9]+)[^<>]*?(/?)>");
  for (std::sregex_iterator it(html.begin(), html.end(), tag), end; it != end; ++it) {
    const std::string name = (*it)[2];
    if ((*it)[3].length() > 0 || name == "meta") continue;
    if ((*it)[1].length() == 0) {
      open.push_back(name);
    } else if (open.empty() || open.back() != name) {
      return name;
    } else {
      open.pop_back();
    }
  }
  return open.empty() ? "" : open.back();
}

std::vector<double> numbers(const std::string& svg, const std::string& attribute) {
  std::vector<double> values;
  const std::regex pattern(attribute + "=\"([-0-9.]+)\"");
  for (std::sregex_iterator it(svg.begin(), svg.end(), pattern), end; it != end; ++it) {
    values.push_back(std::stod((*it)[1]));
  }
  return values;
}

TEST(Report, NeedsNothingBesideItself) {
  const std::string html = page({example()});
  for (const char* outside : {"http", "src=", "<script", "<link", "@import", "url("}) {
    EXPECT_THAT(html, Not(HasSubstr(outside)));
  }
  EXPECT_EQ(unbalanced(html), "");
}

TEST(Report, EscapesWhatFilesSay) {
  results::File file = example();
  const std::string attack = "<script>alert('1')</script>&\"";
  file.path = file.machine.cpu = file.machine.os = file.device.name = file.device.description = attack;
  file.machine.build = {attack, attack, attack};
  file.created = attack;
  for (results::Configuration& c : file.benchmarks[0].configurations) c.label = attack + c.label;
  file.benchmarks[0].configurations[1].failure->reason = attack;
  const std::string html = page({file});
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("alert('")));
  EXPECT_THAT(html, HasSubstr("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;"));
  EXPECT_EQ(unbalanced(html), "");
}

TEST(Report, ShowsTimesFailuresPeakAndCliff) {
  const std::string html = page({example()});
  for (const char* text : {"0.0810 (0.0800–0.0820)", "failed (compile): out of memory", "One configuration failed",
                           "0.120 TFLOPS, measured", "L1 32 KiB, L3 32 MiB", "Example CPU", "0.963"}) {
    EXPECT_THAT(html, HasSubstr(text));
  }
  EXPECT_THAT(html, Not(HasSubstr("W8A8 gain")));  // nothing in that column
}

TEST(Report, MarksModelledTimes) {
  EXPECT_THAT(page({example()}), Not(HasSubstr("cpu <span class=\"tag\">modelled")));
  results::File modelled = example();
  modelled.clock = "modelled";
  EXPECT_THAT(page({modelled}), HasSubstr("cpu <span class=\"tag\">modelled</span>"));
}

TEST(Report, SetsPublishedRowsBeside) {
  EXPECT_THAT(page({example()}), HasSubstr("m4-max, dev-erik/ANE</td><td>0.125</td>"));  // 256 channels, sram_probe
}

TEST(Report, OverlaysAsManyFilesAsThereAreLetters) {
  const std::string html = page(std::vector<results::File>(kMostReported, example()));
  EXPECT_THAT(html, HasSubstr("Z: example"));
  EXPECT_EQ(unbalanced(html), "");
}

TEST(Report, DrawsWhateverNumbersAFileHolds) {
  results::File file = example();
  auto& configurations = file.benchmarks[0].configurations;
  configurations[1] = configurations[0];
  configurations[1].weight_bytes = int64_t{1} << 53;
  configurations[1].derived->median_ms = 1e308;
  configurations[1].derived->median_low_ms = configurations[1].derived->tflops = 0;
  file.benchmarks[0].cliff->above = {-1e308, 1e308};
  file.device.peak_flops = 1e308;
  const std::string html = page({file});
  EXPECT_THAT(html, Not(HasSubstr("nan")));
  EXPECT_THAT(html, Not(HasSubstr("\"inf")));
  EXPECT_THAT(html, Not(HasSubstr("\"-inf")));
  EXPECT_LT(html.size(), 100'000);
}

TEST(PublishedRuns, AreThoseOfTheBenchmarkWarmWhereThereAreWarmOnes) {
  const auto probe = published_runs("sram_probe");
  ASSERT_EQ(probe.size(), 1);
  EXPECT_EQ(probe[0].name(), "m4-max, dev-erik/ANE");
  results::Parameters wanted{
      .channels = 4096, .height = 1, .width = 64, .depth = 1, .form = "fp16", .boundary = "fp32"};
  EXPECT_EQ(probe[0].milliseconds(wanted), 0.965);
  wanted.form = "w8a8";
  EXPECT_EQ(probe[0].milliseconds(wanted), std::nullopt);
  EXPECT_THAT(published_runs("sram_bench").at(0).note, HasSubstr("the clock is not yet up"));
  EXPECT_EQ(published_runs("int8").at(0).points.size(), 4);
  EXPECT_TRUE(published_runs("inmem_basic").empty());
}

TEST(Chart, SpacesPowersOfTenEvenly) {
  Chart chart{.title = "", .x = {"x"}, .y = {"y"}};
  chart.series.push_back({{}, {{1, 10, ""}, {10, 100, ""}, {100, 1000, ""}, {0, 5, "not on this axis"}}});
  const std::string svg = to_svg(chart);
  const std::vector<double> x = numbers(svg, "cx"), y = numbers(svg, "cy");
  ASSERT_EQ(x.size(), 3);
  EXPECT_NEAR(x[1] - x[0], x[2] - x[1], 0.11);
  EXPECT_NEAR(y[1] - y[0], y[2] - y[1], 0.11);
  EXPECT_LT(y[1], y[0]);  // more is higher
}

TEST(Chart, PutsTicksWhereTheirValuesAre) {
  Chart chart{.title = "", .x = {"x", Scale::linear}, .y = {"y", Scale::linear}};
  chart.series.push_back({{}, {{20, 3, ""}, {100, 6, ""}}});
  const std::string svg = to_svg(chart);
  std::smatch tick;
  ASSERT_TRUE(std::regex_search(svg, tick, std::regex("<text x=\"([0-9.]+)\"[^>]*>20</text>")));
  EXPECT_NEAR(std::stod(tick[1]), numbers(svg, "cx")[0], 0.11);
  ASSERT_TRUE(std::regex_search(svg, tick, std::regex("x1=\"([0-9.]+)\"[^>]*class=\"axis\"")));
  EXPECT_THAT(svg, HasSubstr("<text x=\"" + tick[1].str() + "\""));  // 0 stands where the axes meet
}

TEST(Significant, KeepsThreeDigits) {
  std::vector<std::string> texts;
  for (const double value : {0.0, 0.08123, 1.5, 12.345, 123.45, 98765.0, 1e9, -2.5})
    texts.push_back(significant(value));
  EXPECT_THAT(texts, ElementsAre("0", "0.0812", "1.50", "12.3", "123", "98765", "1.00e+09", "-2.50"));
}

}  // namespace
}  // namespace anemone::bench
