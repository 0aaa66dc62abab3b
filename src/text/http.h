// One file over HTTP or HTTPS, by libcurl.
#pragma once

#include <string>

#include "base/result.h"
#include "text/documents.h"

namespace anemone::text {

// Fetches `url` into `path`; what stands there already is taken as its beginning, and only the rest is asked for. After
// an error the file holds what has come so far, and is gone where nothing has. `report` counts bytes of the file.
Result<> fetch(const std::string& url, const std::string& path, const Report& report);

}  // namespace anemone::text
