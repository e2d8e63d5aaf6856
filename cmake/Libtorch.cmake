# libtorch as two imported targets on the shared objects of the `torch` wheel (or any libtorch under Torch_ROOT).
# find_package(Torch) is not used: its CUDA probe needs a toolkit and fails with C++20 on CMake 3.25.
if(NOT COPPICE_LIBTORCH)
  if(Torch_DIR)
    get_filename_component(COPPICE_LIBTORCH "${Torch_DIR}/../../.." ABSOLUTE)
  else()
    file(GLOB candidates "${PROJECT_SOURCE_DIR}/.venv/lib/python3*/site-packages/torch")
    list(APPEND candidates "")
    list(GET candidates 0 COPPICE_LIBTORCH)
  endif()
endif()
if(NOT EXISTS "${COPPICE_LIBTORCH}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "libtorch not found (looked for '${COPPICE_LIBTORCH}/lib/libtorch_cpu.so'). "
                      "Run `make deps`, or pass -DCOPPICE_LIBTORCH=<folder with lib/ and include/>.")
endif()

add_library(coppice_c10 SHARED IMPORTED)
set_target_properties(coppice_c10 PROPERTIES
  IMPORTED_LOCATION "${COPPICE_LIBTORCH}/lib/libc10.so"
  INTERFACE_INCLUDE_DIRECTORIES "${COPPICE_LIBTORCH}/include"
  INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${COPPICE_LIBTORCH}/include")
add_library(coppice_torch SHARED IMPORTED)
set_target_properties(coppice_torch PROPERTIES
  IMPORTED_LOCATION "${COPPICE_LIBTORCH}/lib/libtorch_cpu.so"
  INTERFACE_INCLUDE_DIRECTORIES "${COPPICE_LIBTORCH}/include;${COPPICE_LIBTORCH}/include/torch/csrc/api/include"
  INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${COPPICE_LIBTORCH}/include;${COPPICE_LIBTORCH}/include/torch/csrc/api/include")
target_link_libraries(coppice_torch INTERFACE coppice_c10)
add_library(Coppice::torch ALIAS coppice_torch)
