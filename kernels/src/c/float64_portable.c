#include "prelude.h"

#define BITS 64
#define ENGINE float64_portable
#if defined(__GNUC__) && !defined(SOFTMAX_XP_KERNELS_SCALAR)
#define SIMD 128
#else
#define SIMD 0
#endif
#include "engine-inl.h"
