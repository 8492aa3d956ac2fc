#include "prelude.h"

#define BITS 32
#define ENGINE float32_portable
#if defined(__GNUC__) && !defined(SOFTMAX_XP_KERNELS_SCALAR)
#define SIMD 128
#else
#define SIMD 0
#endif
#include "engine-inl.h"
