// What a probe asks a device with, and where its findings gather.
//
//   Inquiry inquiry(device, Precision::fp32);
//   TRY(inquiry.check(trial, {.what = "y", .inputs = next, .expected = norm_of, .tolerance = {.ours = 0.01}}));
//   inquiry.answer("a rewritten file changes results", "no", {{"M5", "no", "maderix"}});
//   inquiry.conclude("the quality changes the time", "no", "0.12 to 0.13 ms");
//   TRY(inquiry.time("rmsnorm", trial, /*warmups=*/10, /*runs=*/100));
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "probe/finding.h"
#include "probe/trial.h"

namespace anemone::probe {

// How far `actual` is from `expected`, which it is as long as.
Errors errors_of(const Numbers& expected, const Numbers& actual);

class Inquiry {
 public:
  Inquiry(Device& device, Precision precision) : device_(device), precision_(precision) {}

  Device& device() { return device_; }
  const std::vector<Finding>& findings() const { return findings_; }

  // Whether a program computes what it should, on two sets of inputs, so that the answer to the first is no answer to
  // the second. `inputs` gives other ones each time, and `expected` what each output is to be of them, after they have
  // been rounded to the elements of their surfaces. `what` is completed by the output's name where there are several.
  struct Check {
    std::string what{};
    std::function<std::vector<Numbers>()> inputs;
    std::function<std::vector<Numbers>(const std::vector<Numbers>&)> expected;
    Tolerance tolerance;  // of every output
    std::vector<Published> published{};
  };
  Result<> check(Trial& trial, const Check& check);

  // Products in bfloat16 keep 8 bits where halves keep 11: `tolerance.ours` is for the latter, and what is allowed is 8
  // times as much where the device computes so.
  Tolerance allowed(Tolerance tolerance) const;

  // Results that are there already.
  void compare(std::string what, const Numbers& expected, const Numbers& actual, const Tolerance& tolerance,
               std::vector<Published> published = {});

  // An answer in words. It is compared with what is published of the chip that the device simulates, if anything is;
  // else with what is published of any.
  void answer(std::string what, std::string answer, std::vector<Published> published = {}, std::string why = {});

  // The same of an answer that measured figures give.
  void conclude(std::string what, std::string answer, std::string figures, std::vector<Published> published = {});

  // The mean of so many runs, less where they take longer than 10 s, and of one where time is modelled.
  using Run = std::function<Result<RunTime>()>;
  Result<Timing> time(std::string what, const Run& run, int64_t warmups, int64_t runs, double flop = 0,
                      std::vector<Published> published = {});
  Result<Timing> time(std::string what, Trial& trial, int64_t warmups, int64_t runs, double flop = 0,
                      std::vector<Published> published = {});
  // By the host's clock, with what the host does between the device's runs, whose time `run` gives. There is no such
  // time where the device's is modelled.
  Result<> time_with_host(std::string what, const Run& run, int64_t warmups, int64_t runs, double flop = 0);
  void time(std::string what, const Timing& timing, std::vector<Published> published = {});

  void unavailable(std::string what, std::string why);
  void fail(std::string what, std::string why);
  void list(std::string what, std::vector<Fact> facts);

  // One of several questions; an error within it is a finding, and the next one follows.
  void part(std::string what, const std::function<Result<>()>& ask);

 private:
  void judge(std::string what, const Errors& errors, Tolerance tolerance, std::vector<Published> published);
  void record(Finding finding) { findings_.push_back(std::move(finding)); }
  Outcome beside_published(std::string_view answer, const std::vector<Published>& published) const;

  Device& device_;
  Precision precision_;
  std::vector<Finding> findings_;
};

}  // namespace anemone::probe
