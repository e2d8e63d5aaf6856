# libtorch as two imported targets on the shared objects of the `torch` wheel (or of any libtorch under Torch_ROOT).
# find_package(Torch) is not used: its CUDA probe needs a toolkit and fails with C++20 on CMake 3.25.
if(NOT COPPICE_LIBTORCH)
  foreach(root IN ITEMS "${Torch_ROOT}" "$ENV{Torch_ROOT}")
    if(root AND NOT COPPICE_LIBTORCH)
      set(COPPICE_LIBTORCH "${root}")
    endif()
  endforeach()
  foreach(dir IN ITEMS "${Torch_DIR}" "$ENV{Torch_DIR}")
    if(dir AND NOT COPPICE_LIBTORCH)
      get_filename_component(COPPICE_LIBTORCH "${dir}/../../.." ABSOLUTE)
    endif()
  endforeach()
  if(NOT COPPICE_LIBTORCH)
    file(GLOB candidates "${COPPICE_VENV}/lib/python3*/site-packages/torch")
    list(APPEND candidates "${COPPICE_VENV}/lib/python3/site-packages/torch")
    list(GET candidates 0 COPPICE_LIBTORCH)
  endif()
endif()
if(NOT EXISTS "${COPPICE_LIBTORCH}/lib/libtorch_cpu.so" OR NOT EXISTS "${COPPICE_LIBTORCH}/include/ATen/core/Tensor.h")
  message(FATAL_ERROR "libtorch not found: looked for lib/libtorch_cpu.so and include/ATen in '${COPPICE_LIBTORCH}'. "
                      "Run `make deps`, or pass -DTorch_ROOT=<folder with lib/ and include/>.")
endif()
file(STRINGS "${COPPICE_LIBTORCH}/include/torch/headeronly/version.h" version_rows REGEX "VERSION_(MAJOR|MINOR) [0-9]+")
string(REGEX REPLACE "[^0-9]+" "." COPPICE_LIBTORCH_VERSION "${version_rows}")
string(REGEX REPLACE "^\\.|\\.$" "" COPPICE_LIBTORCH_VERSION "${COPPICE_LIBTORCH_VERSION}")
# A libtorch with the old std::string would fail only at link time, with hundreds of undefined symbols.
file(STRINGS "${COPPICE_LIBTORCH}/lib/libc10.so" new_abi_symbols REGEX "St7__cxx1112basic_string" LIMIT_COUNT 1)
if(NOT new_abi_symbols)
  message(FATAL_ERROR "the libtorch in '${COPPICE_LIBTORCH}' was built with _GLIBCXX_USE_CXX11_ABI=0; 1 is needed, as "
                      "every other library here has it.")
endif()

add_library(coppice_c10 SHARED IMPORTED)
set_target_properties(coppice_c10 PROPERTIES
  IMPORTED_LOCATION "${COPPICE_LIBTORCH}/lib/libc10.so"
  INTERFACE_INCLUDE_DIRECTORIES "${COPPICE_LIBTORCH}/include"
  INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${COPPICE_LIBTORCH}/include")
add_library(coppice_torch SHARED IMPORTED)
set_target_properties(coppice_torch PROPERTIES
  IMPORTED_LOCATION "${COPPICE_LIBTORCH}/lib/libtorch_cpu.so"
  INTERFACE_COMPILE_DEFINITIONS _GLIBCXX_USE_CXX11_ABI=1
  INTERFACE_INCLUDE_DIRECTORIES "${COPPICE_LIBTORCH}/include;${COPPICE_LIBTORCH}/include/torch/csrc/api/include"
  INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${COPPICE_LIBTORCH}/include;${COPPICE_LIBTORCH}/include/torch/csrc/api/include")
target_link_libraries(coppice_torch INTERFACE coppice_c10)
add_library(Coppice::torch ALIAS coppice_torch)
