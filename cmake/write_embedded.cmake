# Writes SOURCE, which defines FUNCTION for the texts of FILES (embed.cmake).
set(entries "")
foreach(file IN LISTS FILES)
  file(READ ${file} text)
  cmake_path(GET file STEM name)
  string(APPEND entries "    {\"${name}\", R\"embedded(${text})embedded\"},\n")
endforeach()
file(WRITE ${SOURCE} "#include \"base/text_file.h\"

namespace anemone {
std::span<const TextFile> ${FUNCTION}() {
  static constexpr TextFile kFiles[] = {
${entries}  };
  return kFiles;
}
}  // namespace anemone
")
