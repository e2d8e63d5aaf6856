// COPPICE_CLONES before a function: compiled for AVX-512, AVX2 and the baseline, the best chosen when the program starts.
// Left out under sanitizers (they cannot instrument the resolver) and off x86.
#pragma once

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define COPPICE_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define COPPICE_CLONES
#endif
