// The report as JSON; docs/probes.md tells its fields, docs/anemone-probe-1.schema.json is its schema.
#include <cmath>

#include "base/machine_json.h"
#include "probe/report.h"

namespace anemone::probe {
namespace {

using Json = nlohmann::ordered_json;

Json or_null(const std::optional<double>& value) { return value && std::isfinite(*value) ? Json(*value) : Json(); }

Json json_of(const Errors& errors, const Tolerance& tolerance) {
  return {{"largest", or_null(errors.largest)},
          {"mean", or_null(errors.mean)},
          {"deviation", errors.deviation},
          {"count", errors.count},
          {"where", errors.where},
          {"tolerance", tolerance.ours},
          {"seed_largest", or_null(tolerance.seed_largest)},
          {"seed_mean", or_null(tolerance.seed_mean)}};
}

Json json_of(const Timing& timing) {
  return {{"runs", timing.runs},
          {"milliseconds", timing.milliseconds},
          {"clock", to_string(timing.clock)},
          {"flop", timing.flop}};
}

Json json_of(const Published& published) {
  return {{"machine", published.machine}, {"answer", published.answer}, {"source", published.source}};
}

Json json_of(const Fact& fact) { return {{"group", fact.group}, {"name", fact.name}, {"value", fact.value}}; }

// Of each value.
template <class T>
Json list_of(const std::vector<T>& values, Json (*one)(const T&)) {
  Json array = Json::array();
  for (const T& value : values) array.push_back(one(value));
  return array;
}

Json json_of(const Finding& finding) {
  return {{"what", finding.what},
          {"outcome", to_string(finding.outcome)},
          {"answer", finding.answer},
          {"why", finding.why},
          {"figures", finding.figures},
          {"errors", finding.errors ? json_of(*finding.errors, *finding.tolerance) : Json()},
          {"timing", finding.timing ? json_of(*finding.timing) : Json()},
          {"published", list_of(finding.published, json_of)},
          {"facts", list_of(finding.facts, json_of)}};
}

Json json_of(const Probed& probed) {
  return {{"name", probed.probe->name},
          {"question", probed.probe->question},
          {"method", probed.probe->method},
          {"reference", probed.probe->reference},
          {"outcome", to_string(probed.outcome())},
          {"findings", list_of(probed.findings, json_of)}};
}

}  // namespace

std::string to_json(const Report& report) {
  const Json json{{"schema", "anemone-probe/1"},
                  {"created", report.created},
                  {"machine", machine_json(report.machine)},
                  {"device",
                   {{"name", report.device.name},
                    {"description", report.device.description},
                    {"precision", to_string(report.precision)}}},
                  {"probes", list_of(report.probes, json_of)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace anemone::probe
