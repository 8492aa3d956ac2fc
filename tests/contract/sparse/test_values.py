"""CONTRACT 1 and 2 for the sparse maps: values at the edges and accuracy, on every library."""

from __future__ import annotations

import numpy as np
import pytest

from softmax_xp import sparse
from softmax_xp.testing import contract, exact_entmax_vjp
from softmax_xp.testing.check_sparse import row_groups
from softmax_xp.testing.compare import assert_derivative
from softmax_xp.testing.sparse_edges import masked_edges, plain_edges

from .numbers import CASES, assert_near, cases, exact, probabilities, rows

pytestmark = pytest.mark.formula

inf, nan = np.inf, np.nan
MAPS = ("sparsemax", "entmax", "normmax", "k_subset", "project_simplex")
SIMPLE = [("sparsemax", {}), ("entmax", {}), ("entmax", {"alpha": 1.25}), ("normmax", {}), ("k_subset", {"k": 1.75})]
simple = pytest.mark.parametrize(("name", "options"), SIMPLE, ids=[f"{n}{list(o.values()) or ''}" for n, o in SIMPLE])
op_of = contract.sparse_op


def test_every_map_is_in_the_table():
    assert {name for name, _ in CASES} == set(MAPS)
    assert set(MAPS) | {"entmax_loss", "fenchel_young_loss"} == set(sparse.__all__)


@probabilities
@pytest.mark.parametrize(
    "edges", [pytest.param(plain_edges(), marks=pytest.mark.thorough), masked_edges()], ids=["plain", "masked"]
)
def test_edge_values_are_those_of_the_contract(backend, dtype, call, name, options, edges):
    where = None if edges.where is None else backend.array(edges.where, "bool")
    p = call(name, backend.array(edges.x, dtype), where=where, **options)
    assert_near(p, edges.p, op_of(name, **options), dtype)


@cases
def test_dangerous_rows_are_as_near_to_the_exact_ones_as_promised(backend, dtype, call, name, options):
    for values in row_groups(options, dtype, of_one_length=backend.library == "jax"):
        x = backend.array(values, dtype)
        p = call(name, x, **options)
        assert_near(p, exact(name, backend.numpy(x), **options), op_of(name, **options), dtype)


@pytest.mark.thorough
@cases
def test_rows_sum_to_what_they_should(backend, dtype, call, name, options):
    total = contract.total_of(**options)
    p = call(name, backend.array(rows(40), dtype), **options)
    assert (p >= 0).all()
    assert np.abs(p.sum(axis=-1) - total).max() <= 2 * max(1.0, total) * contract.sum_gate(dtype, 40)


@pytest.mark.thorough
@simple
@pytest.mark.parametrize("axis", [0, 1, (0, 1), None, (0, 2)])
def test_any_axes_make_up_a_row(backend, dtype, call, name, options, axis):
    values = np.random.default_rng(5).normal(size=(3, 4, 2)).round(2)
    x = backend.array(values, dtype)
    last = (0, 1, 2) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    rest = tuple(a for a in range(3) if a not in last)
    flat = backend.numpy(x).transpose(*rest, *last).reshape(*(values.shape[a] for a in rest), -1)
    p = call(name, x, axis=axis, **options).transpose(*rest, *last).reshape(flat.shape)
    assert_near(p, exact(name, flat, **options), op_of(name, **options), dtype)


@simple
def test_a_mask_acts_as_if_its_entries_were_not_there(backend, dtype, call, name, options):
    values, where = rows(), np.asarray([True, False, True, True, True, False])
    x = backend.array(values, dtype)
    junk = backend.array(np.where(where, values, [0, nan, 0, 0, 0, inf]), dtype)
    p = call(name, junk, where=backend.array(where, "bool"), **options)
    assert_near(p[:, where], exact(name, backend.numpy(x)[:, where], **options), op_of(name, **options), dtype)
    assert (p[:, ~where] == 0).all()


@pytest.mark.parametrize(("name", "options"), CASES[:2] + CASES[4:5] + CASES[-2:])
def test_an_empty_array_stays_empty(backend, dtype, call, name, options):
    for shape, axis in (((2, 0), 1), ((0, 3), 1), ((0, 3), None)):
        if backend.library == "dask" and axis is None:
            continue  # Dask cannot reshape an array without chunks
        assert call(name, backend.array(np.zeros(shape), dtype), axis=axis, **options).shape == shape


@pytest.mark.thorough
@probabilities
@pytest.mark.parametrize("axis", [None, ()])
def test_an_entry_alone_gets_everything(backend, call, name, options, axis):
    assert call(name, backend.array(5.0, backend.dtypes[0]), axis=axis, **options) == 1.0


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["uint8", "int32", "bool"])
@simple
def test_integers_and_booleans_are_promoted_before_arithmetic(backend, call, name, options, kind):
    high = 1 if kind == "bool" else 100
    p = call(name, backend.array([[0, high, high]], kind), **options)
    assert_near(p, exact(name, [[0.0, high, high]], **options), op_of(name, **options), "float32")


def test_dtype_casts_before_computing(backend, dtype, call):
    p = call("entmax", backend.array([[0, 1, 1]], "int32"), dtype=backend.dtype(dtype))
    assert_near(p, exact("entmax", [[0.0, 1.0, 1.0]]), "sparsemax", dtype)


def test_an_alpha_per_row_acts_as_numbers_do(backend, dtype, call):
    alphas = [1.0, 1.001, 1.25, 1.5, 2.0, 2.5, 10.0, inf]
    x = backend.array(np.tile(rows()[:1], (len(alphas), 1)), dtype)
    alpha = backend.array([[a] for a in alphas], dtype)
    values, given = backend.numpy(x), backend.numpy(alpha).astype(np.float64)[:, 0]
    for name in ("entmax", "normmax"):
        p = call(name, x, alpha=alpha)
        for i, a in enumerate(given):
            # Too near to 1 for its dtype, an alpha of normmax scales the logits to ties.
            if name == "entmax" or a == 1.0 or a > 1.1:
                assert_near(p[i], exact(name, values[i], alpha=float(a)), name, dtype)


@pytest.mark.thorough
@pytest.mark.parametrize("alpha", [1.5, 1.9, 2.5, 4.0])
def test_long_rows_have_one_threshold(backend, call, alpha):
    dtype = backend.dtypes[0]
    n, beta = 20_000, alpha - 1
    steps = 1e-3 * np.exp(-np.linspace(0, 40, n - 1))
    for d in (-0.5 + steps, np.full(n - 1, -1 / beta * (1 - 1e-3)), -(np.linspace(0, 1 / beta, n - 1) ** 3)):
        x = backend.array(np.concatenate([[0.0], d]), dtype)
        p, d = call("entmax", x, alpha=alpha), backend.numpy(x).astype(np.float64)
        some = p > 0
        # p**beta is the height above the threshold, which is off by what the sum of a long row is.
        heights = p[some] ** beta - p[0] ** beta - beta * d[some]
        gate = contract.SPARSE_GATES["entmax"].units * contract.FORMATS[dtype].unit * np.log2(n)
        moved = beta * np.maximum(p[some], contract.FORMATS[dtype].tiny) ** (beta - 1)
        assert (np.abs(heights) <= gate * np.maximum(moved * max(1.0, 1 / beta), 1.0)).all()
        assert abs(p.sum() - 1) <= 2 * contract.sum_gate(dtype, n)


@pytest.mark.thorough
def test_an_alpha_below_1_or_nan_makes_its_row_nan(backend, dtype, call):
    alpha = backend.array([[0.5], [nan], [2.0]], dtype)
    for name in ("entmax", "normmax"):
        p = call(name, backend.array(np.zeros((3, 2)), dtype), alpha=alpha)
        assert_near(p, [[nan, nan], [nan, nan], [0.5, 0.5]], name, dtype)


def test_a_k_per_row_acts_as_numbers_do_and_nan_where_there_is_no_such_choice(backend, dtype, call):
    x = backend.array(np.tile([[1.5, 2.25, -0.25, -inf]], (6, 1)), dtype)
    k = backend.array([[0.0], [1.0], [2.0], [3.0], [3.5], [-1.0]], dtype)
    p = call("k_subset", x, k=k)
    expected = [[0, 0, 0, 0], [0.125, 0.875, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [nan] * 4, [nan] * 4]
    np.testing.assert_array_equal(p, expected)


def test_a_scale_per_row_acts_as_numbers_do_and_nan_where_there_is_no_such_set(backend, dtype, call):
    x = backend.array(np.tile([[3.0, 1.0, -1.0]], (5, 1)), dtype)
    p = call("project_simplex", x, scale=backend.array([[0.0], [1.0], [3.0], [-1.0], [inf]], dtype))
    assert_near(p, [[0, 0, 0], [1, 0, 0], [2.5, 0.5, 0], [nan] * 3, [nan] * 3], "project_simplex", dtype)


@pytest.mark.parametrize("alpha", [1.0, 1.25, 1.5, 2.0, 2.5])
def test_the_derivative_is_as_near_to_the_exact_one_as_promised(backend, dtype, call, alpha):
    g = backend.array(np.random.default_rng(6).normal(size=(4, 6)), dtype)
    p = backend.array(exact("entmax", rows(), alpha=alpha).hi, dtype)
    found = call("entmax_vjp", p, g, alpha=alpha)
    expected = exact_entmax_vjp(backend.numpy(p), backend.numpy(g), alpha=alpha)
    assert_derivative(found, expected, dtype=dtype)
    if alpha == 2.0:
        np.testing.assert_array_equal(call("sparsemax_vjp", p, g), found)
    slopes = np.where(backend.numpy(p) > 0, backend.numpy(p).astype(np.float64), inf) ** (2 - alpha)
    size = np.where(np.isfinite(slopes), slopes, 0).sum(axis=-1) * np.abs(backend.numpy(g).astype(np.float64)).max()
    gate = contract.row_sum_gate(dtype, 6)
    assert (np.abs(found.sum(axis=-1)) <= gate.scale * size + gate.floor).all()


def test_a_masked_cotangent_has_no_influence(backend, dtype, call):
    p = backend.array([[0.25, 0.75, 0.0]], dtype)
    where = backend.array([[True, True, False]], "bool")
    g = backend.array([[1.0, 0.0, nan]], dtype)
    np.testing.assert_array_equal(call("sparsemax_vjp", p, g, where=where), [[0.5, -0.5, 0.0]])
    np.testing.assert_array_equal(call("entmax_vjp", p, g, alpha=inf, where=where), [[0.0, 0.0, 0.0]])


def test_the_derivative_takes_an_alpha_per_row(backend, dtype, call):
    p = backend.array([[0.25, 0.75, 0.0]] * 3, dtype)
    g = backend.array([[1.0, 0.0, 3.0]] * 3, dtype)
    found = call("entmax_vjp", p, g, alpha=backend.array([[1.5], [2.0], [inf]], dtype))
    expected = [call("entmax_vjp", p, g, alpha=a)[0] for a in (1.5, 2.0, inf)]
    np.testing.assert_array_max_ulp(found.astype(np.float32), np.stack(expected).astype(np.float32), maxulp=2)
