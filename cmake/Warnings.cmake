# Warnings for our own code only; vendor headers are SYSTEM.
add_library(coppice_warnings INTERFACE)
target_compile_options(coppice_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Woverloaded-virtual -Wnon-virtual-dtor -Wswitch)
