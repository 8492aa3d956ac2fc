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

/* e / total, rounded once; the quotient of equal numbers is 1. With fma it is a product with the inverse
   and one correction (Markstein 1990, doi:10.1147/rd.341.0111), in less time than a division. */
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
    EACH_VECTOR(0, n, 0, V p = share(VECTOR(e), total, inverse); SET_VECTOR(e, factor ? p * f : p));
}

/* Sums and, on the way, the maximum of entries whose exponentials are kept. */
static void keep_block(Race *r, const T *x, T *e, size_t n, const Unit *unit)
{
    Sums sums = r->sums;
    V y, v[TILE], top = r->top, rest = splat(0);
    size_t i = 0;
    for (; i + SHORT <= n; i += SHORT) {
        for (size_t j = 0; j < TILE; j++) {
            y = load(x + i + j * LANES);
            top = larger(y, top);
            v[j] = exp_in(unit, y);
            store(e + i + j * LANES, v[j]);
        }
        sums_add(&sums, (v[0] + v[1]) + (v[2] + v[3]));
    }
    EACH_VECTOR(i, n, -(T)INFINITY, {
        y = VECTOR(x);
        top = larger(y, top);
        v[0] = exp_in(unit, y);
        SET_VECTOR(e, v[0]);
        rest += v[0];
    });
    sums_add(&sums, rest);
    r->top = top;
    r->sums = sums;
}

static void share_block(const T *x, T *out, size_t n, const Unit *unit, const Shares *s)
{
    const V total = splat(s->total), inverse = splat(s->inverse), f = splat(s->factor);
    EACH_VECTOR(0, n, 0, SET_VECTOR(out, share(exp_in(unit, VECTOR(x)), total, inverse) * f));
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
        const size_t size = LEAST(rows->n - i, BLOCK);
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
        const size_t size = LEAST(n - i, BLOCK);
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
static int overlap(const Source *x, const Sink *out, size_t n)
{
    const ptrdiff_t x_span = (ptrdiff_t)(n - 1) * x->step, out_span = (ptrdiff_t)(n - 1) * out->step;
    const uintptr_t a = (uintptr_t)x->p, b = (uintptr_t)out->p;
    const uintptr_t a_low = x_span < 0 ? a + (uintptr_t)x_span : a, a_high = x_span < 0 ? a : a + (uintptr_t)x_span;
    const uintptr_t b_low = out_span < 0 ? b + (uintptr_t)out_span : b;
    const uintptr_t b_high = out_span < 0 ? b : b + (uintptr_t)out_span;
    return a_low < b_high + sizeof(T) && b_low < a_high + sizeof(T);
}

/* Keeps exponentials in e, in units of a sample; if that is too far below the maximum, a second time.
   Returns the maximum, or NaN where an entry is. */
static T keep_row(const Source *x, T *e, size_t n, int intact, T *scratch, Total *total)
{
    const size_t step = x->direct ? n : BLOCK;
    T m = intact ? sample(fetch(x, 0, LEAST(n, step), scratch), LEAST(n, step)) : -(T)INFINITY;
    if (!is_finite(m))
        m = max_of(x, n, scratch);
    while (is_finite(m)) {
        Race r = {splat(-(T)INFINITY), no_sums()};
        Measure at;
        set_units(&at, m);
        const Unit unit = raised_unit(splat(at.base), splat(at.n), SMALL_RAISE);
        for (size_t i = 0; i < n; i += step) {
            const size_t size = LEAST(n - i, step);
            keep_block(&r, fetch(x, i, size, scratch), e + i, size, &unit);
        }
        const T top = largest_lane(r.top);
        *total = sums_total(&r.sums);
        if (!(top - m > HEADROOM))
            return total->sum - total->sum == 0 ? top : (T)NAN;
        m = top;
    }
    return m;
}

/* factor * softmax(x); the maximum is returned, and nothing useful is written where it is not finite.
   `spare`: room for a row where its exponentials cannot be kept in the output, or NULL. */
static T softmax_times(const Source *x, const Sink *out, size_t n, const T *factor, T *spare)
{
    T scratch[BLOCK], result[BLOCK];
    T *e = out->direct ? (T *)(void *)out->p : n <= BLOCK ? result : spare;
    if (n <= SHORT) {
        const T m = n ? softmax_short(fetch(x, 0, n, scratch), e, n, factor) : -(T)INFINITY;
        if (is_finite(m))
            put(out, 0, n, e);
        return m;
    }
    if (!e) {
        const Measure r = measure(x, n);
        if (is_finite(r.m))
            write_shares(x, out, n, &r, factor ? *factor : 1);
        return r.m;
    }
    Total total = {0, 0};
    const T m = keep_row(x, e, n, !(out->direct && overlap(x, out, n)), scratch, &total);
    if (!is_finite(m))
        return m;
    const Shares s = shares_of(total, factor ? *factor : 1);
    const size_t step = out->direct ? n : BLOCK;
    for (size_t i = 0; i < n; i += step) {
        const size_t size = LEAST(n - i, step);
        if (factor)
            scale_block(e + i, size, &s, 1);
        else
            scale_block(e + i, size, &s, 0);
        put(out, i, size, e + i);
    }
    return m;
}

/* Long rows in half precision are kept in float, unless they are so long that reading them again is cheaper. */
static size_t row_work_size(const Rows *rows)
{
    return rows->storage != NATIVE && rows->n > BLOCK && rows->n <= 32 * BLOCK ? rows->n * sizeof(T) : 0;
}

static void softmax_row(const Rows *rows, char *const at[])
{
    const Source x = source(rows, X, at, -(T)INFINITY);
    const Sink out = sink(rows, at, 0, 0);
    if (!is_finite(softmax_times(&x, &out, rows->n, NULL, rows->work)))
        blank(rows, at, (T)NAN, 0);
}

static void logsumexp_vjp_row(const Rows *rows, char *const at[])
{
    const Source x = source(rows, X, at, -(T)INFINITY);
    const Sink out = sink(rows, at, 1, 0);
    const T g = get_one(rows->storage, at[G]);
    const T m = softmax_times(&x, &out, rows->n, &g, rows->work);
    if (!is_finite(m))
        blank(rows, at, m == -(T)INFINITY && !any_nan(&x, rows->n) ? (T)0 : (T)NAN, 0);
}

/* A logarithm for each lane: float's in double precision, double's with what was rounded off. */
ALWAYS Sums logs_of(Total log)
{
    Sums s;
#if BITS == 32
    s.a = s.b = log.sum - (D){0};
#else
    s.a = log.sum - (D){0};
    s.b = log.rest - (D){0};
#endif
    return s;
}

/* (x - m) - log, rounded once but for the last digits of the logarithm. */
ALWAYS V log_share(V x, V m, const Sums *log)
{
#if BITS == 32
    D low, high, m_low, m_high;
    widen(x, &low, &high);
    widen(m, &m_low, &m_high);
    return narrow((low - m_low) - log->a, (high - m_high) - log->b);
#else
    V off;
    const V d = two_diff(x, m, &off);
    return d - (log->a - (only(equal(off, off), off) - log->b));
#endif
}

static void write_logs(const Rows *rows, char *const at[], const Measure *r, Total log)
{
    const Source x = source(rows, X, at, -(T)INFINITY);
    const Sink out = sink(rows, at, 0, 0);
    const V m = splat(r->m);
    const Sums l = logs_of(log);
    T scratch[BLOCK], result[BLOCK];
    for (size_t i = 0; i < rows->n; i += BLOCK) {
        const size_t size = LEAST(rows->n - i, BLOCK);
        const T *v = fetch(&x, i, size, scratch);
        T *to = room(&out, i, result);
        EACH_VECTOR(0, size, 0, SET_VECTOR(to, log_share(VECTOR(v), m, &l)));
        put(&out, i, size, to);
    }
}

static void move(const Rows *rows, char *at[], size_t count)
{
    for (size_t k = 0; k < OPERANDS; k++)
        at[k] += (ptrdiff_t)count * rows->across[k];
}

/* The measures of the next rows and their logarithms, each for all rows at once: one row alone is a
   long chain of steps, and rows are independent. */
enum { BATCH = 16 };

static size_t measure_batch(const Rows *rows, char *const at[], size_t left, Measure *r, Total *log)
{
    const size_t most = rows->n <= BLOCK / BATCH ? BATCH : 1, count = LEAST(left, most);
    char *here[OPERANDS];
    memcpy(here, at, sizeof here);
    for (size_t i = 0; i < count; i++, move(rows, here, 1)) {
        const Source x = source(rows, X, here, -(T)INFINITY);
        r[i] = measure(&x, rows->n);
    }
    for (size_t i = 0; i < count; i++)
        log[i] = log_of(&r[i]);
    return count;
}

static void log_softmax_result(const Rows *rows, char *const at[], const Measure *r, Total log)
{
    if (is_finite(r->m))
        write_logs(rows, at, r, log);
    else
        blank(rows, at, (T)NAN, -(T)INFINITY);
}

static void logsumexp_result(const Rows *rows, char *const at[], const Measure *r, Total log)
{
    T lse = (T)(((double)r->m + log.sum) + log.rest);
    if (r->m == (T)INFINITY) {
        const Source x = source(rows, X, at, 0);
        lse = any_nan(&x, rows->n) ? (T)NAN : lse;
    }
    put_one(rows->storage, at[OUT], lse);
}

typedef void (*Result)(const Rows *rows, char *const at[], const Measure *r, Total log);

ALWAYS void all_rows(const Rows *rows, char *const at[], Result result)
{
    Measure r[BATCH];
    Total log[BATCH];
    char *here[OPERANDS];
    memcpy(here, at, sizeof here);
    for (size_t left = rows->count, count; left; left -= count) {
        count = measure_batch(rows, here, left, r, log);
        for (size_t i = 0; i < count; i++, move(rows, here, 1))
            result(rows, here, &r[i], log[i]);
    }
}
