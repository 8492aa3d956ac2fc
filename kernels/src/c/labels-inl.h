/* The loss of a label and its gradient. */

/* What a row has at its label, which is an index into it, or one of these. */
enum { NO_CLASS = -1, NOT_KEPT = -2, SPECIAL_ROW = -3 };

typedef struct {
    int64_t label;
    T x;
} Target;

/* Others may write to the caller's memory meanwhile. What has been checked is to be what is used, so a
   label is read once, and not by the compiler a second time either. */
static int64_t label_of(char *const at[])
{
    volatile int64_t label;
    int64_t read;
    memcpy(&read, at[LABELS], sizeof read);
    label = read;
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

static Target target_of(const Rows *rows, char *const at[])
{
    const int64_t label = label_of(at);
    if (label < 0 || (uint64_t)label >= rows->n)
        return (Target){NO_CLASS, (T)NAN};
    if (!is_kept(rows, at, (size_t)label))
        return (Target){NOT_KEPT, -(T)INFINITY};
    return (Target){label, get_one(rows->storage, at[X] + (ptrdiff_t)label * rows->along[X])};
}

/* (m - x) + log; the rounding of m - x goes into the logarithm. */
static double nll_of(double m, double x, Total log)
{
    double off;
    const double d = two_diff_one(m, x, &off);
    return is_finite((T)d) ? d + (log.sum + (log.rest + off)) : d;
}

/* Writes the loss; returns what the row has at its label, or that there is no ordinary gradient. */
static Target put_nll(const Rows *rows, char *const at[], const Measure *r, Total log)
{
    Target target = target_of(rows, at);
    if (target.label != NO_CLASS && is_finite(r->m)) {
        put_loss(at, nll_of((double)r->m, (double)target.x, log));
        return target;
    }
    put_loss(at, target.label != NO_CLASS && !any_kept(rows, at) ? INFINITY : NAN);
    target.label = SPECIAL_ROW;
    return target;
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
    if (x >= (double)r->m) /* above it, if it has grown since */
        return (r->sum.sum + r->sum.rest) / total;
    const double n = floor(y / LOG2 + 0.5);
    if (!(n >= (double)r->n - 2000.0))
        return 1.0;
    return (total - ldexp(mass(y, n).sum, (int)(n - (double)r->n))) / total;
}

/* What is left to do for a gradient: rows that are not ordinary, and the entry at the label. */
static void mend_label(const Rows *rows, char *const at[], const Measure *r, Target target, T scale)
{
    if (scale == 0 || target.label == SPECIAL_ROW)
        blank(rows, at, scale == 0 ? (T)0 : (T)NAN, 0);
    else if (target.label >= 0)
        put_one(rows->storage, at[OUT] + (ptrdiff_t)target.label * rows->along[OUT],
                (T)(-others(r, (double)target.x) * (double)scale));
}

static void label_nll_grad_result(const Rows *rows, char *const at[], const Measure *r, Total log)
{
    const T scale = wide_one(at[SCALE]);
    const Target target = put_nll(rows, at, r, log);
    if (target.label != SPECIAL_ROW && scale != 0) {
        const Source x = source(rows, X, at, -(T)INFINITY);
        const Sink out = sink(rows, at, 1, 0);
        write_shares(&x, &out, rows->n, r, scale);
    }
    mend_label(rows, at, r, target, scale);
}
