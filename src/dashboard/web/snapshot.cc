#include "dashboard/web/snapshot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <span>

#include "base/json.h"
#include "dashboard/printable.h"

namespace anemone::dashboard {
namespace {

using nlohmann::json;

json number(double value) { return std::isfinite(value) ? json(value) : json(nullptr); }
json number(const std::optional<double>& value) { return value ? number(*value) : json(nullptr); }
json number(const std::optional<int64_t>& value) { return value ? json(*value) : json(nullptr); }

json describe(const std::optional<RunRecord>& run) {
  if (!run) return nullptr;
  return {{"model", printable(run->model)},
          {"device", printable(run->device)},
          {"device_description", printable(run->device_description)},
          {"precision", printable(run->precision)},
          {"weights", printable(run->weights)},
          {"kernels", printable(run->kernels)},
          {"optimizer", printable(run->optimizer)},
          {"schedule", printable(run->schedule)},
          {"layers", run->layers},
          {"dim", run->dim},
          {"seq", run->seq},
          {"vocab", run->vocab},
          {"parameters", run->parameters},
          {"batch", run->batch},
          {"accumulation", run->accumulation},
          {"rate", number(run->rate)}};
}

json describe(const std::optional<StepRecord>& step) {
  if (!step) return nullptr;
  return {{"step", step->step},
          {"loss", number(step->loss)},
          {"rate", number(step->rate)},
          {"norm", number(step->norm)},
          {"loss_scale", number(step->loss_scale)},
          {"skipped", step->skipped}};
}

json describe(const std::optional<Run::Best>& best) {
  if (!best) return nullptr;
  return {{"step", best->step}, {"loss", number(best->loss)}};
}

json describe(const Speed& speed) {
  json fields{{"ms", number(speed.milliseconds)},
              {"steps_per_second", number(speed.steps_per_second)},
              {"tokens_per_second", number(speed.tokens_per_second)},
              {"device_tflops", number(speed.device_tflops)},
              {"total_tflops", number(speed.total_tflops)},
              {"utilization", number(speed.utilization)},
              {"device_ms", nullptr},
              {"modelled", false}};
  for (size_t i = 0; i < speed.components.size(); ++i) {
    fields["components"][std::string(train::kTimerNames[i])] = number(speed.components[i]);
  }
  if (speed.device) {
    fields["device_ms"] = number(speed.device->milliseconds);
    fields["modelled"] = speed.device->modelled;
  }
  return fields;
}

json describe(const Session& session, const Preview& preview) {
  return {{"on", session.previews()},
          {"generating", preview.generating()},
          {"step", preview.step()},
          {"text", printable_lines(preview.text())},
          {"error", printable(preview.error())}};
}

json measures(const Session& session) {
  const std::optional<Usage>& usage = session.usage();
  return {{"cpu_watts", number(session.power().cpu)},
          {"device_watts", number(session.power().device)},
          {"power_missing", printable(session.power().missing)},
          {"cores", usage ? number(usage->cores) : json(nullptr)},
          {"memory_bytes", usage ? json(usage->memory_bytes) : json(nullptr)},
          {"processors", processors()}};
}

json newest_checkpoint(const Run& run) {
  if (run.checkpoints().empty()) return nullptr;
  const CheckpointRecord& newest = run.checkpoints().back();
  return {{"step", newest.step},
          {"path", printable(newest.path)},
          {"time", number(newest.time)},
          {"validation", number(newest.validation)}};
}

// Why each command is not to be had; empty where it is.
json refusals(const Session& session) {
  json fields;
  for (size_t i = 0; i < kCommandNames.size(); ++i) {
    fields[std::string(kCommandNames[i])] = session.refusal(static_cast<Command>(i));
  }
  return fields;
}

json describe(const Session& session) {
  const Run& run = session.run();
  const std::string& path = session.watch().path();
  return {{"name", printable(std::filesystem::path(path).stem().string())},
          {"log", printable(path)},
          {"status", to_string(run.status())},
          {"error", printable_lines(run.error())},
          {"log_error", printable(session.watch().error())},
          {"attached", session.attached()},
          {"over", session.over()},
          {"pending", session.pending()},
          {"garbage", session.watch().garbage()},
          {"description", describe(run.description())},
          {"newest", describe(run.newest())},
          {"steps_done", run.steps_done()},
          {"steps_planned", number(run.steps_planned())},
          {"best", describe(run.best())},
          {"best_validation", describe(run.best_validation())},
          {"checkpoint", newest_checkpoint(run)},
          {"speed", describe(run.speed())},
          {"trained_seconds", number(run.trained_seconds())},
          {"compiled_seconds", number(run.compiled_seconds())},
          {"seconds_left", number(run.seconds_left())},
          {"measures", measures(session)},
          {"preview", describe(session, session.preview())},
          {"refusals", refusals(session)}};
}

std::string dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

// ---- series, of which there is much to write: by hand

void append(std::string& text, std::string_view name, std::span<const Bucket> buckets, double Bucket::*value) {
  text += fmt::format(",\"{}\":[", name);
  for (const Bucket& bucket : buckets) {
    if (&bucket != buckets.data()) text += ',';
    text += std::isfinite(bucket.*value) ? fmt::format("{:.6g}", bucket.*value) : "null";
  }
  text += ']';
}

void append_places(std::string& text, std::span<const Bucket> buckets) {
  text += "\"x\":[";
  for (const Bucket& bucket : buckets) {
    if (&bucket != buckets.data()) text += ',';
    text += fmt::format("{}", bucket.first + (bucket.last - bucket.first) / 2);
  }
  text += ']';
}

struct Named {
  std::string name;
  const Series* series;
};

std::vector<Named> series_over_steps(const Run& run) {
  std::vector<Named> all;
  for (size_t i = 0; i < kQuantityNames.size(); ++i) {
    all.push_back({std::string(kQuantityNames[i]), &run.series(static_cast<Quantity>(i))});
  }
  for (size_t i = 0; i < train::kTimerNames.size(); ++i) {
    all.push_back({fmt::format("t_{}", train::kTimerNames[i]), &run.component(static_cast<train::Timer>(i))});
  }
  return all;
}

std::vector<Named> series_over_time(const Session& session) {
  return {{"cpu_watts", &session.cpu_power()},
          {"device_watts", &session.device_power()},
          {"cores", &session.cpu()},
          {"memory_bytes", &session.memory()}};
}

struct Extent {
  int64_t first = 0, last = 0;
};

Extent extent_of(const std::vector<Named>& all) {
  std::optional<Extent> whole;
  for (const Named& named : all) {
    if (named.series->empty()) continue;
    const Extent own{named.series->first(), named.series->last()};
    whole = whole ? Extent{std::min(whole->first, own.first), std::max(whole->last, own.last)} : own;
  }
  return whole.value_or(Extent{});
}

void append(std::string& text, const Named& named, const Extent& range, size_t points) {
  const std::vector<Bucket> buckets = named.series->range(range.first, range.last, points);
  text += fmt::format("\"{}\":{{", named.name);
  append_places(text, buckets);
  append(text, "mean", buckets, &Bucket::mean);
  if (named.name == kQuantityNames[static_cast<size_t>(Quantity::loss)]) {
    append(text, "least", buckets, &Bucket::least);
    append(text, "most", buckets, &Bucket::most);
  }
  text += '}';
}

}  // namespace

std::string state_json(const Sessions& sessions) {
  json runs = json::array();
  for (const auto& session : sessions) runs.push_back(describe(*session));
  return dump({{"runs", std::move(runs)}});
}

std::string series_json(const Session& session, const SeriesRequest& request) {
  const bool steps = request.over == Over::steps;
  const std::vector<Named> all = steps ? series_over_steps(session.run()) : series_over_time(session);
  const Extent whole = extent_of(all);
  const Extent range{request.first.value_or(whole.first), request.last.value_or(whole.last)};
  std::string text = fmt::format(R"({{"over":"{}","first":{},"last":{},"from":{},"to":{},"series":{{)",
                                 steps ? "steps" : "time", whole.first, whole.last, range.first, range.last);
  for (const Named& named : all) {
    if (&named != all.data()) text += ',';
    append(text, named, range, std::min(request.points, kMostPoints));
  }
  return text + "}}";
}

std::string lines_json(const Session& session, size_t run, int64_t next) {
  constexpr std::array<std::string_view, 5> kKinds = {"plain", "step", "checkpoint", "notice", "error"};
  const auto& lines = session.lines();
  const int64_t oldest = session.lines_total() - static_cast<int64_t>(lines.size());
  const int64_t first = std::max({next, oldest, session.lines_total() - kMostLinesTold});
  json told = json::array();
  for (int64_t i = first; i < session.lines_total(); ++i) {
    const LogLine& line = lines[static_cast<size_t>(i - oldest)];
    told.push_back({kKinds[static_cast<size_t>(line.kind)], printable(line.text)});
  }
  return dump({{"run", run}, {"first", first}, {"lines", std::move(told)}});
}

}  // namespace anemone::dashboard
