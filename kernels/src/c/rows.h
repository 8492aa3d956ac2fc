/* Rows that are contiguous, or are made so block by block. */

typedef struct {
    T total, inverse, factor;
} Shares;

static Shares shares_of(Total total, T factor)
{
    const double t = total.sum + total.rest;
    Shares s = {(T)t, (T)1 / (T)t, factor};
    return s;
}

/* e / total, rounded once; the quotient of equal numbers is 1. */
ALWAYS V share(V e, V total, V inverse)
{
#if HAS_FMA
    V q = e * inverse;
    return fma_(fma_(-q, total, e), inverse, q);
#else
    (void)inverse;
    return e / total;
#endif
}

ALWAYS void scale_block(T *e, size_t n, const Shares *s, int factor)
{
    const V total = splat(s->total), inverse = splat(s->inverse), f = splat(s->factor);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        V p = share(load(e + i), total, inverse);
        store(e + i, factor ? p * f : p);
    }
    if (i < n) {
        V p = share(load_part(e + i, n - i, 0), total, inverse);
        store_part(e + i, factor ? p * f : p, n - i);
    }
}

/* The sum of a block, and on the way its maximum; e gets the exponentials. */
ALWAYS Total keep_block(const T *x, T *e, size_t n, const Unit *unit, T *m)
{
    Sums sums = no_sums();
    V v[TILE], top[TILE], rest = splat(0);
    size_t i = 0;
    for (size_t j = 0; j < TILE; j++)
        top[j] = splat(-(T)INFINITY);
    for (; i + SHORT <= n; i += SHORT) {
        for (size_t j = 0; j < TILE; j++) {
            const V y = load(x + i + j * LANES);
            top[j] = larger(y, top[j]);
            v[j] = exp_in(unit, y);
            store(e + i + j * LANES, v[j]);
        }
        sums_add(&sums, (v[0] + v[1]) + (v[2] + v[3]));
    }
    for (; i + LANES <= n; i += LANES) {
        const V y = load(x + i);
        top[0] = larger(y, top[0]);
        v[0] = exp_in(unit, y);
        store(e + i, v[0]);
        rest += v[0];
    }
    if (i < n) {
        const V y = load_part(x + i, n - i, -(T)INFINITY);
        top[1] = larger(y, top[1]);
        v[0] = exp_in(unit, y);
        store_part(e + i, v[0], n - i);
        rest += v[0];
    }
    sums_add(&sums, rest);
    *m = largest_lane(larger(larger(top[0], top[1]), larger(top[2], top[3])));
    return sums_total(&sums);
}

static void share_block(const T *x, T *out, size_t n, const Unit *unit, const Shares *s)
{
    const V total = splat(s->total), inverse = splat(s->inverse), f = splat(s->factor);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store(out + i, share(exp_in(unit, load(x + i)), total, inverse) * f);
    if (i < n)
        store_part(out + i, share(exp_in(unit, load_part(x + i, n - i, 0)), total, inverse) * f, n - i);
}

static Source source(const Rows *rows, Operand operand, char *const at[], T fill)
{
    Source s = {at[operand], rows->along[operand], rows->masked ? at[KEEP] : NULL, rows->along[KEEP], fill, 0,
                rows->storage};
    s.direct = rows->aligned[operand] && s.storage == NATIVE && s.step == sizeof(T) && !s.keep;
    return s;
}

/* The mask is for results that are not already right where the input was filled. */
static Sink sink(const Rows *rows, char *const at[], int masked, T fill)
{
    Sink s = {at[OUT], rows->along[OUT], masked && rows->masked ? at[KEEP] : NULL, rows->along[KEEP], fill, 0,
              rows->storage};
    s.direct = rows->aligned[OUT] && s.storage == NATIVE && s.step == sizeof(T) && !s.keep;
    return s;
}

static void put_one(Storage storage, char *p, T x)
{
    write_any(&x, storage, 1, p, sizeof(T));
}

static T get_one(Storage storage, const char *p)
{
    T x;
    read_any(p, sizeof(T), storage, 1, &x);
    return x;
}

/* All entries of a row become the same number, but masked ones. */
static void blank(const Rows *rows, char *const at[], T kept, T masked)
{
    T scratch[BLOCK];
    Sink out = sink(rows, at, 1, masked);
    for (size_t i = 0; i < rows->n; i += BLOCK) {
        const size_t size = rows->n - i < BLOCK ? rows->n - i : BLOCK;
        T *to = room(&out, i, scratch);
        for (size_t j = 0; j < size; j++)
            to[j] = kept;
        put(&out, i, size, to);
    }
}

static int any_kept(const Rows *rows, char *const at[])
{
    if (!rows->masked)
        return rows->n > 0;
    for (size_t i = 0; i < rows->n; i++)
        if (at[KEEP][(ptrdiff_t)i * rows->along[KEEP]])
            return 1;
    return 0;
}

/* Shares of a measured row, times a factor. */
static void write_shares(const Source *x, const Sink *out, size_t n, const Measure *r, T factor)
{
    T scratch[BLOCK], result[BLOCK];
    const Unit unit = unit_of(splat(r->base), splat(r->n));
    const Shares s = shares_of(total_of(r), factor);
    for (size_t i = 0; i < n; i += BLOCK) {
        const size_t size = n - i < BLOCK ? n - i : BLOCK;
        T *to = room(out, i, result);
        share_block(fetch(x, i, size, scratch), to, size, &unit, &s);
        put(out, i, size, to);
    }
}

/* A row of at most TILE vectors, `count` of them: all of it stays in registers. */
ALWAYS T softmax_few(const T *x, T *out, size_t n, size_t count, const T *factor)
{
    const size_t last = (count - 1) * LANES;
    V v[TILE], top, sum;
    for (size_t j = 0; j + 1 < count; j++)
        v[j] = load(x + j * LANES);
    top = v[count - 1] = load_part(x + last, n - last, -(T)INFINITY);
    for (size_t j = 0; j + 1 < count; j++)
        top = larger(v[j], top);
    Measure r = {.m = largest_lane(top)};
    if (!is_finite(r.m))
        return r.m;
    set_units(&r, r.m);
    const Unit unit = raised_unit(splat(r.base), splat(r.n), SMALL_RAISE);
    sum = (V){0};
    for (size_t j = 0; j < count; j++)
        sum += v[j] = exp_in(&unit, v[j]);
    Sums sums = no_sums();
    sums_add(&sums, sum);
    const Total total = sums_total(&sums);
    if (!(total.sum - total.sum == 0))
        return (T)NAN;
    const Shares s = shares_of(total, factor ? *factor : 1);
    for (size_t j = 0; j < count; j++) {
        v[j] = share(v[j], splat(s.total), splat(s.inverse));
        v[j] = factor ? v[j] * s.factor : v[j];
    }
    for (size_t j = 0; j + 1 < count; j++)
        store(out + j * LANES, v[j]);
    store_part(out + last, v[count - 1], n - last);
    return r.m;
}

static T softmax_short(const T *x, T *out, size_t n, const T *factor)
{
    if (n <= LANES)
        return softmax_few(x, out, n, 1, factor);
    if (n <= 2 * LANES)
        return softmax_few(x, out, n, 2, factor);
    if (n <= 3 * LANES)
        return softmax_few(x, out, n, 3, factor);
    return softmax_few(x, out, n, 4, factor);
}

/* Whether what is written to a row may be read from the other one later. */
static int overlap(const T *x, const T *out, size_t n)
{
    const uintptr_t a = (uintptr_t)x, b = (uintptr_t)out;
    return a < b + n * sizeof(T) && b < a + n * sizeof(T);
}

/* Exponentials are kept in the output until their sum is known, in units of the maximum of the first
   few entries; if that is too far below the maximum, all is done again. The maximum is returned, NaN
   where an entry is, and nothing useful is written where it is not finite. */
static T softmax_block(const T *x, T *out, size_t n, const T *factor)
{
    if (n <= SHORT)
        return n ? softmax_short(x, out, n, factor) : -(T)INFINITY;
    T m = overlap(x, out, n) ? -(T)INFINITY : row_max(x, SHORT);
    if (!is_finite(m))
        m = row_max(x, n);
    for (;;) {
        Measure r;
        T top;
        if (!is_finite(m))
            return m;
        set_units(&r, m);
        const Unit unit = raised_unit(splat(r.base), splat(r.n), SMALL_RAISE);
        const Total total = keep_block(x, out, n, &unit, &top);
        if (top - m > HEADROOM) {
            m = top;
            continue;
        }
        if (!(total.sum - total.sum == 0))
            return (T)NAN;
        const Shares s = shares_of(total, factor ? *factor : 1);
        if (factor)
            scale_block(out, n, &s, 1);
        else
            scale_block(out, n, &s, 0);
        return top;
    }
}

/* factor * softmax(x); the maximum is returned, and nothing is written where it is not finite. */
static T softmax_times(const Source *x, const Sink *out, size_t n, const T *factor)
{
    if (x->direct && out->direct)
        return softmax_block((const T *)(const void *)x->p, (T *)(void *)out->p, n, factor);
    if (n <= BLOCK) {
        T scratch[BLOCK], result[BLOCK];
        const T *v = fetch(x, 0, n, scratch);
        T *to = room(out, 0, result);
        const T m = softmax_block(v, to, n, factor);
        if (is_finite(m))
            put(out, 0, n, to);
        return m;
    }
    const Measure r = measure(x, n);
    if (is_finite(r.m))
        write_shares(x, out, n, &r, factor ? *factor : 1);
    return r.m;
}

static void softmax_row(const Rows *rows, char *const at[])
{
    const Source x = source(rows, X, at, -(T)INFINITY);
    const Sink out = sink(rows, at, 0, 0);
    if (!is_finite(softmax_times(&x, &out, rows->n, NULL)))
        blank(rows, at, (T)NAN, 0);
}

static void logsumexp_vjp_row(const Rows *rows, char *const at[])
{
    const Source x = source(rows, X, at, -(T)INFINITY);
    const Sink out = sink(rows, at, 1, 0);
    const T g = get_one(rows->storage, at[G]);
    const T m = softmax_times(&x, &out, rows->n, &g);
    if (!is_finite(m))
        blank(rows, at, m == -(T)INFINITY && !any_nan(&x, rows->n) ? (T)0 : (T)NAN, 0);
}

static void log_softmax_row(const Rows *rows, char *const at[])
{
    const Source x = source(rows, X, at, -(T)INFINITY);
    const Sink out = sink(rows, at, 0, 0);
    const size_t n = rows->n;
    const Measure r = measure(&x, n);
    if (!is_finite(r.m)) {
        blank(rows, at, (T)NAN, -(T)INFINITY);
        return;
    }
    const V m = splat(r.m), l = splat((T)log_excess(&r));
    T scratch[BLOCK], result[BLOCK];
    for (size_t i = 0; i < n; i += BLOCK) {
        const size_t size = n - i < BLOCK ? n - i : BLOCK;
        const T *v = fetch(&x, i, size, scratch);
        T *to = room(&out, i, result);
        size_t j = 0;
        for (; j + LANES <= size; j += LANES)
            store(to + j, (load(v + j) - m) - l);
        if (j < size)
            store_part(to + j, (load_part(v + j, size - j, 0) - m) - l, size - j);
        put(&out, i, size, to);
    }
}

static void put_logsumexp(const Rows *rows, char *const at[], const Measure *r)
{
    T lse = r->m;
    if (is_finite(r->m)) {
        lse = (T)((double)r->m + log_excess(r));
    } else if (r->m == (T)INFINITY) {
        const Source x = source(rows, X, at, 0);
        lse = any_nan(&x, rows->n) ? (T)NAN : lse;
    }
    put_one(rows->storage, at[OUT], lse);
}

static void logsumexp_row(const Rows *rows, char *const at[])
{
    const Source x = source(rows, X, at, -(T)INFINITY);
    const Measure r = measure(&x, rows->n);
    put_logsumexp(rows, at, &r);
}
