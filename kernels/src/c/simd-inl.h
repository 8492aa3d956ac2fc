/* Vectors of T, SIMD bits wide. Where the compiler has none (SIMD 0) a vector is one number.
   Operators work on vectors and on numbers; here is what C has no operator for. */

#if BITS == 32
typedef float T;
typedef uint32_t Word;
#else
typedef double T;
typedef uint64_t Word;
#endif

#if SIMD
#define LANES (SIMD / BITS)
#define ALWAYS static inline __attribute__((always_inline))
typedef T V __attribute__((vector_size(SIMD / 8)));
typedef Word U __attribute__((vector_size(SIMD / 8)));
typedef double D __attribute__((vector_size(SIMD / 8)));
#else
#define LANES 1
#define ALWAYS static inline
typedef T V;
typedef Word U;
typedef double D;
#endif

#define PASTE_(a, b, c) a##b##c
#define PASTE(a, b, c) PASTE_(a, b, c)
#if SIMD == 512
#define X86_PREFIX _mm512_
#elif SIMD == 256
#define X86_PREFIX _mm256_
#elif SIMD == 128 && defined(HAVE_X86_VARIANTS)
#define X86_PREFIX _mm_
#elif SIMD == 128 && defined(__aarch64__)
#define NEON 1
#endif
#if BITS == 32
#define X86(name) PASTE(X86_PREFIX, name, _ps)
#define ARM(name) name##_f32
#define ARM_V float32x4_t
#else
#define X86(name) PASTE(X86_PREFIX, name, _pd)
#define ARM(name) name##_f64
#define ARM_V float64x2_t
#endif

#if SIMD >= 256 || defined(NEON)
#define HAS_FMA 1
#else
#define HAS_FMA 0
#endif

ALWAYS U word_of(V v)
{
    U u;
    memcpy(&u, &v, sizeof u);
    return u;
}

ALWAYS V number_of(U u)
{
    V v;
    memcpy(&v, &u, sizeof v);
    return v;
}

ALWAYS V splat(T x)
{
    return x - (V){0};
}

ALWAYS V load(const T *p)
{
    V v;
    memcpy(&v, p, sizeof v);
    return v;
}

ALWAYS void store(T *p, V v)
{
    memcpy(p, &v, sizeof v);
}

/* All bits set where a is b. */
ALWAYS U equal(V a, V b)
{
#if SIMD
    return (U)(a == b);
#else
    return (U)0 - (U)(a == b);
#endif
}

ALWAYS U above(V a, V b)
{
#if SIMD
    return (U)(a > b);
#else
    return (U)0 - (U)(a > b);
#endif
}

ALWAYS int any_lane(U mask)
{
#if SIMD == 512
    return _mm512_test_epi64_mask((__m512i)mask, (__m512i)mask) != 0;
#elif SIMD == 256
    return !_mm256_testz_si256((__m256i)mask, (__m256i)mask);
#elif SIMD
    Word all = 0;
    for (size_t j = 0; j < LANES; j++)
        all |= mask[j];
    return all != 0;
#else
    return mask != 0;
#endif
}

ALWAYS int many_lanes(U mask)
{
#if SIMD == 512 && BITS == 32
    const unsigned bits = _mm512_movepi32_mask((__m512i)mask);
#elif SIMD == 512
    const unsigned bits = _mm512_movepi64_mask((__m512i)mask);
#elif defined(X86_PREFIX)
    const unsigned bits = (unsigned)X86(movemask)((V)mask);
#elif SIMD
    unsigned bits = 0;
    for (size_t j = 0; j < LANES; j++)
        bits |= (unsigned)(mask[j] & 1) << j;
#else
    const unsigned bits = (unsigned)(mask & 1);
#endif
    return (bits & (bits - 1)) != 0;
}

ALWAYS V only(U mask, V v)
{
    return number_of(mask & word_of(v));
}

ALWAYS V except(U mask, V v)
{
    return number_of(~mask & word_of(v));
}

ALWAYS V choose(U mask, V a, V b)
{
    return number_of((mask & word_of(a)) | (~mask & word_of(b)));
}

/* a > b ? a : b and a < b ? a : b, which are b where one of them is NaN; on Arm they are NaN then. */
ALWAYS V larger(V a, V b)
{
#ifdef X86_PREFIX
    return X86(max)(a, b);
#elif defined(NEON)
    return (V)ARM(vmaxq)((ARM_V)a, (ARM_V)b);
#else
    return choose(above(a, b), a, b);
#endif
}

ALWAYS V smaller(V a, V b)
{
#ifdef X86_PREFIX
    return X86(min)(a, b);
#elif defined(NEON)
    return (V)ARM(vminq)((ARM_V)a, (ARM_V)b);
#else
    return choose(above(b, a), a, b);
#endif
}

/* a * b + c, rounded once where the machine can. */
ALWAYS V fma_(V a, V b, V c)
{
#if SIMD >= 256
    return X86(fmadd)(a, b, c);
#elif defined(NEON)
    return (V)ARM(vfmaq)((ARM_V)c, (ARM_V)a, (ARM_V)b);
#else
    return a * b + c;
#endif
}

/* The same for single numbers. */
static inline double fma_one(double a, double b, double c)
{
#if HAS_FMA
    return __builtin_fma(a, b, c);
#else
    return a * b + c;
#endif
}

#if SIMD == 256
/* All bits set in the first n lanes. */
ALWAYS __m256i first_lanes(size_t n)
{
#if BITS == 32
    static const int32_t mask[2 * LANES] = {-1, -1, -1, -1, -1, -1, -1, -1};
#else
    static const int64_t mask[2 * LANES] = {-1, -1, -1, -1};
#endif
    return _mm256_loadu_si256((const __m256i *)(const void *)(mask + LANES - n));
}
#elif SIMD == 512
#if BITS == 32
typedef __mmask16 First;
#else
typedef __mmask8 First;
#endif
ALWAYS First first_lanes(size_t n)
{
    return (First)((1u << n) - 1u);
}
#endif

/* n <= LANES numbers, and `fill` in the other lanes. */
ALWAYS V load_part(const T *p, size_t n, T fill)
{
#if SIMD == 512
    return X86(mask_loadu)(splat(fill), first_lanes(n), p);
#elif SIMD == 256
    V mask = (V)first_lanes(n);
    return X86(blendv)(splat(fill), X86(maskload)(p, first_lanes(n)), mask);
#else
    T lanes[LANES];
    for (size_t j = 0; j < LANES; j++)
        lanes[j] = fill;
    for (size_t j = 0; j < n; j++)
        lanes[j] = p[j];
    return load(lanes);
#endif
}

ALWAYS void store_part(T *p, V v, size_t n)
{
#if SIMD == 512
    X86(mask_storeu)(p, first_lanes(n), v);
#elif SIMD == 256 && BITS == 32
    /* A masked store takes dozens of steps on some processors. */
    __m128 part = _mm256_castps256_ps128(v);
    if (n & 8)
        store(p, v);
    if (n & 4) {
        _mm_storeu_ps(p, part);
        part = _mm256_extractf128_ps(v, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)(void *)p, part);
        part = _mm_movehl_ps(part, part);
        p += 2;
    }
    if (n & 1)
        _mm_store_ss(p, part);
#elif SIMD == 256
    __m128d part = _mm256_castpd256_pd128(v);
    if (n & 4)
        store(p, v);
    if (n & 2) {
        _mm_storeu_pd(p, part);
        part = _mm256_extractf128_pd(v, 1);
        p += 2;
    }
    if (n & 1)
        _mm_store_sd(p, part);
#else
    T lanes[LANES];
    store(lanes, v);
    for (size_t j = 0; j < n; j++)
        p[j] = lanes[j];
#endif
}

ALWAYS T largest_lane(V v)
{
    T m[LANES];
    store(m, v);
    for (size_t half = LANES / 2; half > 0; half /= 2)
        for (size_t j = 0; j < half; j++)
            m[j] = m[j] > m[j + half] ? m[j] : m[j + half];
    return m[0];
}

#if BITS == 32
/* The lower and the upper half in double precision. */
ALWAYS void widen(V v, D *low, D *high)
{
#if SIMD == 512
    *low = _mm512_cvtps_pd(_mm512_castps512_ps256(v));
    *high = _mm512_cvtps_pd(_mm512_extractf32x8_ps(v, 1));
#elif SIMD == 256
    *low = _mm256_cvtps_pd(_mm256_castps256_ps128(v));
    *high = _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1));
#elif defined(X86_PREFIX)
    *low = _mm_cvtps_pd(v);
    *high = _mm_cvtps_pd(_mm_movehl_ps(v, v));
#elif defined(NEON)
    *low = (D)vcvt_f64_f32(vget_low_f32((float32x4_t)v));
    *high = (D)vcvt_high_f64_f32((float32x4_t)v);
#elif SIMD
    for (size_t j = 0; j < LANES / 2; j++) {
        (*low)[j] = v[j];
        (*high)[j] = v[j + LANES / 2];
    }
#else
    *low = v;
    *high = 0;
#endif
}

ALWAYS V narrow(D low, D high)
{
#if SIMD == 512
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low)), _mm512_cvtpd_ps(high), 1);
#elif SIMD == 256
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(low)), _mm256_cvtpd_ps(high), 1);
#elif defined(X86_PREFIX)
    return _mm_movelh_ps(_mm_cvtpd_ps(low), _mm_cvtpd_ps(high));
#elif defined(NEON)
    return (V)vcvt_high_f32_f64(vcvt_f32_f64((float64x2_t)low), (float64x2_t)high);
#elif SIMD
    V v;
    for (size_t j = 0; j < LANES / 2; j++) {
        v[j] = (T)low[j];
        v[j + LANES / 2] = (T)high[j];
    }
    return v;
#else
    (void)high;
    return (V)low;
#endif
}
#endif
