#include "json_schema.h"

#include <fmt/ranges.h>

#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "base/file.h"

namespace anemone::cli {

std::string schema_errors(const nlohmann::json& document, const std::string& schema_path) {
  using valijson::adapters::NlohmannJsonAdapter;
  const nlohmann::json text = parse_json(read_text(schema_path).value(), schema_path).value();
  valijson::Schema schema;
  valijson::SchemaParser().populateSchema(NlohmannJsonAdapter(text), schema);
  valijson::ValidationResults results;
  valijson::Validator().validate(schema, NlohmannJsonAdapter(document), &results);
  std::string errors;
  valijson::ValidationResults::Error error;
  while (results.popError(error)) {
    errors += fmt::format("{}: {}\n", fmt::join(error.context, ""), error.description);
  }
  return errors;
}

}  // namespace anemone::cli
