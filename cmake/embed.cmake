# anemone_embed(TARGET FUNCTION FOLDER): compiles the JSON files of a folder into a library, as
# std::span<const anemone::TextFile> FUNCTION() (base/text_file.h), in the order of their names.
function(anemone_embed target function folder)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.json)
  set(source ${CMAKE_BINARY_DIR}/generated/${folder}.cc)
  set(writer ${CMAKE_SOURCE_DIR}/cmake/write_embedded.cmake)
  add_custom_command(OUTPUT ${source}
                     COMMAND ${CMAKE_COMMAND} -D "FILES=${files}" -D SOURCE=${source} -D FUNCTION=${function} -P ${writer}
                     DEPENDS ${files} ${writer} VERBATIM)
  target_sources(${target} PRIVATE ${source})
endfunction()
