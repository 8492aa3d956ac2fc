/* Sums that do not show how many numbers went into them. */

/* A sum and what was rounded off it: numbers that are added to one are summed as if in twice the precision
   (Sum2 of Ogita, Rump & Oishi 2005, doi:10.1137/030601818). */
typedef struct {
    double sum, rest;
} Total;

static inline void total_add(Total *t, double x)
{
    double error;
    t->sum = two_sum_one(t->sum, x, &error);
    t->rest += error;
}

static inline void total_join(Total *t, Total other)
{
    total_add(t, other.sum);
    t->rest += other.rest;
}

/* A sum per lane: float in double precision, double as a Total. */
typedef struct {
    D a, b;
} Sums;

ALWAYS Sums no_sums(void)
{
    Sums s;
    memset(&s, 0, sizeof s);
    return s;
}

ALWAYS void sums_add(Sums *s, V v)
{
#if BITS == 32
    D low, high;
    widen(v, &low, &high);
    s->a += low;
    s->b += high;
#else
    V error, sum = two_sum(s->a, v, &error);
    s->b += error;
    s->a = sum;
#endif
}

/* What was rounded off numbers before they were added. */
ALWAYS void sums_add_rest(Sums *s, V rest)
{
#if BITS == 32
    sums_add(s, rest);
#else
    s->b += rest;
#endif
}

ALWAYS Total sums_total(const Sums *s)
{
    enum { N = sizeof(D) / sizeof(double) };
    double a[N], b[N];
    memcpy(a, &s->a, sizeof a);
    memcpy(b, &s->b, sizeof b);
    for (size_t half = N / 2; half > 0; half /= 2)
        for (size_t j = 0; j < half; j++) {
#if BITS == 32
            a[j] += a[j + half];
            b[j] += b[j + half];
#else
            Total t = {a[j], b[j] + b[j + half]};
            total_add(&t, a[j + half]);
            a[j] = t.sum;
            b[j] = t.rest;
#endif
        }
#if BITS == 32
    return (Total){a[0] + b[0], 0};
#else
    return (Total){a[0], b[0]};
#endif
}
