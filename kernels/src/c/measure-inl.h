/* The maximum and the sum of a row. */

enum { BLOCK = 16384 / sizeof(T), TILE = 4, SHORT = TILE * LANES };

typedef struct {
    T m;       /* the maximum; NaN if an entry is */
    T base, n; /* the units */
    Total sum; /* of all entries but one maximum */
} Measure;

static const Measure nothing = {-(T)INFINITY, 0, 0, {0, 0}};

static T row_max(const T *x, size_t n)
{
    V m[TILE];
    size_t i = 0;
    for (size_t j = 0; j < TILE; j++)
        m[j] = splat(-(T)INFINITY);
    for (; i + SHORT <= n; i += SHORT)
        for (size_t j = 0; j < TILE; j++)
            m[j] = larger(load(x + i + j * LANES), m[j]);
    for (; i + LANES <= n; i += LANES)
        m[0] = larger(load(x + i), m[0]);
    if (i < n)
        m[1] = larger(load_part(x + i, n - i, -(T)INFINITY), m[1]);
    return largest_lane(larger(larger(m[0], m[1]), larger(m[2], m[3])));
}

/* A number that is most likely not far below the maximum, and cheap. */
static inline T sample(const T *x, size_t n)
{
    const T a = x[0] > x[n / 4] ? x[0] : x[n / 4], b = x[n / 2] > x[n - 1] ? x[n / 2] : x[n - 1];
    return a > b ? a : b;
}

/* Units for entries near m. */
ALWAYS void set_units(Measure *r, T m)
{
    r->base = is_large(m) ? m : (T)0;
    r->n = first_lane(power_of_two(splat(m - r->base)));
}

/* A running maximum for each lane, and the sum of all entries that lost against one: a maximum is not
   added before there is another one. So what is small beside it keeps all its digits, and a tie counts. */
typedef struct {
    V top;
    Sums sums;
} Race;

ALWAYS V loser(V *top, V y, const Unit *unit, V *rest)
{
    V off, e = exp_and_rest(unit, smaller(*top, y), &off);
    *top = larger(y, *top);
    *rest += off;
    return e;
}

static void race(Race *r, const T *x, size_t n, const Unit *unit)
{
    V v[TILE], top = r->top, rest = splat(0), last = splat(0);
    Sums sums = r->sums;
    size_t i = 0;
    for (; i + SHORT <= n; i += SHORT) {
        for (size_t j = 0; j < TILE; j++)
            v[j] = loser(&top, load(x + i + j * LANES), unit, &rest);
        sums_add(&sums, (v[0] + v[1]) + (v[2] + v[3]));
    }
    EACH_VECTOR(i, n, -(T)INFINITY, last += loser(&top, VECTOR(x), unit, &rest));
    sums_add(&sums, last);
    sums_add_rest(&sums, rest);
    r->top = top;
    r->sums = sums;
}

/* All but the first of the lanes that hold the maximum. */
static void add_ties(Total *t, U tie, V e, V rest)
{
    Word ties[LANES];
    T es[LANES], rests[LANES];
    int won = 0;
    memcpy(ties, &tie, sizeof ties);
    store(es, e);
    store(rests, rest);
    for (size_t j = 0; j < LANES; j++) {
        if (ties[j] && won) {
            total_add(t, (double)es[j]);
            t->rest += (double)rests[j];
        }
        won |= ties[j] != 0;
    }
}

/* The last heats: between the lanes, one of which wins. */
ALWAYS Total finish(V top, Sums *sums, const Unit *unit, T m)
{
    V rest, e = exp_and_rest(unit, top, &rest);
    const U tie = equal(top, splat(m));
    sums_add(sums, except(tie, e));
    sums_add_rest(sums, except(tie, rest));
    Total t = sums_total(sums);
    if (many_lanes(tie))
        add_ties(&t, tie, e, rest);
    return t;
}

/* A row of at most SHORT entries, `count` vectors of them. */
ALWAYS Measure measure_few(const T *x, size_t n, size_t count)
{
    const size_t last = (count - 1) * LANES;
    V v[TILE], top, lost = splat(0), rest = splat(0);
    for (size_t j = 0; j + 1 < count; j++)
        v[j] = load(x + j * LANES);
    top = v[count - 1] = load_part(x + last, n - last, -(T)INFINITY);
    for (size_t j = 0; j + 1 < count; j++)
        top = larger(v[j], top);
    Measure r = nothing;
    r.m = largest_lane(top);
    if (!is_finite(r.m))
        return r;
    set_units(&r, r.m);
    const Unit unit = unit_of(splat(r.base), splat(r.n));
    Sums sums = no_sums();
    top = v[0];
    for (size_t j = 1; j < count; j++)
        lost += loser(&top, v[j], &unit, &rest);
    sums_add(&sums, lost);
    sums_add_rest(&sums, rest);
    r.sum = finish(top, &sums, &unit, r.m);
    return r;
}

static Measure measure_short(const T *x, size_t n)
{
    if (n <= LANES)
        return measure_few(x, n, 1);
    if (n <= 2 * LANES)
        return measure_few(x, n, 2);
    if (n <= 3 * LANES)
        return measure_few(x, n, 3);
    return measure_few(x, n, 4);
}

/* In units for entries near `m`. */
static Measure measure_near(const Source *x, size_t n, T m, T *scratch)
{
    Race state = {splat(-(T)INFINITY), no_sums()};
    Measure r = nothing;
    set_units(&r, m);
    const Unit unit = unit_of(splat(r.base), splat(r.n));
    for (size_t i = 0; i < n; i += BLOCK) {
        const size_t size = LEAST(n - i, BLOCK);
        race(&state, fetch(x, i, size, scratch), size, &unit);
    }
    r.m = largest_lane(state.top);
    if (is_finite(r.m))
        r.sum = finish(state.top, &state.sums, &unit, r.m);
    return r;
}

static T max_of(const Source *x, size_t n, T *scratch)
{
    T m = -(T)INFINITY;
    for (size_t i = 0; i < n; i += BLOCK) {
        const size_t size = LEAST(n - i, BLOCK);
        const T here = row_max(fetch(x, i, size, scratch), size);
        m = here > m || here != here ? here : m;
    }
    return m;
}

static int any_nan(const Source *x, size_t n)
{
    T scratch[BLOCK];
    for (size_t i = 0; i < n; i += BLOCK) {
        const size_t size = LEAST(n - i, BLOCK);
        const T *v = fetch(x, i, size, scratch);
        for (size_t j = 0; j < size; j++)
            if (v[j] != v[j])
                return 1;
    }
    return 0;
}

/* The sum moves to the units of its own maximum. */
static void settle_units(Measure *r)
{
    const T n = first_lane(power_of_two(splat(r->m - r->base)));
    const int fall = (int)(r->n - n);
    if (fall) {
        r->sum.sum = ldexp(r->sum.sum, fall);
        r->sum.rest = ldexp(r->sum.rest, fall);
        r->n = n;
    }
}

/* In units of a sample of the first block; if that is too far below the maximum, a second time. */
static Measure measure(const Source *x, size_t n)
{
    T scratch[BLOCK];
    Measure r = nothing;
    if (n <= SHORT) {
        r = n ? measure_short(fetch(x, 0, n, scratch), n) : nothing;
    } else {
        const size_t size = LEAST(n, BLOCK);
        T m = sample(fetch(x, 0, size, scratch), size);
        if (!is_finite(m))
            m = max_of(x, n, scratch);
        for (r.m = m; is_finite(m);) {
            r = measure_near(x, n, m, scratch);
            if (!(r.m - m > HEADROOM))
                break;
            m = r.m;
        }
    }
    if (is_finite(r.m) && r.sum.sum - r.sum.sum == 0)
        settle_units(&r);
    else if (is_finite(r.m) || (r.m == -(T)INFINITY && any_nan(x, n)))
        r.m = (T)NAN;
    return r;
}

static Total mass_of_max(const Measure *r)
{
    return mass((double)r->m - (double)r->base, (double)r->n);
}

/* The sum of all entries; the maximum's is what it is as an entry, so that equal ones have equal shares. */
static Total total_of(const Measure *r)
{
    const Unit unit = unit_of(splat(r->base), splat(r->n));
    Total all = r->sum;
    total_add(&all, (double)first_lane(exp_in(&unit, splat(r->m))));
    return all;
}

#if BITS == 32
static inline double horner_5(double w, double c4, double c3, double c2, double c1, double c0)
{
    return fma_one(fma_one(fma_one(fma_one(c4, w, c3), w, c2), w, c1), w, c0);
}

/* log(1 + x) for x >= 0 with ten digits, which float does not exceed. */
static inline double log1p_for_float(double x)
{
    const double u = 1.0 + x;
    uint64_t bits;
    double mantissa;
    memcpy(&bits, &u, sizeof bits);
    bits += UINT64_C(0x3ff0000000000000) - UINT64_C(0x3fe6a09e667f3bcd); /* 1 - sqrt(1/2) */
    const int k = (int)(bits >> 52) - 1023;
    bits = (bits & UINT64_C(0xfffffffffffff)) + UINT64_C(0x3fe6a09e667f3bcd);
    memcpy(&mantissa, &bits, sizeof mantissa);
    const double f = k ? mantissa - 1.0 : x, z = f / (2.0 + f), w = z * z;
    const double p = horner_5(w, ATANH_SERIES);
    return fma_one(k, LOG2, fma_one(p * w, 2.0 * z, 2.0 * z));
}
#endif

/* The logarithm of the sum of exp(x - m), to which the maximum's own 1 was never added. */
static Total log_of(const Measure *r)
{
    if (r->sum.sum == 0 || !is_finite(r->m))
        return (Total){0, 0};
    const Total e = mass_of_max(r);
    const double q = r->sum.sum / e.sum;
#if BITS == 32
    return (Total){log1p_for_float(q), 0};
#else
    const double rest = ((division_error_one(r->sum.sum, e.sum, q) + r->sum.rest) - q * e.rest) / e.sum;
    return (Total){log1p(q), rest / (1.0 + q)};
#endif
}
