# coppice_library(core): what every library of the tree has: its name, where its headers are, warnings, and its place in the package.
function(coppice_library name)
  add_library(Coppice::${name} ALIAS coppice_${name})
  set_target_properties(coppice_${name} PROPERTIES EXPORT_NAME ${name})
  target_include_directories(coppice_${name} PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>)
  target_link_libraries(coppice_${name} PRIVATE $<BUILD_INTERFACE:coppice_warnings>)
  set_property(GLOBAL APPEND PROPERTY COPPICE_LIBRARIES coppice_${name})
endfunction()

# coppice_layer(core SOURCES a.cc ... [DEPENDS layer ...] [LIBRARIES target ...] [PRIVATE_LIBRARIES target ...])
#   one static library per rung of the ladder (docs/ladder.md); DEPENDS lists the only layers it may include.
#   Files named *_kernels.cc hold the loops that are to become vector code. Nobody asks which floating-point exceptions these
#   raised; as long as someone might, g++ keeps every comparison a branch on AVX2, and with it each exponential scalar.
function(coppice_layer name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS;LIBRARIES;PRIVATE_LIBRARIES" ${ARGN})
  add_library(coppice_${name} STATIC ${arg_SOURCES})
  set(kernels ${arg_SOURCES})
  list(FILTER kernels INCLUDE REGEX "_kernels\\.cc$")
  set_property(SOURCE ${kernels} APPEND PROPERTY COMPILE_OPTIONS -fno-trapping-math)
  coppice_library(${name})
  list(TRANSFORM arg_DEPENDS PREPEND Coppice::)
  target_link_libraries(coppice_${name} PUBLIC ${arg_DEPENDS} ${arg_LIBRARIES} PRIVATE ${arg_PRIVATE_LIBRARIES})
  set_property(GLOBAL APPEND PROPERTY COPPICE_LAYERS ${name})
endfunction()

# Building this target builds exactly the tests that also run under sanitizers (label `sanitize`).
add_custom_target(sanitize_tests)

# coppice_test(core_test SOURCES a.cc ... LAYERS core ... [LABELS fast] [RANKS 1 2 4] [TIMEOUT s] [LIBRARIES target ...])
#   one GoogleTest binary, one ctest entry (with RANKS: one entry for each number of MPI ranks). Every entry leaves its cases
#   in test-results/ENTRY.json (rank R > 0: ENTRY.rankR.json), which tools/setup/run_tests.py adds up.
#   A fast test of the torch-free layers gets the label `sanitize` by itself; any other test may name it.
function(coppice_test name)
  cmake_parse_arguments(arg "" "TIMEOUT" "SOURCES;LAYERS;LABELS;RANKS;LIBRARIES" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  if(NOT arg_LABELS)
    set(arg_LABELS fast)
  endif()
  set(layers_with_torch ${arg_LAYERS})
  list(REMOVE_ITEM layers_with_torch core data comm)
  if(NOT layers_with_torch AND "fast" IN_LIST arg_LABELS)
    list(APPEND arg_LABELS sanitize)
    list(REMOVE_DUPLICATES arg_LABELS)
  endif()
  add_executable(${name} ${arg_SOURCES})
  list(TRANSFORM arg_LAYERS PREPEND Coppice::)
  target_link_libraries(${name} PRIVATE ${arg_LAYERS} ${arg_LIBRARIES} GTest::gtest coppice_warnings)
  if(arg_LAYERS MATCHES "models|algorithms|simulations")
    target_sources(${name} PRIVATE $<TARGET_OBJECTS:seeded_draws>)
  endif()
  if("sanitize" IN_LIST arg_LABELS)
    add_dependencies(sanitize_tests ${name})
  endif()

  set(results "${CMAKE_BINARY_DIR}/test-results")
  set(environment OMP_NUM_THREADS=1 "COPPICE_DATA_DIR=${COPPICE_DATA_DIR}"
                  "LSAN_OPTIONS=suppressions=${PROJECT_SOURCE_DIR}/cmake/lsan.supp:print_suppressions=0"
                  UBSAN_OPTIONS=print_stacktrace=1)
  if(COPPICE_SANITIZE MATCHES thread)
    list(APPEND environment UCX_MEM_EVENTS=no)  # UCX hooks madvise, which a thread calls when the sanitizer has forgotten it
  endif()
  if(NOT arg_RANKS)
    target_link_libraries(${name} PRIVATE GTest::gtest_main)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT}
      ENVIRONMENT "${environment};GTEST_OUTPUT=json:${results}/${name}.json")
    return()
  endif()
  list(APPEND arg_LABELS mpi)
  list(APPEND environment OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1)
  foreach(ranks IN LISTS arg_RANKS)
    set(entry ${name}.ranks${ranks})
    add_test(NAME ${entry}
             COMMAND ${COPPICE_MPIRUN} -n ${ranks} ${COPPICE_MPIRUN_FLAGS}
                     sh "${PROJECT_SOURCE_DIR}/cmake/rank_results.sh" "${results}/${entry}" $<TARGET_FILE:${name}>)
    set_tests_properties(${entry} PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT} PROCESSORS ${ranks}
      ENVIRONMENT "${environment}")
  endforeach()
endfunction()
