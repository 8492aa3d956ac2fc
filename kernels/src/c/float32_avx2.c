#include "prelude.h"

#ifdef HAVE_X86_VARIANTS
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c")
#endif

#define BITS 32
#define SIMD 256
#define ENGINE float32_avx2
#include "engine-inl.h"

#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
