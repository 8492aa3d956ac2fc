/* exp of a row's entries in units of a power of two, which loses nothing.

   With y = x - base = k log 2 + r, exp(y) = 2^k p(r), and k loses n, that of a number which is near
   the row's maximum, and gains RAISE. base is 0 but where that number is large: there x - base is
   exact for every entry that is not negligible, since the two are within a factor of 2. */

#if BITS == 32
#define DIGITS 23
#define BIAS 127
#define LARGE 1000.0f
#define RAISE 40
#define RAISED 0x1p40
#define LOG2_HIGH 0x1.62e000p-1f
#define LOG2_LOW 0x1.0bfbe8p-15f
#else
#define DIGITS 52
#define BIAS 1023
#define LARGE 4000.0
#define RAISE 64
#define RAISED 0x1p64
#define LOG2_HIGH 0x1.62e42fe000000p-1
#define LOG2_LOW 0x1.f473de6af278fp-30
#endif
/* By as much a maximum may be above the number that the units were chosen for. */
#define HEADROOM ((T)(BITS == 32 ? 50 : 500))
/* With RAISE even a great many of the entries that become 0 would not show in a logarithm; where
   exponentials are only divided by their sum, in T, this is enough. */
#define SMALL_RAISE 16
#define LOG2 0x1.62e42fefa39efp-1
#define LOG2_E ((T)0x1.71547652b82fep+0)
/* Added to a number, it leaves the nearest integer in the lowest bits. */
#define ROUNDER ((T)1.5 * (T)((Word)1 << DIGITS))


/* (exp(r) - 1 - r) / r^2 for abs(r) <= log(2) / 2, in an order with few steps one after another. */
ALWAYS V curve(V r, V r2)
{
#define PAIR(a, b) fma_(r, splat((T)a), splat((T)b))
#if BITS == 32
    V p = PAIR(0x1.a1256cp-13, 0x1.6d43b0p-10);
    p = fma_(p, r2, PAIR(0x1.1110e0p-7, 0x1.5554e8p-5));
    return fma_(p, r2, PAIR(0x1.555556p-3, 0.5));
#else
    V r4 = r2 * r2;
    V p = PAIR(0x1.af390ba7e6f47p-26, 0x1.2891d4ffbb0f9p-22);
    p = fma_(p, r2, PAIR(0x1.71de0d85293b8p-19, 0x1.a019b8ca26fcfp-16));
    V q = PAIR(0x1.a01a01a7cebcdp-13, 0x1.6c16c1789d1d7p-10);
    q = fma_(q, r2, PAIR(0x1.11111111109a6p-7, 0x1.5555555553d37p-5));
    return fma_(r2, fma_(r4, p, q), PAIR(0x1.5555555555556p-3, 0x1.0000000000001p-1));
#endif
#undef PAIR
}

/* exp(y) - 1 without its power of two, whose exponent stands in the lowest bits of *k. The first step
   is exact, because LOG2_HIGH has few digits. */
ALWAYS V reduced_expm1(V y, V *k)
{
    *k = fma_(y, splat(LOG2_E), splat(ROUNDER));
    V whole = *k - splat(ROUNDER);
    V r = fma_(whole, splat((T)-LOG2_HIGH), y);
    r = fma_(whole, splat((T)-LOG2_LOW), r);
    V r2 = r * r;
    return fma_(r2, curve(r, r2), r);
}

/* The units of a row, or those of a row per lane. */
typedef struct {
    V base; /* what is subtracted first */
    V low;  /* below it everything is 0 */
    U bias; /* added to an exponent */
} Unit;

/* n: the power of two of the maximum. */
ALWAYS Unit raised_unit(V base, V n, int raise)
{
    Unit unit;
    unit.base = base;
    unit.low = (n - (T)(BIAS + raise)) * (T)LOG2;
    unit.bias = (word_of(splat((T)(BIAS + raise)) - n + splat(ROUNDER))) << DIGITS;
    return unit;
}

ALWAYS Unit unit_of(V base, V n)
{
    return raised_unit(base, n, RAISE);
}

/* NaN stays NaN, because the second argument of `larger` wins. *rest: what is rounded off. */
ALWAYS V exp_and_rest(const Unit *unit, V x, V *rest)
{
    V k, q = reduced_expm1(larger(unit->low, x - unit->base), &k);
    V scale = number_of((word_of(k) << DIGITS) + unit->bias);
    V e = fma_(q, scale, scale);
    *rest = fma_(q, scale, scale - e);
    return e;
}

ALWAYS V exp_in(const Unit *unit, V x)
{
    V rest;
    return exp_and_rest(unit, x, &rest);
}

ALWAYS V power_of_two(V y)
{
    return fma_(y, splat(LOG2_E), splat(ROUNDER)) - splat(ROUNDER);
}

static inline T first_lane(V v)
{
    T x;
    memcpy(&x, &v, sizeof x);
    return x;
}

static inline int is_large(T x)
{
    return x > LARGE || x < -LARGE;
}

static inline int is_finite(T x)
{
    return x - x == 0;
}

/* exp(y) in units of n, and what was rounded off it. */
static Total mass(double y, double n)
{
    static const double c[] = {
        0x1.af390ba7e6f47p-26, 0x1.2891d4ffbb0f9p-22, 0x1.71de0d85293b8p-19, 0x1.a019b8ca26fcfp-16,
        0x1.a01a01a7cebcdp-13, 0x1.6c16c1789d1d7p-10, 0x1.11111111109a6p-7,  0x1.5555555553d37p-5,
        0x1.5555555555556p-3,  0x1.0000000000001p-1,
    };
    const double high = y - n * 0x1.62e42fe000000p-1, low = n * 0x1.f473de6af278fp-30;
    const double r = high - low, off = (high - r) - low;
    const size_t first = BITS == 32 ? 3 : 0; /* float needs no more */
    double p = c[first];
    for (size_t i = first + 1; i < sizeof c / sizeof *c; i++)
        p = fma_one(p, r, c[i]);
    const double bend = fma_one(r * r, p, off), e = 1.0 + (r + bend), scale = RAISED;
    return (Total){e * scale, ((r - (e - 1.0)) + bend) * scale};
}
