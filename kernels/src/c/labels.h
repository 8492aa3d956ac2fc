/* The loss of a label and its gradient. */

static int64_t label_of(char *const at[])
{
    int64_t label;
    memcpy(&label, at[LABELS], sizeof label);
    return label;
}

static T wide_one(const char *p)
{
    T x;
    memcpy(&x, p, sizeof x);
    return x;
}

static void put_loss(char *const at[], double loss)
{
    T x = (T)loss;
    memcpy(at[LOSS], &x, sizeof x);
}

static int is_kept(const Rows *rows, char *const at[], size_t i)
{
    return !rows->masked || at[KEEP][(ptrdiff_t)i * rows->along[KEEP]];
}

static T logit(const Rows *rows, char *const at[], size_t i)
{
    return is_kept(rows, at, i) ? get_one(rows->storage, at[X] + (ptrdiff_t)i * rows->along[X]) : -(T)INFINITY;
}

/* (m - x) + log; the rounding of m - x goes into the logarithm. */
static double nll_of(double m, double x, Total log)
{
    const double d = m - x, back = d - m, off = (m - (d - back)) - (x + back);
    return is_finite((T)d) ? d + (log.sum + (log.rest + off)) : d;
}

/* Writes the loss; returns whether it is that of an ordinary row. */
static int put_nll(const Rows *rows, char *const at[], const Measure *r, Total log)
{
    const int64_t label = label_of(at);
    const int counts = label >= 0 && (uint64_t)label < rows->n;
    if (counts && is_finite(r->m)) {
        put_loss(at, nll_of((double)r->m, (double)logit(rows, at, (size_t)label), log));
        return 1;
    }
    put_loss(at, counts && !any_kept(rows, at) ? INFINITY : NAN);
    return 0;
}

static void label_nll_result(const Rows *rows, char *const at[], const Measure *r, Total log)
{
    put_nll(rows, at, r, log);
}

/* The mass of the classes other than the label, by that of all. */
static double others(const Measure *r, double x)
{
    const Total all = total_of(r);
    const double total = all.sum + all.rest, y = x - (double)r->base;
    if (x == (double)r->m)
        return (r->sum.sum + r->sum.rest) / total;
    const double n = floor(y / LOG2 + 0.5);
    if (!(n >= (double)r->n - 2000.0))
        return 1.0;
    return (total - ldexp(mass(y, n).sum, (int)(n - (double)r->n))) / total;
}

/* What is left to do for a gradient: rows that are not ordinary, and the entry at the label. */
static void mend_label(const Rows *rows, char *const at[], const Measure *r, int ordinary, double at_label)
{
    const T scale = wide_one(at[SCALE]);
    if (scale == 0 || !ordinary) {
        blank(rows, at, scale == 0 ? (T)0 : (T)NAN, 0);
        return;
    }
    const size_t label = (size_t)label_of(at);
    if (is_kept(rows, at, label))
        put_one(rows->storage, at[OUT] + (ptrdiff_t)label * rows->along[OUT],
                (T)(-others(r, at_label) * (double)scale));
}

static void label_nll_grad_result(const Rows *rows, char *const at[], const Measure *r, Total log)
{
    const T scale = wide_one(at[SCALE]);
    const int ordinary = put_nll(rows, at, r, log);
    const double at_label = ordinary ? (double)logit(rows, at, (size_t)label_of(at)) : 0;
    if (ordinary && scale != 0) {
        const Source x = source(rows, X, at, -(T)INFINITY);
        const Sink out = sink(rows, at, 1, 0);
        write_shares(&x, &out, rows->n, r, scale);
    }
    mend_label(rows, at, r, ordinary, at_label);
}
