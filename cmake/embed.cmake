# anemone_embed(TARGET FUNCTION FOLDER [PATTERNS ...] [FILES ...]): compiles text files into a library, as
# std::span<const anemone::TextFile> FUNCTION() (base/text_file.h): those of a folder that match the patterns (else its
# JSON files), in the order of their names, then further ones.
function(anemone_embed target function folder)
  cmake_parse_arguments(EMBED "" "" "PATTERNS;FILES" ${ARGN})
  if(NOT EMBED_PATTERNS)
    set(EMBED_PATTERNS *.json)
  endif()
  list(TRANSFORM EMBED_PATTERNS PREPEND ${CMAKE_SOURCE_DIR}/${folder}/)
  file(GLOB files CONFIGURE_DEPENDS ${EMBED_PATTERNS})
  list(APPEND files ${EMBED_FILES})
  set(source ${CMAKE_BINARY_DIR}/generated/${folder}.cc)
  set(writer ${CMAKE_SOURCE_DIR}/cmake/write_embedded.cmake)
  add_custom_command(OUTPUT ${source}
                     COMMAND ${CMAKE_COMMAND} -D "FILES=${files}" -D SOURCE=${source} -D FUNCTION=${function} -P ${writer}
                     DEPENDS ${files} ${writer} VERBATIM)
  target_sources(${target} PRIVATE ${source})
endfunction()
