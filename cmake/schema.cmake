# anemone_hide(TARGET): nothing of it is exported by the programs that link it. Templates and inline functions of
# Protocol buffers that it instantiates thus stay apart from those of other libraries.
function(anemone_hide target)
  set_target_properties(${target} PROPERTIES CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
endfunction()

# anemone_schema(PROTO): the library anemone_schema of the classes that protoc writes for it; "mil/package/model.pb.h"
# for src/mil/package/model.proto. No warnings: the code is not ours.
function(anemone_schema proto)
  cmake_path(RELATIVE_PATH proto BASE_DIRECTORY src OUTPUT_VARIABLE name)
  cmake_path(REMOVE_EXTENSION name)
  set(folder ${CMAKE_BINARY_DIR}/generated)
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(OUTPUT ${folder}/${name}.pb.cc ${folder}/${name}.pb.h
                     COMMAND ${PROTOC} --proto_path=${CMAKE_SOURCE_DIR}/src --cpp_out=lite:${folder}
                             ${CMAKE_SOURCE_DIR}/${proto}
                     DEPENDS ${CMAKE_SOURCE_DIR}/${proto} VERBATIM)
  add_library(anemone_schema STATIC ${folder}/${name}.pb.cc ${folder}/${name}.pb.h)
  target_compile_options(anemone_schema PRIVATE -w)
  target_include_directories(anemone_schema SYSTEM PUBLIC ${folder})
  target_link_libraries(anemone_schema PUBLIC anemone::protobuf)
  anemone_hide(anemone_schema)
endfunction()
