/* exp of a row's entries in units of a power of two, which loses nothing.

   With y = x - base = k log 2 + r, exp(y) = 2^k p(r), and k loses n, that of a number which is near
   the row's maximum, and gains RAISE. base is 0 but where that number is large: there x - base is
   exact for every entry that is not negligible, since the two are within a factor of 2. */

#include "polynomials.h"

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

/* Polynomials by pairs of terms (Estrin's scheme): Horner's has more steps that wait for one another. */
ALWAYS V pair(V r, T a, T b)
{
    return fma_(r, splat(a), splat(b));
}

#if BITS == 32
ALWAYS V estrin_6(V r, V r2, T c5, T c4, T c3, T c2, T c1, T c0)
{
    V p = pair(r, c5, c4);
    p = fma_(p, r2, pair(r, c3, c2));
    return fma_(p, r2, pair(r, c1, c0));
}
#else
ALWAYS V estrin_10(V r, V r2, T c9, T c8, T c7, T c6, T c5, T c4, T c3, T c2, T c1, T c0)
{
    V r4 = r2 * r2;
    V p = pair(r, c9, c8);
    p = fma_(p, r2, pair(r, c7, c6));
    V q = pair(r, c5, c4);
    q = fma_(q, r2, pair(r, c3, c2));
    return fma_(r2, fma_(r4, p, q), pair(r, c1, c0));
}
#endif

/* (exp(r) - 1 - r) / r^2 for abs(r) <= log(2) / 2. */
ALWAYS V curve(V r, V r2)
{
#if BITS == 32
    return estrin_6(r, r2, EXP_FLOAT);
#else
    return estrin_10(r, r2, EXP_DOUBLE);
#endif
}

/* exp(y) - 1 without its power of two, whose exponent stands in the lowest bits of *k. The first step of
   r is exact, because LOG2_HIGH has few digits (Cody & Waite 1980, Software Manual for the Elementary
   Functions). At the ends of y, 1610 powers of two from 0 in float, the rounding of y * LOG2_E moves r by
   less than 0.0001 beyond log(2) / 2. */
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

/* NaN stays NaN, because the second argument of `larger` wins. *rest: what is rounded off, since q is less
   than 1 and the scale is a power of two. */
ALWAYS V exp_and_rest(const Unit *unit, V x, V *rest)
{
    V k, q = reduced_expm1(larger(unit->low, x - unit->base), &k);
    V scale = number_of((word_of(k) << DIGITS) + unit->bias);
    return fast_two_sum_fma(scale, q, scale, rest);
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

/* exp(y) in units of n, and what was rounded off it. The last places of `high` are y's, or those of the
   few digits of log(2) in it, and far above those of `low`. The end is a fast_two_sum of 1 and r + bend,
   which is itself not rounded before its second use. */
static Total mass(double y, double n)
{
    static const double c[] = {EXP_DOUBLE};
    const double high = y - n * 0x1.62e42fe000000p-1, low = n * 0x1.f473de6af278fp-30;
    double off;
    const double r = fast_two_diff_one(high, low, &off);
    const size_t first = BITS == 32 ? EXP_DOUBLE_MORE_THAN_FLOAT : 0;
    double p = c[first];
    for (size_t i = first + 1; i < sizeof c / sizeof *c; i++)
        p = fma_one(p, r, c[i]);
    const double bend = fma_one(r * r, p, off), e = 1.0 + (r + bend), scale = RAISED;
    return (Total){e * scale, ((r - (e - 1.0)) + bend) * scale};
}
