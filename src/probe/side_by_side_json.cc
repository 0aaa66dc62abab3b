// The table as JSON.
#include "base/json.h"
#include "probe/side_by_side.h"

namespace anemone::probe {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const results::File& file) {
  return {{"path", file.path},           {"created", file.created},
          {"device", file.device.name},  {"precision", file.device.precision},
          {"processor", file.processor}, {"system", file.system}};
}

Json json_of(const ComparedFinding& row) {
  Json answers = Json::array(), published = Json::array();
  for (const results::Finding* finding : row.findings) {
    answers.push_back(finding == nullptr ? Json()
                                         : Json{{"outcome", finding->outcome},
                                                {"answer", finding->answer},
                                                {"why", finding->why},
                                                {"figures", finding->figures}});
  }
  for (const results::Published& p : row.published) {
    published.push_back({{"machine", p.machine}, {"answer", p.answer}, {"source", p.source}});
  }
  return {{"what", row.what}, {"differs", row.differs}, {"answers", answers}, {"published", published}};
}

Json json_of(const ComparedProbe& probe) {
  Json outcomes = Json::array(), rows = Json::array();
  for (const std::string& outcome : probe.outcomes) outcomes.push_back(outcome.empty() ? Json() : Json(outcome));
  for (const ComparedFinding& row : probe.rows) rows.push_back(json_of(row));
  return {{"name", probe.name}, {"question", probe.question}, {"outcomes", outcomes}, {"findings", rows}};
}

}  // namespace

std::string to_json(const SideBySide& table, const std::vector<results::File>& files) {
  Json list = Json::array(), probes = Json::array();
  for (const results::File& file : files) list.push_back(json_of(file));
  for (const ComparedProbe& probe : table.probes) probes.push_back(json_of(probe));
  const Json json{{"files", list}, {"differences", table.differences()}, {"probes", probes}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace anemone::probe
