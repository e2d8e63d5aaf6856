#include "simulations/main.h"

int main(int argc, char** argv) { return coppice::main(argc, argv); }
