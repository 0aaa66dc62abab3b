# `cmake --install build/release --prefix DIR`: the program, and the C interface with what finds it: a CMake package and
# a file of pkg-config's, neither of which holds a path, so that DIR may be moved.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS anemone RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
foreach(preset ${anemone_presets})
  install(FILES ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/${preset} DESTINATION ${CMAKE_INSTALL_BINDIR})
endforeach()

install(TARGETS bridge EXPORT anemone_bridge LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES include/anemone/bridge.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/anemone)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/anemone_bridge)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/generated/anemone_bridge-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/generated/anemone_bridge-config-version.cmake DESTINATION ${package})
install(EXPORT anemone_bridge NAMESPACE anemone:: FILE anemone_bridge-config.cmake DESTINATION ${package})

file(RELATIVE_PATH to_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/anemone_bridge.pc.in generated/anemone_bridge.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/generated/anemone_bridge.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
