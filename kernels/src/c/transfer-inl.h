/* Between arrays of any layout and storage and contiguous blocks of T. */

typedef struct {
    const char *p;
    ptrdiff_t step;
    const char *keep; /* NULL: all are kept */
    ptrdiff_t keep_step;
    T fill;           /* what masked entries become */
    int direct;       /* whether it can be read as it is */
    Storage storage;
} Source;

typedef struct {
    char *p;
    ptrdiff_t step;
    const char *keep;
    ptrdiff_t keep_step;
    T fill;
    int direct;
    Storage storage;
} Sink;

#if BITS == 32
static inline Word bits_of(float x)
{
    Word u;
    memcpy(&u, &x, sizeof u);
    return u;
}

static inline float float_of(Word u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

static inline float half_to_float(uint16_t h)
{
    /* No step meets a subnormal float, which some programs have the processor treat as 0. */
    const Word a = (Word)(h & 0x7fff) << 13, sign = (Word)(h & 0x8000) << 16;
    const Word tiny = bits_of(float_of(a + (113u << 23)) - 0x1p-14f), normal = a + (112u << 23);
    const Word special = a >= 0x0f800000 ? 0x7f800000u : 0;
    return float_of((a < 0x00800000 ? tiny : normal) | special | sign);
}

static inline uint16_t half_of_float(float x)
{
    const Word u = bits_of(x), sign = (u >> 16) & 0x8000, a = u & 0x7fffffff;
    /* Half of the smallest step is added by the hardware in the subnormal range, and by hand above it. */
    const Word tiny = bits_of(float_of(a) + 0.5f) - bits_of(0.5f);
    const Word normal = (a - (112u << 23) + 0xfff + ((a >> 13) & 1)) >> 13;
    const Word special = a > 0x7f800000 ? 0x7e00 : 0x7c00;
    return (uint16_t)(sign | (a >= 0x477ff000 ? special : a < 0x38800000 ? tiny : normal));
}

static inline float brain_to_float(uint16_t b)
{
    return float_of((Word)b << 16);
}

static inline uint16_t brain_of_float(float x)
{
    const Word u = bits_of(x);
    const Word rounded = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
    return (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? (u >> 16) | 0x40 : rounded);
}

static void read_half(const char *p, ptrdiff_t step, size_t n, T *to)
{
    uint16_t h;
    size_t j = 0;
#if SIMD >= 256
    if (step == 2)
        for (; j + 8 <= n; j += 8)
            _mm256_storeu_ps(to + j, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)(p + 2 * j))));
#endif
    for (; j < n; j++) {
        memcpy(&h, p + (ptrdiff_t)j * step, 2);
        to[j] = half_to_float(h);
    }
}

static void read_brain(const char *p, ptrdiff_t step, size_t n, T *to)
{
    uint16_t b;
    if (step == 2)
        for (size_t j = 0; j < n; j++) {
            memcpy(&b, p + 2 * j, 2);
            to[j] = brain_to_float(b);
        }
    else
        for (size_t j = 0; j < n; j++) {
            memcpy(&b, p + (ptrdiff_t)j * step, 2);
            to[j] = brain_to_float(b);
        }
}

static void write_half(const T *from, size_t n, char *p, ptrdiff_t step)
{
    size_t j = 0;
#if SIMD >= 256
    if (step == 2)
        for (; j + 8 <= n; j += 8)
            _mm_storeu_si128((__m128i *)(void *)(p + 2 * j), _mm256_cvtps_ph(_mm256_loadu_ps(from + j), 0));
#endif
    for (; j < n; j++) {
        uint16_t h = half_of_float(from[j]);
        memcpy(p + (ptrdiff_t)j * step, &h, 2);
    }
}

static void write_brain(const T *from, size_t n, char *p, ptrdiff_t step)
{
    uint16_t b;
    if (step == 2)
        for (size_t j = 0; j < n; j++) {
            b = brain_of_float(from[j]);
            memcpy(p + 2 * j, &b, 2);
        }
    else
        for (size_t j = 0; j < n; j++) {
            b = brain_of_float(from[j]);
            memcpy(p + (ptrdiff_t)j * step, &b, 2);
        }
}
#endif

static void read_any(const char *p, ptrdiff_t step, Storage storage, size_t n, T *to)
{
#if BITS == 32
    if (storage == HALF) {
        read_half(p, step, n, to);
        return;
    }
    if (storage == BRAIN) {
        read_brain(p, step, n, to);
        return;
    }
#else
    (void)storage;
#endif
    if (step == sizeof(T))
        memcpy(to, p, n * sizeof(T));
    else
        for (size_t j = 0; j < n; j++)
            memcpy(to + j, p + (ptrdiff_t)j * step, sizeof(T));
}

static void write_any(const T *from, Storage storage, size_t n, char *p, ptrdiff_t step)
{
#if BITS == 32
    if (storage == HALF) {
        write_half(from, n, p, step);
        return;
    }
    if (storage == BRAIN) {
        write_brain(from, n, p, step);
        return;
    }
#else
    (void)storage;
#endif
    if (step == sizeof(T))
        memcpy(p, from, n * sizeof(T));
    else
        for (size_t j = 0; j < n; j++)
            memcpy(p + (ptrdiff_t)j * step, from + j, sizeof(T));
}

static void fill_masked(T *x, const char *keep, ptrdiff_t step, size_t n, T fill)
{
    if (step == 1)
        for (size_t j = 0; j < n; j++)
            x[j] = keep[j] ? x[j] : fill;
    else if (step != 0)
        for (size_t j = 0; j < n; j++)
            x[j] = keep[(ptrdiff_t)j * step] ? x[j] : fill;
    else if (n && !*keep)
        for (size_t j = 0; j < n; j++)
            x[j] = fill;
}

static const T *fetch_copy(const Source *s, size_t start, size_t n, T *scratch)
{
    read_any(s->p + (ptrdiff_t)start * s->step, s->step, s->storage, n, scratch);
    if (s->keep)
        fill_masked(scratch, s->keep + (ptrdiff_t)start * s->keep_step, s->keep_step, n, s->fill);
    return scratch;
}

/* n entries from `start` on, in the array itself or copied to `scratch`. */
static inline const T *fetch(const Source *s, size_t start, size_t n, T *scratch)
{
    return s->direct ? (const T *)(const void *)s->p + start : fetch_copy(s, start, n, scratch);
}

/* Where entries from `start` on are to be written before `put`. */
static inline T *room(const Sink *s, size_t start, T *scratch)
{
    return s->direct ? (T *)(void *)(s->p + (ptrdiff_t)start * s->step) : scratch;
}

static void put_copy(const Sink *s, size_t start, size_t n, T *from)
{
    if (s->keep)
        fill_masked(from, s->keep + (ptrdiff_t)start * s->keep_step, s->keep_step, n, s->fill);
    write_any(from, s->storage, n, s->p + (ptrdiff_t)start * s->step, s->step);
}

static inline void put(const Sink *s, size_t start, size_t n, T *from)
{
    if (!s->direct)
        put_copy(s, start, n, from);
}
