# find_package(Tidemill) from an installed tree: Tidemill::streams is the library, Tidemill::log_kafka the adapter,
# Tidemill::serde_json, serde_protobuf and serde_registry the serdes beside it. The program `tidemill` comes from its own folder.
include(CMakePackageConfigHelpers)
install(DIRECTORY include/tidemill DESTINATION include)
install(EXPORT TidemillTargets NAMESPACE Tidemill:: DESTINATION lib/cmake/Tidemill)
configure_package_config_file(cmake/TidemillConfig.cmake.in ${CMAKE_BINARY_DIR}/TidemillConfig.cmake
                              INSTALL_DESTINATION lib/cmake/Tidemill)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/TidemillConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/TidemillConfig.cmake ${CMAKE_BINARY_DIR}/TidemillConfigVersion.cmake
        DESTINATION lib/cmake/Tidemill)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION share/doc/tidemill)
