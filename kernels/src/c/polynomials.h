/* The polynomials, the highest power first: where each is used, and how near it is there.

   Errors are those of the polynomial alone, before any rounding but that of its coefficients, relative to
   the exact result; 1 ulp is 2^-24 of it in float and 2^-53 in double. `python kernels/tests/polynomials.py`
   finds the coefficients again and proves the bounds; it reads both here. */
#ifndef SOFTMAX_XP_KERNELS_POLYNOMIALS_H
#define SOFTMAX_XP_KERNELS_POLYNOMIALS_H

/* p(r) for (exp(r) - 1 - r) / r^2, so that exp(r) = 1 + r + r^2 p(r): by interpolation in the Chebyshev
   nodes of 1.001 times abs(r) <= log(2) / 2, which leaves room for the rounding of y / log(2).
       abs(r) <= 0.3469
       exp(r): 0.013 ulp of float
       exp(r) - 1: 0.031 ulp of float */
#define EXP_FLOAT 0x1.a1256cp-13f, 0x1.6d43b0p-10f, 0x1.1110e0p-7f, 0x1.5554e8p-5f, 0x1.555556p-3f, 0.5f

/* The same for double.
       abs(r) <= 0.3469
       exp(r): 0.15 ulp of double
       exp(r) - 1: 0.38 ulp of double */
#define EXP_DOUBLE \
    0x1.af390ba7e6f47p-26, 0x1.2891d4ffbb0f9p-22, 0x1.71de0d85293b8p-19, 0x1.a019b8ca26fcfp-16, \
    0x1.a01a01a7cebcdp-13, 0x1.6c16c1789d1d7p-10, 0x1.11111111109a6p-7, 0x1.5555555553d37p-5, \
    0x1.5555555555556p-3, 0x1.0000000000001p-1

/* So many of its highest powers a float's exponential in double precision does without.
       abs(r) <= 0.3469
       exp(r): 0.0047 ulp of float */
#define EXP_DOUBLE_MORE_THAN_FLOAT 3

/* p(w) for the series of (atanh(z) / z - 1) / w, w = z^2. With z = f / (2 + f) it gives the logarithm of
   1 + f = (1 + z) / (1 - z) as 2 z + 2 z w p(w), where 1 + f is between sqrt(1/2) and sqrt(2).
       0 <= w <= 0.02944
       log(1 + f): 0.00086 ulp of float */
#define ATANH_SERIES 1.0 / 11.0, 1.0 / 9.0, 1.0 / 7.0, 1.0 / 5.0, 1.0 / 3.0

#endif
