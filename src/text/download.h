// The seed's training data: 20,658,981 tokens of TinyStories, the first shard of an archive on Hugging Face.
//
//   Downloaded data = TRY(download_tokens({.output = "tinystories_data00.bin"}, report));
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "text/documents.h"

namespace anemone::text {

inline constexpr const char* kTinyStoriesUrl =
    "https://huggingface.co/datasets/enio/TinyStories/resolve/main/tok32000/TinyStories_tok32000.tar.gz";
inline constexpr const char* kTinyStoriesFile = "tinystories_data00.bin";
inline constexpr int64_t kTinyStoriesVocabulary = 32000;

struct DownloadOptions {
  std::string output = kTinyStoriesFile;
  std::string url = kTinyStoriesUrl;  // of a .tar.gz
  std::string sha256 = {};            // the archive's, in hexadecimal; empty: not checked
  std::string member = "data00.bin";  // the file wanted from the archive, in whatever folder
};

struct Downloaded {
  bool was_there = false;  // a whole token file stood at `output` already: nothing was fetched
  int64_t bytes = 0;       // of the token file
};

// The archive grows in OUTPUT.tar.gz.part, which stays when the connection breaks, so that the next call goes on from
// there; it goes when the archive proves wrong (not gzip, another checksum, damaged) and after success. `output`
// appears whole or not at all. `report` counts bytes of the archive.
Result<Downloaded> download_tokens(const DownloadOptions& options, const Report& report);

}  // namespace anemone::text
