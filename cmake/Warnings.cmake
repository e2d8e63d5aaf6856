# Warnings for our own code only; vendor headers are SYSTEM. -Wconversion is left out: libtorch counts in int64_t and the
# standard library in size_t, so it would be casts everywhere and no finding (docs/decisions/build.md).
add_library(coppice_warnings INTERFACE)
target_compile_options(coppice_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Woverloaded-virtual -Wnon-virtual-dtor -Wswitch)
if(COPPICE_WERROR)
  target_compile_options(coppice_warnings INTERFACE -Werror)
endif()
