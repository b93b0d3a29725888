# Installs libraries, header, CMake package and pkg-config file. Included by runtime/CMakeLists.txt.
include(CMakePackageConfigHelpers)

set(package_folder "${CMAKE_INSTALL_LIBDIR}/cmake/dcelite")
install(TARGETS dcelite dcelite_static EXPORT dcelite-targets
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
  RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
install(FILES include/dcelite.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")

install(EXPORT dcelite-targets NAMESPACE dcelite:: DESTINATION "${package_folder}")
configure_package_config_file(cmake/dcelite-config.cmake.in dcelite-config.cmake INSTALL_DESTINATION "${package_folder}")
write_basic_package_version_file(dcelite-config-version.cmake COMPATIBILITY SameMajorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/dcelite-config.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/dcelite-config-version.cmake" DESTINATION "${package_folder}")

# Relative to the file itself, so that the installed folder can be moved.
set(pkgconfig_folder "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig")
file(RELATIVE_PATH prefix_from_pkgconfig "${pkgconfig_folder}" "${CMAKE_INSTALL_PREFIX}")
file(RELATIVE_PATH includes_from_pkgconfig "${pkgconfig_folder}" "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
configure_file(cmake/dcelite.pc.in dcelite.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/dcelite.pc" DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
