#include "kernels.h"

#include <math.h>
#include <string.h>

#if defined(HAVE_X86_VARIANTS)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif
