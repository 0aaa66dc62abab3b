# The libraries of the system's package manager (./dev installs them); nothing is downloaded or vendored.
find_package(tl-expected REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(CURL REQUIRED)
find_package(LibArchive REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(OpenMP REQUIRED)
set(CURSES_NEED_WIDE TRUE)
find_package(Curses REQUIRED)
find_package(GTest REQUIRED)
find_package(benchmark QUIET)
find_package(PkgConfig REQUIRED)

# anemone_library(NAME HEADER LIBRARIES...): an imported target for a library that ships no usable CMake package.
function(anemone_library name header)
  find_path(${name}_INCLUDE_DIR ${header} REQUIRED)
  add_library(anemone::${name} INTERFACE IMPORTED)
  target_include_directories(anemone::${name} SYSTEM INTERFACE ${${name}_INCLUDE_DIR})
  foreach(library ${ARGN})
    find_library(${library}_LIBRARY ${library} REQUIRED)
    target_link_libraries(anemone::${name} INTERFACE ${${library}_LIBRARY})
  endforeach()
endfunction()

anemone_library(dnnl dnnl.h dnnl)
anemone_library(hwy hwy/highway.h hwy)
anemone_library(xxhash xxhash.h xxhash)
anemone_library(valijson valijson/validator.hpp)  # for tests
anemone_library(sentencepiece sentencepiece_processor.h sentencepiece sentencepiece_train)

add_library(anemone::curses INTERFACE IMPORTED)
target_include_directories(anemone::curses SYSTEM INTERFACE ${CURSES_INCLUDE_DIRS})
target_link_libraries(anemone::curses INTERFACE ${CURSES_LIBRARIES})

# Protocol buffers. On Linux libsentencepiece exports an old copy of the same library. Ours is static there, the whole of
# it first on the command line and hidden, so that neither copy binds to the other.
if(APPLE)
  find_package(protobuf CONFIG REQUIRED)
  add_library(anemone::protobuf INTERFACE IMPORTED)
  target_link_libraries(anemone::protobuf INTERFACE protobuf::libprotobuf-lite)
  set(PROTOC protobuf::protoc)
else()
  find_program(PROTOC protoc REQUIRED)
  find_path(protobuf_INCLUDE_DIR google/protobuf/message_lite.h REQUIRED)
  find_library(protobuf_LIBRARY libprotobuf-lite.a REQUIRED)
  add_library(anemone::protobuf INTERFACE IMPORTED)
  target_include_directories(anemone::protobuf SYSTEM INTERFACE ${protobuf_INCLUDE_DIR})
  # Debian's archive cannot be part of a shared library (its thread-local variables are an executable's). Ours, the
  # bridge, reads programs as text alone and has no need of it.
  set(whole "LINKER:--whole-archive,${protobuf_LIBRARY},--no-whole-archive,--exclude-libs,libprotobuf-lite.a")
  target_link_options(anemone::protobuf INTERFACE
                      $<$<NOT:$<STREQUAL:$<TARGET_PROPERTY:TYPE>,SHARED_LIBRARY>>:${whole}>)
endif()

# cpp-httplib says by its pkg-config file how it was built: its classes look different with and without TLS.
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
add_library(anemone::httplib ALIAS PkgConfig::HTTPLIB)

# Chart.js, one file of JavaScript, which the dashboard's page is compiled with.
find_file(CHART_JS NAMES chart.min.js chart.umd.min.js chart.umd.js
          PATHS /usr/share/javascript PATH_SUFFIXES chart.js DOC "Chart.js in one minified file")
if(CHART_JS)
  set(CHART_JS_FILES ${CMAKE_BINARY_DIR}/generated/chart.js)  # whatever it was called
  configure_file(${CHART_JS} ${CHART_JS_FILES} COPYONLY)
else()
  message(WARNING "Chart.js is not there, so that the dashboard's page will have no charts: install libjs-chart.js "
                  "(Debian), or `npm install chart.js` and give -D CHART_JS=.../chart.js/dist/chart.umd.js")
endif()
