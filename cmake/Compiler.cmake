# How every file of the project is compiled, whatever the preset.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 11)
  message(FATAL_ERROR "g++ ${CMAKE_CXX_COMPILER_VERSION} found, 11 or newer expected (C++20).")
elseif(CMAKE_CXX_COMPILER_ID STREQUAL "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
  message(FATAL_ERROR "clang ${CMAKE_CXX_COMPILER_VERSION} found, 14 or newer expected (C++20).")
endif()

# Compilers fuse a*b+c where the instruction set allows it; then the same source would give other bits on another one.
add_compile_options(-ffp-contract=off)

# Off: one binary for every x86-64; kernels that gain from AVX-512 choose at run time. On: this machine only.
if(COPPICE_NATIVE)
  add_compile_options(-march=native)
endif()

if(COPPICE_SANITIZE)
  add_compile_options(-fsanitize=${COPPICE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${COPPICE_SANITIZE})
endif()
if(COPPICE_HARDENED)
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()

# Colours survive Ninja's buffering only when asked for.
if(CMAKE_GENERATOR STREQUAL "Ninja" AND NOT DEFINED ENV{NO_COLOR})
  add_compile_options(-fdiagnostics-color=always)
endif()

find_program(COPPICE_CCACHE ccache)
if(COPPICE_CCACHE)
  # Paths relative to the checkout: a second clone finds what the first one compiled.
  set(launcher env "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" CCACHE_NOHASHDIR=1 "${COPPICE_CCACHE}")
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()
