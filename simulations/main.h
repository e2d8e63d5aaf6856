// The program as a function, for programs that add choices of their own to it.
#pragma once

#include "core/extensions.h"

namespace coppice {

// Wires the commands together, under mpirun or alone, and turns every outcome into an exit code: 0 done, 1 a defect, 2 bad input, 3 stopped
// where a resume goes on. `extensions` are named in configs as the built-in choices are; every rank of a run must add the same.
int main(int argc, char** argv, Extensions extensions = {});

}  // namespace coppice
