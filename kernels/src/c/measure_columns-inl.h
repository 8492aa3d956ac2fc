/* The maximum and the sum of each row of a tile, in units that the first band gives. */

ALWAYS U finite_lanes(V v)
{
    return equal(v - v, splat(0));
}

ALWAYS U large_lanes(V m)
{
    return above(m, splat(LARGE)) | above(splat(-LARGE), m);
}

ALWAYS V sums_in_type(const Sums *s)
{
#if BITS == 32
    return narrow(s->a, s->b);
#else
    return s->a + s->b;
#endif
}

ALWAYS V highest(V top, Band x, size_t size)
{
    for (size_t i = 0; i < size; i++)
        top = larger(load(x.p + (ptrdiff_t)i * x.step), top);
    return top;
}

typedef enum { MAXIMA, RACE, SUMS, SUMS_KEEPING } Pass;

/* One vector of columns, at most BAND rows. All of it is read before something is written: what is
   read and written next to each other often differs by a multiple of a page, which processors confuse. */
ALWAYS void measure_group(Tile *t, size_t g, Band x, Band e, size_t size, Pass pass)
{
    V y[BAND], v[BAND], top = t->m[g], rest = splat(0);
    Sums sums = t->sums[g];
    for (size_t i = 0; i < size; i++)
        y[i] = load(x.p + (ptrdiff_t)i * x.step);
    for (size_t i = 0; i < size && pass != RACE; i++)
        top = larger(y[i], top);
    if (pass != MAXIMA) {
        const Unit unit = raised_unit(t->base[g], t->n[g], pass == RACE ? RAISE : SMALL_RAISE);
        for (size_t i = 0; i < BAND; i++)
            v[i] = i >= size ? splat(0) : pass == RACE ? loser(&top, y[i], &unit, &rest) : exp_in(&unit, y[i]);
        for (size_t i = 0; i < size && pass == SUMS_KEEPING; i++)
            store(e.p + (ptrdiff_t)i * e.step, v[i]);
        sums_add(&sums, (v[0] + v[1]) + (v[2] + v[3]));
        if (pass == RACE)
            sums_add_rest(&sums, rest);
        t->sums[g] = sums;
    }
    t->m[g] = top;
}

ALWAYS void measure_band(Tile *t, Band x, Band e, size_t size, Pass pass)
{
    for (size_t g = 0; g < t->groups; g++, x.p += LANES, e.p += pass == SUMS_KEEPING ? LANES : 0)
        measure_group(t, g, x, e, size, pass);
}

ALWAYS void measure_bands(Tile *t, size_t n, Pass pass)
{
    for (size_t i = 0; i < n; i += BAND) {
        const size_t size = LEAST(n - i, BAND);
        const Band x = fetch_band(t, X, i, size, -(T)INFINITY, t->x);
        const Band e = pass == SUMS_KEEPING ? band_room(t, i, 0) : (Band){NULL, 0};
        if (size == BAND)
            measure_band(t, x, e, BAND, pass);
        else
            measure_band(t, x, e, size, pass);
    }
}

static void clear_measures(Tile *t)
{
    for (size_t g = 0; g < t->groups; g++) {
        t->m[g] = splat(-(T)INFINITY);
        t->sums[g] = no_sums();
    }
}

/* Units for entries near `m`, where that is finite. */
ALWAYS void set_group_units(Tile *t, size_t g, V m)
{
    m = only(finite_lanes(m), m);
    t->base[g] = only(large_lanes(m), m);
    t->n[g] = power_of_two(m - t->base[g]);
}

static void set_first_units(Tile *t)
{
    clear_measures(t);
    measure_bands(t, t->rows->n < BAND ? t->rows->n : BAND, MAXIMA);
    for (size_t g = 0; g < t->groups; g++) {
        t->first[g] = t->m[g];
        set_group_units(t, g, t->m[g]);
    }
    clear_measures(t);
}

/* Columns whose maximum is too far from that of the first band get units for it; whether there are any.
   A first band with nothing above -inf, as masks make some, has the units of 0. */
static int mend_units(Tile *t)
{
    U any = word_of(splat(0));
    for (size_t g = 0; g < t->groups; g++) {
        const V m = t->m[g], base = t->base[g], n = t->n[g];
        const U found = finite_lanes(t->first[g]);
        const V near = only(found, t->first[g]);
        const U high = finite_lanes(m) & (above(m - near, splat(HEADROOM)) | (~found & above(splat(-5), m)));
        any |= high;
        set_group_units(t, g, m);
        t->base[g] = choose(high, t->base[g], base);
        t->n[g] = choose(high, t->n[g], n);
    }
    return any_lane(any);
}

/* Times 2^k for whole k <= 0. */
ALWAYS D times_power(D x, D k)
{
    D shifted = k + (0x1.8p52 + 1023.0), power;
    uint64_t bits[sizeof(D) / sizeof(uint64_t)];
    memcpy(bits, &shifted, sizeof bits);
    for (size_t j = 0; j < sizeof bits / sizeof *bits; j++)
        bits[j] <<= 52;
    memcpy(&power, bits, sizeof power);
    return x * power;
}

/* The sums move to the units of their own maximum. */
static void settle_group(Tile *t, size_t g)
{
    const V m = only(finite_lanes(t->m[g]), t->m[g]);
    const V n = power_of_two(m - t->base[g]), fall = only(finite_lanes(t->m[g]), t->n[g] - n);
    Sums *s = &t->sums[g];
    t->n[g] = n;
#if BITS == 32
    D low, high;
    widen(fall, &low, &high);
    s->a = times_power(s->a, low);
    s->b = times_power(s->b, high);
#else
    s->a = times_power(s->a, fall);
    s->b = times_power(s->b, fall);
#endif
}

static void measure_tile(Tile *t)
{
    set_first_units(t);
    measure_bands(t, t->rows->n, RACE);
    if (mend_units(t)) {
        clear_measures(t);
        measure_bands(t, t->rows->n, RACE);
    }
    for (size_t g = 0; g < t->groups; g++)
        settle_group(t, g);
}

/* Sums of all entries. Exponentials are kept in the output if there is room for them; `intact`: whether
   that leaves the input as it is. */
static void sum_tile(Tile *t, int keeping, int intact)
{
    set_first_units(t);
    if (!keeping)
        measure_bands(t, t->rows->n, SUMS);
    else if (intact)
        measure_bands(t, t->rows->n, SUMS_KEEPING);
    else
        measure_bands(t, t->rows->n, MAXIMA);
    if (!mend_units(t) && intact)
        return;
    clear_measures(t);
    if (keeping)
        measure_bands(t, t->rows->n, SUMS_KEEPING);
    else
        measure_bands(t, t->rows->n, SUMS);
}

static double *sum_of(Sums *sums, size_t column)
{
    return (double *)(void *)(sums + column / LANES) + column % LANES;
}

static void set_sum(Sums *sums, size_t column, Total t)
{
    *sum_of(sums, column) = t.sum;
#if BITS == 64
    sum_of(sums, column)[LANES] = t.rest;
#endif
}

static T lane(const V *v, size_t column)
{
    return ((const T *)(const void *)v)[column];
}

static void set_lane(V *v, size_t column, T x)
{
    ((T *)(void *)v)[column] = x;
}

static Measure measure_of(const Tile *t, size_t column)
{
    Measure r = {lane(t->m, column), lane(t->base, column), lane(t->n, column), {*sum_of(t->sums, column), 0}};
#if BITS == 64
    r.sum.rest = sum_of(t->sums, column)[LANES];
#endif
    if (!(r.sum.sum - r.sum.sum == 0) && r.m != (T)INFINITY)
        r.m = (T)NAN;
    return r;
}
