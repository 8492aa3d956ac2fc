/* Error-free transformations: the result of an operation and, exactly, what was rounded off it.

   two_sum        Knuth, The Art of Computer Programming, vol. 2, sec. 4.2.2, theorem B: any a and b
   two_diff       the same for a - b (Shewchuk 1997, doi:10.1007/PL00009321)
   fast_two_sum   Dekker 1971, doi:10.1007/BF01397083: abs(a) >= abs(b) or a multiple of b's last place
                  (Boldo, Graillat & Muller 2017, doi:10.1145/3054947)
   fast_two_diff  the same for a - b

   No two_product is needed: products here are by powers of two, or of an fma that rounds once. Where the
   compiler may reorder sums (-ffast-math), all errors become 0. Names that end in _one are for single
   numbers. */

ALWAYS D two_sum(D a, D b, D *error)
{
    D sum = a + b, back = sum - a;
    *error = (a - (sum - back)) + (b - back);
    return sum;
}

static inline double two_sum_one(double a, double b, double *error)
{
    double sum = a + b, back = sum - a;
    *error = (a - (sum - back)) + (b - back);
    return sum;
}

ALWAYS D two_diff(D a, D b, D *error)
{
    D difference = a - b, back = difference - a;
    *error = (a - (difference - back)) - (b + back);
    return difference;
}

static inline double two_diff_one(double a, double b, double *error)
{
    double difference = a - b, back = difference - a;
    *error = (a - (difference - back)) - (b + back);
    return difference;
}

static inline double fast_two_diff_one(double a, double b, double *error)
{
    double difference = a - b;
    *error = (a - difference) - b;
    return difference;
}

/* fast_two_sum of a and x * y, a product that is exact: fma saves it as a step of its own. */
ALWAYS V fast_two_sum_fma(V a, V x, V y, V *error)
{
    V sum = fma_(x, y, a);
    *error = fma_(x, y, a - sum);
    return sum;
}

/* a - q * b where q is a / b, rounded: exact, because it has no more digits than they have (Markstein
   1990, doi:10.1147/rd.341.0111). Also where the machine has no fma: C's own always rounds once. */
static inline double division_error_one(double a, double b, double q)
{
    return fma(-q, b, a);
}
