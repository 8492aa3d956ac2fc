/* Results for a tile, and what is made of its measures. */

ALWAYS void set_total(Tile *t, size_t g, const Sums *sums)
{
    t->total[g] = sums_in_type(sums);
    t->inverse[g] = (T)1 / t->total[g];
}

static void set_totals(Tile *t)
{
    for (size_t g = 0; g < t->groups; g++)
        set_total(t, g, &t->sums[g]);
}

/* From the sums of all entries but a maximum. */
static void set_full_totals(Tile *t)
{
    for (size_t g = 0; g < t->groups; g++) {
        const Unit unit = unit_of(t->base[g], t->n[g]);
        Sums sums = t->sums[g];
        sums_add(&sums, exp_in(&unit, t->m[g]));
        set_total(t, g, &sums);
    }
}

ALWAYS void share_group(const Tile *t, size_t g, const T *p, ptrdiff_t step, T *out, ptrdiff_t out_step, size_t size,
                        int factor)
{
    const Unit unit = raised_unit(t->base[g], t->n[g], factor ? RAISE : SMALL_RAISE);
    const V total = t->total[g], inverse = t->inverse[g];
    for (size_t i = 0; i < size; i++) {
        V v = share(exp_in(&unit, load(p + (ptrdiff_t)i * step)), total, inverse);
        store(out + (ptrdiff_t)i * out_step, factor ? v * t->factor[g] : v);
    }
}

ALWAYS void log_group(const Tile *t, size_t g, const T *p, ptrdiff_t step, T *out, ptrdiff_t out_step, size_t size)
{
    const V m = t->m[g];
    const Sums l = t->logs[g];
    for (size_t i = 0; i < size; i++)
        store(out + (ptrdiff_t)i * out_step, log_share(load(p + (ptrdiff_t)i * step), m, &l));
}

typedef enum { SHARES, TIMES_FACTOR, LOGS } Kind;

ALWAYS void write_band(const Tile *t, Band x, Band out, size_t size, Kind kind)
{
    for (size_t g = 0; g < t->groups; g++) {
        const T *p = x.p + g * LANES;
        T *to = out.p + g * LANES;
        if (kind == LOGS)
            log_group(t, g, p, x.step, to, out.step, size);
        else
            share_group(t, g, p, x.step, to, out.step, size, kind == TIMES_FACTOR);
    }
}

ALWAYS void write_tile(const Tile *t, Kind kind)
{
    const size_t n = t->rows->n;
    const int masked = kind == TIMES_FACTOR;
    for (size_t i = 0; i < n; i += BAND) {
        const size_t size = LEAST(n - i, BAND);
        const Band x = fetch_band(t, X, i, size, -(T)INFINITY, t->x), out = band_room(t, i, masked);
        if (size == BAND)
            write_band(t, x, out, BAND, kind);
        else
            write_band(t, x, out, size, kind);
        put_band(t, i, size, masked, 0);
    }
}

static void column_at(const Tile *t, size_t column, char *at[OPERANDS])
{
    for (size_t k = 0; k < OPERANDS; k++)
        at[k] = t->at[k] + (ptrdiff_t)column * t->rows->across[k];
}

/* Columns without a finite maximum. */
static void blank_columns(const Tile *t, T masked)
{
    char *at[OPERANDS];
    for (size_t g = 0; g < t->groups; g++) {
        if (!any_lane(~(finite_lanes(t->m[g]) & finite_lanes(sums_in_type(&t->sums[g])))))
            continue;
        for (size_t j = g * LANES; j < (g + 1) * LANES && j < t->count; j++)
            if (!is_finite(measure_of(t, j).m)) {
                column_at(t, j, at);
                blank(t->rows, at, (T)NAN, masked);
            }
    }
}

static void scale_tile(const Tile *t)
{
    const size_t n = t->rows->n;
    for (size_t i = 0; i < n; i += BAND) {
        const size_t size = LEAST(n - i, BAND);
        const Band e = band_room(t, i, 0);
        for (size_t g = 0; g < t->groups; g++) {
            const V total = t->total[g], inverse = t->inverse[g];
            for (size_t j = 0; j < size; j++) {
                T *p = e.p + (ptrdiff_t)j * e.step + g * LANES;
                store(p, share(load(p), total, inverse));
            }
        }
    }
}

/* Whether X and OUT have memory in common in the columns of this tile. */
static int do_overlap(const Tile *t)
{
    const Rows *rows = t->rows;
    uintptr_t low[2], high[2];
    for (size_t i = 0; i < 2; i++) {
        const Operand operand = i ? OUT : X;
        const ptrdiff_t down = (ptrdiff_t)(rows->n - 1) * rows->along[operand];
        const ptrdiff_t right = (ptrdiff_t)(t->count - 1) * rows->across[operand];
        const uintptr_t p = (uintptr_t)t->at[operand];
        low[i] = p + (uintptr_t)(down < 0 ? down : 0) + (uintptr_t)(right < 0 ? right : 0);
        high[i] = p + (uintptr_t)(down < 0 ? 0 : down) + (uintptr_t)(right < 0 ? 0 : right) + sizeof(T);
    }
    return low[0] < high[1] && low[1] < high[0];
}

static void softmax_tile(Tile *t)
{
    const int keeping = is_direct(t, OUT, 0);
    sum_tile(t, keeping, !keeping || !do_overlap(t));
    set_totals(t);
    if (keeping)
        scale_tile(t);
    else
        write_tile(t, SHARES);
    blank_columns(t, 0);
}

static void log_softmax_tile(Tile *t)
{
    measure_tile(t);
    for (size_t j = 0; j < t->groups * LANES; j++) {
        const Measure r = measure_of(t, j);
        set_sum(t->logs, j, log_of(&r));
    }
    write_tile(t, LOGS);
    blank_columns(t, -(T)INFINITY);
}

static void logsumexp_tile(Tile *t)
{
    char *at[OPERANDS];
    measure_tile(t);
    for (size_t j = 0; j < t->count; j++) {
        const Measure r = measure_of(t, j);
        column_at(t, j, at);
        logsumexp_result(t->rows, at, &r, log_of(&r));
    }
}

static void logsumexp_vjp_tile(Tile *t)
{
    char *at[OPERANDS];
    measure_tile(t);
    set_full_totals(t);
    for (size_t j = 0; j < t->count; j++) {
        column_at(t, j, at);
        set_lane(t->factor, j, get_one(t->rows->storage, at[G]));
    }
    write_tile(t, TIMES_FACTOR);
    for (size_t j = 0; j < t->count; j++) {
        const Measure r = measure_of(t, j);
        column_at(t, j, at);
        if (!is_finite(r.m))
            blank(t->rows, at, r.m == -(T)INFINITY ? (T)0 : (T)NAN, 0);
    }
}

static void label_nll_tile(Tile *t)
{
    char *at[OPERANDS];
    measure_tile(t);
    for (size_t j = 0; j < t->count; j++) {
        const Measure r = measure_of(t, j);
        column_at(t, j, at);
        put_nll(t->rows, at, &r, log_of(&r));
    }
}

static void label_nll_grad_tile(Tile *t)
{
    char *at[OPERANDS];
    measure_tile(t);
    for (size_t j = 0; j < t->count; j++) {
        const Measure r = measure_of(t, j);
        column_at(t, j, at);
        t->targets[j] = put_nll(t->rows, at, &r, log_of(&r));
        set_lane(t->factor, j, wide_one(at[SCALE]));
    }
    set_full_totals(t);
    write_tile(t, TIMES_FACTOR);
    for (size_t j = 0; j < t->count; j++) {
        const Measure r = measure_of(t, j);
        column_at(t, j, at);
        mend_label(t->rows, at, &r, t->targets[j], lane(t->factor, j));
    }
}

ALWAYS void vjp_tile(Tile *t, int logs)
{
    const size_t n = t->rows->n;
    const T fill = logs ? -(T)INFINITY : (T)0;
    for (size_t c = 0; c < t->groups; c++)
        t->sums[c] = no_sums();
    for (size_t i = 0; i < n; i += BAND) {
        const size_t size = LEAST(n - i, BAND);
        const Band g = fetch_band(t, G, i, size, 0, t->g), p = logs ? g : fetch_band(t, X, i, size, fill, t->x);
        for (size_t c = 0; c < t->groups; c++)
            for (size_t j = 0; j < size; j++)
                sums_add(&t->sums[c], dot_step(load(p.p + (ptrdiff_t)j * p.step + c * LANES),
                                               load(g.p + (ptrdiff_t)j * g.step + c * LANES), !logs));
    }
    set_totals(t);
    for (size_t i = 0; i < n; i += BAND) {
        const size_t size = LEAST(n - i, BAND);
        const Band x = fetch_band(t, X, i, size, fill, t->x), g = fetch_band(t, G, i, size, 0, t->g);
        const Band out = band_room(t, i, 1);
        for (size_t c = 0; c < t->groups; c++)
            for (size_t j = 0; j < size; j++)
                store(out.p + (ptrdiff_t)j * out.step + c * LANES,
                      vjp_of(load(x.p + (ptrdiff_t)j * x.step + c * LANES),
                             load(g.p + (ptrdiff_t)j * g.step + c * LANES), t->total[c], logs));
        put_band(t, i, size, 1, 0);
    }
}

static void softmax_vjp_tile(Tile *t)
{
    vjp_tile(t, 0);
}

static void log_softmax_vjp_tile(Tile *t)
{
    vjp_tile(t, 1);
}
