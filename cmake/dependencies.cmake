# The libraries of the system's package manager (./dev installs them); nothing is downloaded or vendored.
find_package(tl-expected REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(CLI11 REQUIRED)
find_package(CURL REQUIRED)
find_package(OpenMP REQUIRED)
find_package(GTest REQUIRED)

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
anemone_library(sentencepiece sentencepiece_processor.h sentencepiece sentencepiece_train)
