# coppice_package(): what find_package(Coppice) needs, as the install component `development`: headers under include/coppice, static
# libraries, and the files by which this build found what they are linked with. Why: docs/decisions/extensions.md.
include(CMakePackageConfigHelpers)
function(coppice_package)
  # The program as a library, compiled as the tree's own sources are where bits depend on it.
  add_library(coppice_coppice INTERFACE)
  add_library(Coppice::coppice ALIAS coppice_coppice)
  set_target_properties(coppice_coppice PROPERTIES EXPORT_NAME coppice)
  target_link_libraries(coppice_coppice INTERFACE Coppice::simulations)
  target_compile_features(coppice_coppice INTERFACE cxx_std_20)
  target_compile_options(coppice_coppice INTERFACE -ffp-contract=off)
  if(COPPICE_SANITIZE)
    target_compile_options(coppice_coppice INTERFACE -fsanitize=${COPPICE_SANITIZE})
    target_link_options(coppice_coppice INTERFACE -fsanitize=${COPPICE_SANITIZE})
  endif()

  set(headers "${CMAKE_INSTALL_INCLUDEDIR}/coppice")
  set(package "${CMAKE_INSTALL_LIBDIR}/cmake/Coppice")
  get_property(libraries GLOBAL PROPERTY COPPICE_LIBRARIES)
  install(TARGETS coppice_coppice ${libraries} EXPORT CoppiceTargets
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}/coppice/static" COMPONENT development
    INCLUDES DESTINATION "${headers}")
  foreach(folder IN ITEMS core models data comm algorithms client coordinator simulations)
    install(DIRECTORY "${PROJECT_SOURCE_DIR}/${folder}" DESTINATION "${headers}" COMPONENT development
            FILES_MATCHING PATTERN "*.h")
  endforeach()
  install(EXPORT CoppiceTargets NAMESPACE Coppice:: DESTINATION "${package}" COMPONENT development)
  configure_package_config_file("${PROJECT_SOURCE_DIR}/cmake/CoppiceConfig.cmake.in" "${PROJECT_BINARY_DIR}/CoppiceConfig.cmake"
    INSTALL_DESTINATION "${package}")
  write_basic_package_version_file("${PROJECT_BINARY_DIR}/CoppiceConfigVersion.cmake" COMPATIBILITY ExactVersion)
  install(FILES "${PROJECT_BINARY_DIR}/CoppiceConfig.cmake" "${PROJECT_BINARY_DIR}/CoppiceConfigVersion.cmake" "${COPPICE_PACKAGES}"
                "${PROJECT_SOURCE_DIR}/cmake/Dependencies.cmake" "${PROJECT_SOURCE_DIR}/cmake/Libtorch.cmake"
                "${PROJECT_SOURCE_DIR}/cmake/Mpi.cmake"
          DESTINATION "${package}" COMPONENT development)
endfunction()
