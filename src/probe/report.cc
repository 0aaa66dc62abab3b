#include "probe/report.h"

#include <fmt/format.h>

#include <algorithm>

namespace anemone::probe {

Report::Report(const DeviceInfo& info, Precision used)
    : created(time_now()), machine(this_machine()), device(info), precision(used) {}

namespace {

std::string published_text(const Finding& finding) {
  std::string text;
  for (const Published& p : finding.published) {
    text += fmt::format("{}{}: {} ({})", text.empty() ? "" : "; ", p.machine, p.answer, p.source);
  }
  return text;
}

std::string tolerance_text(const Errors& errors, const Tolerance& tolerance) {
  std::string text =
      fmt::format("allowed {:.2g}, {:g} of the standard deviation", tolerance.ours * errors.deviation, tolerance.ours);
  if (tolerance.seed_largest) text += fmt::format("; the seed's {:g}", *tolerance.seed_largest);
  if (tolerance.seed_mean) text += fmt::format(", mean {:g}", *tolerance.seed_mean);
  return text;
}

std::string timing_text(const Timing& timing) {
  std::string text = fmt::format("{} run{}", timing.runs, timing.runs == 1 ? "" : "s");
  if (timing.clock != Clock::modelled) text += fmt::format(", by the {}'s clock", to_string(timing.clock));
  if (timing.flop > 0) text += fmt::format(", {:.4g} GFLOP/s", timing.flop / timing.milliseconds * 1e-6);
  return text;
}

// One line tells of numbered facts in a row that have the same to tell.
size_t end_of_equal(const std::vector<Fact>& facts, size_t begin) {
  const auto numbered = [](const Fact& fact) {
    return std::ranges::all_of(fact.name, [](char c) { return c >= '0' && c <= '9'; });
  };
  const auto same = [&](const Fact& fact) {
    return numbered(fact) && fact.group == facts[begin].group && fact.value == facts[begin].value;
  };
  size_t end = begin + 1;
  while (end < facts.size() && numbered(facts[begin]) && same(facts[end])) ++end;
  return end;
}

std::string text_of(const Finding& finding) {
  const bool answered = !finding.answer.empty();
  std::string text = fmt::format("  {:<12}{}: {}\n", to_string(finding.outcome), finding.what,
                                 answered ? finding.answer : finding.why);
  const auto line = [&](std::string_view about) { text += fmt::format("{:14}{}\n", "", about); };
  if (answered && !finding.why.empty()) line(finding.why);
  if (!finding.figures.empty()) line(finding.figures);
  if (finding.errors) line(tolerance_text(*finding.errors, *finding.tolerance));
  if (finding.timing) line(timing_text(*finding.timing));
  if (!finding.published.empty()) line("published of " + published_text(finding));
  for (size_t i = 0; i < finding.facts.size();) {
    const size_t end = end_of_equal(finding.facts, i);
    const Fact& fact = finding.facts[i];
    if (i == 0 || fact.group != finding.facts[i - 1].group) line(fact.group);
    const std::string name = end - i > 1 ? fmt::format("{} to {}", fact.name, finding.facts[end - 1].name) : fact.name;
    line(fact.value.empty() ? fmt::format("  {}", name) : fmt::format("  {}: {}", name, fact.value));
    i = end;
  }
  return text;
}

}  // namespace

std::string heading(const Report& report) {
  return fmt::format("{} ({}), {}\n", report.device.name, report.device.description, to_string(report.precision));
}

std::string to_text(const Probed& probed) {
  std::string text = fmt::format("\n{}: {}\n  Method: {}.\n  Reference: {}.\n", probed.probe->name,
                                 probed.probe->question, probed.probe->method, probed.probe->reference);
  for (const Finding& finding : probed.findings) text += text_of(finding);
  return text + fmt::format("{}: {}\n", probed.probe->name, to_string(probed.outcome()));
}

std::string summary(const Report& report) {
  std::string text = fmt::format("\n{} probes:", report.probes.size());
  for (const Outcome outcome : {Outcome::pass, Outcome::differs, Outcome::unavailable, Outcome::fail}) {
    text += fmt::format("{} {} {}", outcome == Outcome::pass ? "" : ",",
                        std::ranges::count(report.probes, outcome, &Probed::outcome), to_string(outcome));
  }
  return text + "\n";
}

}  // namespace anemone::probe
