#include "cli/mil_explain.h"

#include <fmt/format.h>

#include <set>

#include "device/device.h"
#include "device/sim/explain.h"

namespace anemone::cli {
namespace {

using Json = nlohmann::ordered_json;
using sim::Departure;

// JSON has no infinity and no NaN.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(fmt::format("{}", value)); }

Json to_json(const Departure& d) {
  Json choices = Json::array();
  for (sim::Choice choice : d.choices) choices.push_back(sim::describe(choice).name);
  return {{"op", d.op},
          {"written_as", d.written},
          {"value", d.value},
          {"type", mil::to_string(d.type)},
          {"line", d.location.line},
          {"column", d.location.column},
          {"elements", d.elements},
          {"beyond_one_ulp", d.beyond_ulp},
          {"at", d.at},
          {"engine", number(d.engine)},
          {"ieee", number(d.ieee)},
          {"causes", d.causes},
          {"choices", choices}};
}

// "conv h at 5:30", "sub of softmax s at 6:3".
std::string name_of(const Json& d) {
  const auto text = [&](const char* key) { return d[key].get<std::string>(); };
  const bool is_part = text("written_as") != text("op");
  const int line = d["line"].get<int>();
  return fmt::format("{}{} {}{}", text("op"), is_part ? fmt::format(" of {}", text("written_as")) : "", text("value"),
                     line > 0 ? fmt::format(" at {}:{}", line, d["column"].get<int>()) : "");
}

std::string shown(const Json& number) { return number.is_string() ? number.get<std::string>() : number.dump(); }

void print_departure(const Json& d) {
  fmt::print("  {}, {}: {} elements differ, {} by more than one unit in the last place\n", name_of(d),
             d["type"].get<std::string>(), d["elements"].get<int64_t>(), d["beyond_one_ulp"].get<int64_t>());
  fmt::print("      most at {}: {}, where IEEE has {}\n", d["at"].get<int64_t>(), shown(d["engine"]), shown(d["ieee"]));
  for (const Json& cause : d["causes"]) fmt::print("      {}\n", cause.get<std::string>());
}

// What the results lean on that was not measured, each once.
void print_choices(const Json& departures) {
  std::set<std::string> named;
  for (const Json& d : departures) {
    for (const Json& choice : d["choices"]) named.insert(choice.get<std::string>());
  }
  if (!named.empty()) fmt::print("these results lean on choices, where the engine's arithmetic is not known:\n");
  for (const sim::ChoiceText& choice : sim::choices()) {
    if (named.contains(std::string(choice.name))) fmt::print("  {}: {}\n", choice.name, choice.chosen);
  }
}

}  // namespace

Result<Json> explanation(const std::string& device, const mil::Function& function, const mil::Weights& weights,
                         const std::vector<mil::Tensor>& inputs) {
  const mil::Profile profile = TRY(mil::parse_profile(std::string_view(device).substr(device.find(':') + 1)));
  const auto departures = TRY(sim::explain(function, weights, profile, inputs));
  Json list = Json::array();
  for (const Departure& d : departures) list.push_back(to_json(d));
  const Departure* first = sim::first_responsible(departures);
  return Json{{"departures", list}, {"first_responsible", first == nullptr ? Json(nullptr) : to_json(*first)}};
}

void print_explanation(const std::string& device, const Json& explanation) {
  const Json& departures = explanation["departures"];
  if (departures.empty()) {
    fmt::print("every operation computes on {} what IEEE arithmetic does in fp16\n", device);
    return;
  }
  fmt::print("operations that compute otherwise on {} than IEEE arithmetic in fp16, from the same operands:\n", device);
  for (const Json& d : departures) print_departure(d);
  if (const Json& first = explanation["first_responsible"]; first.is_null()) {
    fmt::print("none parts by more than rounding\n");
  } else {
    fmt::print("the first to part by more than rounding: {}\n", name_of(first));
  }
  print_choices(departures);
}

}  // namespace anemone::cli
