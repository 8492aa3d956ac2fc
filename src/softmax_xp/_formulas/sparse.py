"""Maps onto the simplex that reach its boundary."""

from __future__ import annotations

from math import inf, nan
from typing import Any

from .._xp.dtypes import accumulator, cast, dtype_name
from .._xp.expm1 import expm1
from .._xp.namespace import stop_gradient
from .._xp.operations import repeated, select
from .._xp.sums import row_sum
from .kinds import Rule, formula
from .normalizers import softmax
from .rows import over_temperature, row_max, with_special_rows
from .sparse_derivatives import entmax_vjp, sparsemax_vjp
from .states import Shifted, shift
from .thresholds import LARGEST, Axes, above, between, exact_threshold, last_break, smallest_inside

BENT, STEEP = 6, 12
"""Steps of Newton's method, before the last two, that reach the last digit of float64 from where they start here."""

NARROW = 6
"""More steps where the start has only the digits of float32."""

SMALLEST = 1e-30
"""Added to a power that may be 0, so that it can be divided by; beside any other it vanishes."""


@formula("maps", Rule(sparsemax_vjp, sparsemax_vjp))
def sparsemax(x: Any, /, *, axis: Axes, where: Any, temperature: Any = 1.0, xp: Any) -> Any:
    """Return max(0, d - t), where d is x / temperature and t makes it sum to 1."""
    return _power_map(x, 1, temperature, axis=axis, where=where, xp=xp)


@formula("maps", Rule(entmax_vjp, entmax_vjp, options=("axis", "alpha")))
def entmax(x: Any, /, *, axis: Axes, where: Any, alpha: Any, temperature: Any = 1.0, xp: Any) -> Any:
    """Return max(0, beta d - t)**(1 / beta), where beta is alpha - 1, d is x / temperature, and t makes it sum to 1."""
    options = {"axis": axis, "where": where, "xp": xp}
    if 0 in x.shape:
        return x
    if isinstance(alpha, float):
        # The limits: the formula itself has a power of 1 / 0, or of 0, there.
        if alpha in (1.0, inf):
            return softmax(x, temperature=temperature if alpha == 1.0 else 0.0, sink=None, **options)
        # For powers of 1 and 2 the threshold follows from the mean and the variance. d is beta x: x divided by the
        # power.
        if alpha in (1.5, 2.0):
            power = round(1.0 / (alpha - 1.0))
            return _power_map(x, power, power * temperature, **options)
    row = _shifted(x, temperature, **options)
    if isinstance(alpha, float):
        beta = min(alpha - 1.0, LARGEST)
        d, inside = _inside(row.d, beta, axis=axis, xp=xp)
        p = (_bent if beta <= 1.0 else _steep)(d, inside, beta, axis=axis, xp=xp)
    else:
        p = _entmax_rows(row.d, cast(alpha, x.dtype, xp) - 1.0, axis=axis, xp=xp)
    return _finished(p, row, **options)


def _entmax_rows(d: Any, beta: Any, *, axis: Axes, xp: Any) -> Any:
    """Return the shares for one beta per row; NaN where it is negative."""
    known = beta >= 0.0
    beta = select(known, select(beta <= LARGEST, beta, LARGEST, xp), 1.0, xp) + SMALLEST
    d, inside = _inside(d, beta, axis=axis, xp=xp)
    # Both solutions are found for all rows; those that take the other one are ties to it.
    low, high = beta <= 1.0, beta >= 1.0
    bent = _bent(select(low, d, 0.0, xp), inside, select(low, beta, 1.0, xp), axis=axis, xp=xp)
    steep = _steep(select(high, d, 0.0, xp), inside, select(high, beta, 1.0, xp), axis=axis, xp=xp)
    # By a product, so that derivatives are NaN as well.
    return xp.where(low, bent, steep) * select(known, xp.ones_like(beta), nan, xp)


@formula("maps")
def normmax(x: Any, /, *, axis: Axes, where: Any, alpha: Any, xp: Any) -> Any:
    """Return q**(1 / alpha) as shares of its sum, where q is the entmax of x / (1 - 1 / alpha) for 2 - 1 / alpha."""
    options = {"axis": axis, "where": where, "xp": xp}
    if isinstance(alpha, float):
        if alpha == 1.0:
            return softmax(x, temperature=0.0, sink=None, **options)
        share: Any = 1.0 / alpha
    else:
        alpha = cast(alpha, x.dtype, xp)
        share = 1.0 / select(alpha >= 1.0, alpha, nan, xp)
    q = entmax(x, alpha=2.0 - share, temperature=1.0 - share, **options)
    # The root has an infinite derivative at 0. 0 * q instead of 0, so that a row of NaN stays so.
    some = q > 0.0
    u = xp.where(some, select(some, q, 1.0, xp) ** share, 0.0 * q)
    total = row_sum(u, axis, xp)
    # In a row that is masked altogether the sum is 0: 0 / 0 would be NaN.
    return select(where, u / cast(select(total != 0.0, total, 1.0, xp), u.dtype, xp), 0.0, xp)


@formula("maps")
def project_simplex(x: Any, /, *, axis: Axes, where: Any, scale: Any, xp: Any) -> Any:
    """Return scale times the sparsemax of x / scale."""
    if not isinstance(scale, float):
        scale = cast(scale, x.dtype, xp)
        # The values of an array cannot be refused without reading them: a wrong scale makes its row NaN.
        scale = select((scale >= 0.0) & (scale < inf), scale, nan, xp)
    p = sparsemax(x, axis=axis, where=where, temperature=scale, xp=xp)
    return select(where, scale * p, 0.0, xp)


@formula("maps")
def k_subset(x: Any, /, *, axis: Axes, where: Any, k: Any, xp: Any) -> Any:
    """Return min(1, max(0, x - t)), where t makes it sum to k.

    t is a little below the last break of the sum that is above it; measured from there it keeps its digits.
    """
    if 0 in x.shape:
        return x
    row = _shifted(x, 1.0, axis=axis, where=where, xp=xp)
    lowest = -float(xp.finfo(x.dtype).max)
    # A finite number in place of -inf: -inf less a break of -inf would be NaN.
    h = select(row.d > lowest, row.d, lowest, xp)
    k = k if isinstance(k, float) else cast(k, x.dtype, xp)
    h = h - last_break(h, k, axis=axis, xp=xp)
    # Once more: an entry that rounding left just below 1 does not take its part of the rest.
    h = _to_sum(_to_sum(h, k, axis, xp), k, axis, xp)
    p = between(h, xp)
    # No subset has more entries than are above -inf, or less than none: the row becomes NaN.
    most = row_sum(cast(row.d > -inf, h.dtype, xp), axis, xp)
    p = select((k >= 0.0) & (k <= most), select(row.d > -inf, p, 0.0, xp), nan, xp)
    return _finished(p, row, axis=axis, where=where, xp=xp)


def _to_sum(h: Any, k: Any, axis: Axes, xp: Any) -> Any:
    """Return ``h`` moved by a step of Newton's method, after which it sums to k between 0 and 1."""
    full, partly = h >= 1.0, (h >= 0.0) & (h < 1.0)
    # Only entries between 0 and 1 take part: they share the rest, and each moves by the same amount.
    rest = k - row_sum(select(partly, h, 0.0, xp), axis, xp) - row_sum(cast(full, h.dtype, xp), axis, xp)
    number = row_sum(cast(partly, h.dtype, xp), axis, xp)
    return h + cast(rest / select(number > 0.0, number, 1.0, xp), h.dtype, xp)


def _shifted(x: Any, temperature: Any, *, axis: Axes, where: Any, xp: Any) -> Shifted:
    """Return the logits measured from their maximum; in a row without a finite one, or with NaN, they are ties."""
    row = shift(x, axis=axis, where=where, temperature=1.0, sink=None, xp=xp)
    # Zeros for now, and NaN at the end: no iteration meets NaN, at which debug modes of JAX and torch stop.
    known = xp.isfinite(row.m)
    if not isinstance(temperature, float):
        known = known & (temperature == temperature)
        temperature = select(known, temperature, 1.0, xp)
    d = select(known, row.d, 0.0, xp)
    return row._replace(d=over_temperature(d, xp.zeros_like(row.m), temperature, xp))


def _finished(p: Any, row: Shifted, *, axis: Axes, where: Any, xp: Any) -> Any:
    """Return ``p`` with NaN in rows without a finite maximum, and 0 at masked entries."""
    # One value per row is added to all its entries; masked ones stay 0 in a row of NaN too.
    bad = with_special_rows(xp.zeros_like(row.m), row.m, where, axis, 0.0, xp)
    return select(where, p + bad, 0.0, xp)


def corrected(p: Any, slope: Any, axis: Axes, xp: Any) -> Any:
    """Return ``p`` after a last step of Newton's method, which moves entries as a change of the threshold does.

    The steps before it made a threshold; this one is not rounded to one, so that the sum is 1.
    """
    total = row_sum(slope, axis, xp)
    miss = (row_sum(p, axis, xp) - 1.0) / select(total > 0.0, total, 1.0, xp)
    return above(p - slope * cast(miss, p.dtype, xp), xp)


def _power_map(x: Any, power: int, temperature: Any, *, axis: Axes, where: Any, xp: Any) -> Any:
    """Return max(0, d - t)**power, with t from the mean and the variance of the entries that get a share.

    Steps of Newton's method follow, which do not round it: as many as it takes for derivatives to the third order, and
    more where there is no float64 for the running sums of a long row.
    """
    if 0 in x.shape:
        return x
    row = _shifted(x, temperature, axis=axis, where=where, xp=xp)
    z = row.d - exact_threshold(row.d, power, axis=axis, xp=xp)

    def nearer(z: Any) -> Any:
        high = above(z, xp)
        total = row_sum(high if power == 1 else high * high, axis, xp)
        slope = row_sum(cast(z > 0.0, z.dtype, xp) if power == 1 else 2.0 * high, axis, xp)
        return z - cast((total - 1.0) / select(slope > 0.0, slope, 1.0, xp), z.dtype, xp)

    # In float32 the threshold of a long row misses by the rounding of its running sums.
    if dtype_name(accumulator(z, xp)) != "float64":
        z = repeated(nearer, NARROW, z, xp)
    for _ in range(power):
        z = nearer(z)
    high = above(z, xp)
    return _finished(high if power == 1 else high * high, row, axis=axis, where=where, xp=xp)


def _inside(d: Any, beta: Any, *, axis: Axes, xp: Any) -> tuple[Any, Any]:
    """Return ``d`` without what is out of reach, and which entries get a share.

    1 + beta d is negative beyond -1 / beta, and exp(-10000) is 0.
    """
    reach = 1.0 / (max(beta, 1e-4) if isinstance(beta, float) else select(beta > 1e-4, beta, 1e-4, xp))
    reached = d > -reach
    d = xp.where(reached, d, -reach + xp.zeros_like(d))
    # Compared are differences, not products: compilers may round those in two ways.
    return d, reached & (stop_gradient(d, xp) >= smallest_inside(d, beta, 1.0 / beta, axis=axis, xp=xp))


def _bent(d: Any, inside: Any, beta: Any, *, axis: Axes, xp: Any) -> Any:
    """Return the shares for beta in (0, 1].

    With c = R**beta and y = 1 + beta c d they are y**(1 / beta) / R, where R is what the powers sum to: softmax
    with another exponential. In 1 / c the norm of the rows max(0, 1 / c + beta d) is convex, so that Newton's
    method, started at c = 1, never steps over the solution.
    """
    # The iteration is not differentiated: steps after it give the derivatives of the solution, whatever led to it.
    fixed, power = stop_gradient(d, xp), beta if isinstance(beta, float) else stop_gradient(beta, xp)

    def nearer(rho: Any) -> Any:
        e, slope = _bent_powers(fixed, inside, rho, power, xp, quick=True)
        total = row_sum(e, axis, xp)
        gap = -expm1(-power * (xp.log(total) - rho), xp) * total / row_sum(slope, axis, xp)
        return rho - xp.log1p(-gap) / power

    rho = repeated(nearer, BENT, row_sum(xp.zeros_like(d), axis, xp), xp)
    # Two more steps, which derivatives follow: they are right to the third order.
    e, slope = _bent_powers(d, inside, rho, beta, xp)
    total = row_sum(e, axis, xp)
    rho = rho + (xp.log(total) - rho) * total / row_sum(slope, axis, xp)
    e, slope = _bent_powers(d, inside, rho, beta, xp)
    scale = cast(xp.exp(-rho), d.dtype, xp)
    return corrected(e * scale, slope * scale, axis, xp)


def _bent_powers(d: Any, inside: Any, rho: Any, beta: Any, xp: Any, *, quick: bool = False) -> tuple[Any, Any]:
    """Return y**(1 / beta) and y**(1 / beta - 1) for y = 1 + beta c d and log c = beta rho; 0 outside."""
    u = cast(xp.exp(beta * rho), d.dtype, xp) * d
    # Away from the solution an entry may be beyond the reach: its logarithm would be NaN.
    inside = inside & (beta * u > -1.0)
    u = select(inside, u, 0.0, xp)
    v = beta * u
    # Without derivatives log1p is enough; those of the quotient cancel where beta is small, that in beta above all.
    e = xp.exp(xp.log1p(v) / beta if quick else u * _log1p_by(v, xp))
    return select(inside, e, 0.0, xp), select(inside, e / (1.0 + v), 0.0, xp)


def _log1p_by(v: Any, xp: Any) -> Any:
    """Return log1p(v) / v for v in (-1, 0]: near 0 by a series, which has derivatives there.

    log1p(v) is 2 artanh(s) for s = v / (2 + v).
    """
    near = v > -0.25
    s = select(near, v / (2.0 + v), 0.0, xp)
    square, series = s * s, 1.0 / 19.0
    for k in range(8, -1, -1):
        series = series * square + 1.0 / (2 * k + 1)
    # Not by log1p, which in XLA loses digits of negative numbers.
    far = select(~near, v, -0.5, xp)
    return xp.where(near, 2.0 * series / (2.0 + v), xp.log(1.0 + far) / far)


def _steep(d: Any, inside: Any, beta: Any, *, axis: Axes, xp: Any) -> Any:
    """Return the shares for beta of at least 1.

    With w the smallest share and c what beta d has above its entry, they are (w**beta + c)**(1 / beta). That
    is convex in w, so that Newton's method, started above the solution, never steps over it.
    """
    power = beta if isinstance(beta, float) else stop_gradient(beta, xp)
    # Measured from the entry with the smallest share: its own height w is found as a number, not as a difference from a
    # threshold, which would lose its digits.
    least = -row_max(select(inside, -d, -inf, xp), axis, xp)
    c = select(inside, beta * (d - least), 0.0, xp)
    fixed, w = stop_gradient(c, xp), 1.0 / row_sum(cast(inside, d.dtype, xp), axis, xp)
    w = repeated(lambda w: _steep_step(fixed, inside, w, power, axis, xp), STEEP, w, xp)
    w = _steep_step(c, inside, w, beta, axis, xp)
    return corrected(*_steep_powers(c, inside, w, beta, xp), axis, xp)


def _steep_step(c: Any, inside: Any, w: Any, beta: Any, axis: Axes, xp: Any) -> Any:
    """Return a better ``w``; it is never 0, however small rounding makes it."""
    p, slope = _steep_powers(c, inside, w, beta, xp)
    w = w - (row_sum(p, axis, xp) - 1.0) / row_sum(slope, axis, xp)
    # The logarithm of a w of 0 would be -inf, and all slopes 0 or NaN.
    least = float(xp.finfo(c.dtype).smallest_normal)
    return select(w > least, w, least, xp)


def _steep_powers(c: Any, inside: Any, w: Any, beta: Any, xp: Any) -> tuple[Any, Any]:
    """Return p = (w**beta + c)**(1 / beta) and (w / p)**(beta - 1), its derivative in w; 0 outside."""
    w = cast(w, c.dtype, xp)
    floor = w**beta
    near = c <= floor
    small = select(near, c, 0.0, xp) / select(floor > 0.0, floor, 1.0, xp)
    large = select(~near, c, 1.0, xp)
    # log(p / w) and p: a large quotient times a small w would lose digits.
    root = (xp.log(large) + xp.log1p(floor / large)) / beta
    gain = xp.where(near, xp.log1p(small) / beta, root - xp.log(w))
    p = xp.where(near, w * xp.exp(select(near, gain, 0.0, xp)), xp.exp(root))
    return select(inside, p, 0.0, xp), select(inside, xp.exp((1.0 - beta) * gain), 0.0, xp)
