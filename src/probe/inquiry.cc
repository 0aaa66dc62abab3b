#include "probe/inquiry.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "mil/engine/profile.h"

namespace anemone::probe {
namespace {

constexpr double kCoarserThanHalves = 8;  // bfloat16
constexpr std::chrono::seconds kLongestTiming{10};

double standard_deviation(const Numbers& values) {
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / count);
}

// "M4 Max" as "m4-max", as simulated chips are called.
std::string chip_name(std::string machine) {
  for (char& c : machine) c = c == ' ' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return machine;
}

// Of "sim:m4-max:macos15" "m4-max"; of others nothing.
std::string_view simulated_chip(std::string_view device) {
  if (!is_simulated(device)) return "";
  const auto profile = mil::parse_profile(device.substr(device.find(':') + 1));
  return profile ? to_string(profile->chip) : "";
}

std::string in_words(const Errors& errors) {
  return fmt::format("largest error {:.2g}, mean {:.2g}", errors.largest, errors.mean);
}

// Of two rounds.
Errors worse(const Errors& a, const Errors& b) {
  const auto share = [](const Errors& e) { return std::isnan(e.largest) ? INFINITY : e.largest / e.deviation; };
  return share(a) < share(b) ? b : a;
}

}  // namespace

Errors errors_of(const Numbers& expected, const Numbers& actual) {
  CHECK(expected.size() == actual.size() && !expected.empty());
  Errors errors{.deviation = standard_deviation(expected), .count = std::ssize(expected)};
  double sum = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double error = std::abs(actual[i] - expected[i]);
    sum += error;
    if (error <= errors.largest && i > 0) continue;
    errors.largest = error;
    errors.where = fmt::format("element {} is {:.6g}, expected {:.6g}", i, actual[i], expected[i]);
    if (!std::isfinite(error)) break;
  }
  errors.mean = std::isfinite(errors.largest) ? sum / static_cast<double>(errors.count) : errors.largest;
  return errors;
}

Result<> Inquiry::check(Trial& trial, const Check& check) {
  const std::vector<Port>& outputs = trial.signature().outputs;
  std::vector<Errors> worst(outputs.size());
  for (int round = 0; round < 2; ++round) {
    std::vector<Numbers> inputs = check.inputs();
    for (size_t i = 0; i < inputs.size(); ++i) {
      inputs[i] = rounded(trial.signature().inputs[i].type.dtype, std::move(inputs[i]));
    }
    trial.write(inputs);
    TRY(trial.run());
    const std::vector<Numbers> expected = check.expected(inputs);
    for (size_t i = 0; i < outputs.size(); ++i) {
      const Errors errors = errors_of(expected[i], trial.read(i));
      worst[i] = round == 0 ? errors : worse(worst[i], errors);
    }
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    const std::string what = outputs.size() == 1 ? check.what : fmt::format("{}: {}", check.what, outputs[i].name);
    judge(what, worst[i], check.tolerance, check.published);
  }
  return {};
}

void Inquiry::compare(std::string what, const Numbers& expected, const Numbers& actual, const Tolerance& tolerance,
                      std::vector<Published> published) {
  judge(std::move(what), errors_of(expected, actual), tolerance, std::move(published));
}

Tolerance Inquiry::allowed(Tolerance tolerance) const {
  if (precision_ == Precision::bf16) tolerance.ours *= kCoarserThanHalves;
  return tolerance;
}

void Inquiry::judge(std::string what, const Errors& errors, Tolerance tolerance, std::vector<Published> published) {
  tolerance = allowed(tolerance);
  const bool passed = errors.within(tolerance);
  record({.what = std::move(what),
          .outcome = passed ? Outcome::pass : Outcome::fail,
          .answer = in_words(errors),
          .why = passed ? "" : errors.where,
          .errors = errors,
          .tolerance = tolerance,
          .published = std::move(published)});
}

Outcome Inquiry::beside_published(std::string_view answer, const std::vector<Published>& published) const {
  const std::string_view chip = simulated_chip(device_.info().name);
  const auto is_chip = [&](const Published& p) { return chip_name(p.machine) == chip; };
  const bool known = std::ranges::any_of(published, is_chip);
  const auto agrees = [&](const Published& p) { return p.answer == answer && (!known || is_chip(p)); };
  return published.empty() || std::ranges::any_of(published, agrees) ? Outcome::pass : Outcome::differs;
}

void Inquiry::answer(std::string what, std::string answer, std::vector<Published> published, std::string why) {
  const Outcome outcome = beside_published(answer, published);
  record({.what = std::move(what),
          .outcome = outcome,
          .answer = std::move(answer),
          .why = std::move(why),
          .published = std::move(published)});
}

void Inquiry::conclude(std::string what, std::string answer, std::string figures, std::vector<Published> published) {
  this->answer(std::move(what), std::move(answer), std::move(published));
  findings_.back().figures = std::move(figures);
}

Result<Timing> Inquiry::time(std::string what, const Run& run, int64_t warmups, int64_t runs, double flop,
                             std::vector<Published> published) {
  const RunTime first = TRY(run());
  Timing timing{.clock = clock_of(first), .flop = flop};
  if (timing.clock == Clock::modelled) {
    warmups = 0;
    runs = 1;
  }
  for (int64_t i = 1; i < warmups; ++i) TRY(run());
  std::chrono::nanoseconds total{}, wall{};
  for (; timing.runs < runs && wall < kLongestTiming; ++timing.runs) {
    const RunTime time = TRY(run());
    total += time_of(time);
    wall += time.wall;
  }
  timing.milliseconds = std::chrono::duration<double, std::milli>(total).count() / static_cast<double>(timing.runs);
  this->time(std::move(what), timing, std::move(published));
  return timing;
}

Result<Timing> Inquiry::time(std::string what, Trial& trial, int64_t warmups, int64_t runs, double flop,
                             std::vector<Published> published) {
  return time(
      std::move(what), [&] { return trial.run(); }, warmups, runs, flop, std::move(published));
}

Result<> Inquiry::time_with_host(std::string what, const Run& run, int64_t warmups, int64_t runs, double flop) {
  if (clock_of(TRY(run())) == Clock::modelled) {
    unavailable(std::move(what), "the device's time is modelled, the host's is not");
    return {};
  }
  const auto by_the_host = [&]() -> Result<RunTime> {
    const auto start = std::chrono::steady_clock::now();
    TRY(run());
    return RunTime{.wall = std::chrono::steady_clock::now() - start};
  };
  TRY(time(std::move(what), by_the_host, warmups, runs, flop));
  return {};
}

void Inquiry::time(std::string what, const Timing& timing, std::vector<Published> published) {
  record(
      {.what = std::move(what),
       .answer = fmt::format("{:.3f} ms{}", timing.milliseconds, timing.clock == Clock::modelled ? ", modelled" : ""),
       .timing = timing,
       .published = std::move(published)});
}

void Inquiry::unavailable(std::string what, std::string why) {
  record({.what = std::move(what), .outcome = Outcome::unavailable, .answer = "", .why = std::move(why)});
}

void Inquiry::fail(std::string what, std::string why) {
  record({.what = std::move(what), .outcome = Outcome::fail, .answer = "", .why = std::move(why)});
}

void Inquiry::list(std::string what, std::vector<Fact> facts) {
  std::string answer = fmt::format("{} entries", facts.size());
  record({.what = std::move(what), .answer = std::move(answer), .facts = std::move(facts)});
}

void Inquiry::part(std::string what, const std::function<Result<>()>& ask) {
  if (const Result<> result = ask(); !result) fail(std::move(what), result.error().message);
}

}  // namespace anemone::probe
