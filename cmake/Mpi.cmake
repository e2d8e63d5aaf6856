# MPI by its C interface. The wheel's Open MPI in .venv is the default; -DMPI_HOME or a loaded module wins.
if(NOT MPI_HOME AND NOT DEFINED ENV{MPI_HOME} AND NOT COPPICE_SYSTEM_MPI AND EXISTS "${PROJECT_SOURCE_DIR}/.venv/bin/mpicc")
  set(MPI_C_COMPILER "${PROJECT_SOURCE_DIR}/.venv/bin/mpicc" CACHE FILEPATH "MPI compiler wrapper")
  set(MPIEXEC_EXECUTABLE "${PROJECT_SOURCE_DIR}/.venv/bin/mpirun" CACHE FILEPATH "MPI launcher")
endif()
find_package(MPI REQUIRED COMPONENTS C)
set(COPPICE_MPIRUN "${MPIEXEC_EXECUTABLE}" CACHE FILEPATH "launcher used by the tests")
set(COPPICE_MPIRUN_FLAGS --oversubscribe --bind-to none CACHE STRING "launcher flags used by the tests")
