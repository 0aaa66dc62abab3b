# The shared library of the C interface. It exports the names of src/bridge/symbols.txt and nothing else: no symbol of
# ours, of the standard library's templates, or of the static libraries it is made of.
file(STRINGS include/anemone/bridge.h abi REGEX "define ANE_BRIDGE_ABI_VERSION")
string(REGEX REPLACE ".* " "" abi ${abi})
file(STRINGS src/bridge/symbols.txt symbols)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS include/anemone/bridge.h src/bridge/symbols.txt)

set(exports ${CMAKE_BINARY_DIR}/generated/bridge_exports)
if(APPLE)
  list(TRANSFORM symbols PREPEND _)
  string(JOIN "\n" names ${symbols})
  set(option -exported_symbols_list)
else()
  string(JOIN "; " names ${symbols})
  set(names "ANE_BRIDGE_${abi} { global: ${names}; local: *; };")
  set(option --no-undefined,--version-script)
endif()
file(CONFIGURE OUTPUT ${exports} CONTENT "${names}\n" @ONLY)

target_include_directories(anemone_bridge PUBLIC ${CMAKE_SOURCE_DIR}/include)
add_library(bridge SHARED $<TARGET_OBJECTS:anemone_bridge>)
set_target_properties(bridge PROPERTIES OUTPUT_NAME anemone_bridge SOVERSION ${abi} LINKER_LANGUAGE CXX
                                        LINK_DEPENDS ${exports})
target_link_libraries(bridge PRIVATE anemone_device)
target_link_options(bridge PRIVATE LINKER:${option},${exports})
target_include_directories(bridge INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>)
