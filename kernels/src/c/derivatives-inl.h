/* The vector-Jacobian products of softmax and log_softmax. */

ALWAYS V dot_step(V p, V g, int dot)
{
    return dot ? p * g : g;
}

/* The sum of p * g, or of g alone. Signs differ, so even two vectors are not added in T first. */
ALWAYS Total block_dot(const T *p, const T *g, size_t n, int dot)
{
    Sums sums = no_sums();
    EACH_VECTOR(0, n, 0, sums_add(&sums, dot_step(VECTOR(p), VECTOR(g), dot)));
    return sums_total(&sums);
}

/* p * (g - total) + g * (1 - p), where p = exp(y); 1 - p is taken from the reduced expm1. */
ALWAYS V log_softmax_vjp_of(V y, V g, V total)
{
    V k;
    y = smaller(splat((T)(BIAS * LOG2)), larger(splat((T)(-BIAS * LOG2)), y));
    V q = reduced_expm1(y, &k);
    V scale = number_of((word_of(k) + (Word)BIAS) << DIGITS);
    V p = fma_(q, scale, scale), less = fma_(q, scale, scale - (T)1);
    return fma_(p, g - total, -(g * less));
}

ALWAYS V softmax_vjp_of(V p, V g, V total)
{
    return p * (g - total);
}

ALWAYS V vjp_of(V x, V g, V total, int logs)
{
    return logs ? log_softmax_vjp_of(x, g, total) : softmax_vjp_of(x, g, total);
}

ALWAYS void vjp_row(const Rows *rows, char *const at[], int logs)
{
    T xs[BLOCK], gs[BLOCK], result[BLOCK];
    const Source x = source(rows, X, at, logs ? -(T)INFINITY : (T)0);
    const Source g = source(rows, G, at, 0);
    const Sink out = sink(rows, at, 1, 0);
    const size_t n = rows->n;
    Total sum = {0, 0};
    for (size_t i = 0; i < n; i += BLOCK) {
        const size_t size = LEAST(n - i, BLOCK);
        const T *gv = fetch(&g, i, size, gs), *xv = logs ? gv : fetch(&x, i, size, xs);
        total_join(&sum, block_dot(xv, gv, size, !logs));
    }
    const V total = splat((T)(sum.sum + sum.rest));
    for (size_t i = 0; i < n; i += BLOCK) {
        const size_t size = LEAST(n - i, BLOCK);
        const T *xv = fetch(&x, i, size, xs), *gv = fetch(&g, i, size, gs);
        T *to = room(&out, i, result);
        EACH_VECTOR(0, size, 0, SET_VECTOR(to, vjp_of(VECTOR(xv), VECTOR(gv), total, logs)));
        put(&out, i, size, to);
    }
}

static void softmax_vjp_row(const Rows *rows, char *const at[])
{
    vjp_row(rows, at, 0);
}

static void log_softmax_vjp_row(const Rows *rows, char *const at[])
{
    vjp_row(rows, at, 1);
}
