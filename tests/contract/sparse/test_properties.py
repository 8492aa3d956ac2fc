"""What holds for the sparse maps at any values."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from softmax_xp.testing import contract

from .numbers import assert_near, exact, rows

pytestmark = [pytest.mark.thorough, pytest.mark.formula]

# One shape: JAX compiles a function for each.
SHAPE = (3, 6)
some = settings(
    max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
seeds = st.integers(0, 2**32 - 1)
scales = st.sampled_from([1e-2, 1.0, 10.0])
MAPS = [
    ("sparsemax", {}),
    ("entmax", {}),
    ("entmax", {"alpha": 1.25}),
    ("entmax", {"alpha": 3.0}),
    ("normmax", {}),
    ("k_subset", {"k": 2.5}),
    ("project_simplex", {"scale": 2.0}),
]
maps = pytest.mark.parametrize(("name", "options"), MAPS, ids=[f"{n}{list(o.values()) or ''}" for n, o in MAPS])


def logits(seed, scale, dtype):
    # On a grid, so that neither a shift nor a cast to this type changes a difference.
    grid = 1 if dtype == "bfloat16" else 16
    return np.clip((scale * np.random.default_rng(seed).normal(size=SHAPE) * grid).round() / grid, -30, 30)


@maps
@some
@given(seed=seeds, scale=scales)
def test_shares_are_not_negative_and_sum_to_the_total(backend, call, name, options, seed, scale):
    dtype = backend.dtypes[0]
    p = call(name, backend.array(logits(seed, scale, dtype), dtype), **options)
    total = contract.total_of(**options)
    assert (p >= 0).all()
    assert name != "k_subset" or (p <= 1).all()
    assert np.abs(p.sum(axis=-1) - total).max() <= 2 * max(1.0, total) * contract.sum_gate(dtype, SHAPE[1])


@maps
@some
@given(seed=seeds, scale=scales)
def test_a_permutation_of_the_logits_permutes_the_shares(backend, call, name, options, seed, scale):
    dtype = backend.dtypes[0]
    x = logits(seed, scale, dtype)
    order = np.random.default_rng(seed + 1).permutation(SHAPE[1])
    p = call(name, backend.array(x[:, order], dtype), **options)
    inverse = np.argsort(order)
    assert_near(p[:, inverse], exact(name, x, **options), contract.sparse_op(name, **options), dtype)


@maps
@some
@given(seed=seeds, scale=scales)
def test_a_shift_of_the_logits_changes_nothing(backend, call, name, options, seed, scale):
    dtype = backend.dtypes[0]
    x = logits(seed, scale, dtype)
    shifted = call(name, backend.array(x + 64.0, dtype), **options)
    np.testing.assert_array_equal(shifted, call(name, backend.array(x, dtype), **options))


@maps
@some
@given(seed=seeds, scale=scales)
def test_shares_are_in_the_order_of_the_logits(backend, call, name, options, seed, scale):
    x = logits(seed, scale, backend.dtypes[0])
    p = call(name, backend.array(x, backend.dtypes[0]), **options)
    for row, shares in zip(x, p, strict=True):
        assert (np.diff(shares[np.argsort(row, kind="stable")]) >= 0).all()
        for value in np.unique(row):
            assert len(np.unique(shares[row == value])) == 1


@some
@given(seed=seeds, scale=scales)
def test_a_larger_alpha_gives_no_more_to_the_small_ones(backend, call, seed, scale):
    dtype = backend.dtypes[0]
    x = backend.array(logits(seed, scale, dtype), dtype)
    unit = contract.SPARSE_GATES["entmax"].units * contract.FORMATS[dtype].unit * 30
    least = [call("entmax", x, alpha=a).min(axis=-1) for a in (1.0, 1.25, 1.5, 2.0, 3.0)]
    assert (np.diff(least, axis=0) <= unit).all()


@some
@given(seed=seeds, scale=scales)
def test_a_projection_leaves_its_points_where_they_are(backend, call, seed, scale):
    dtype = backend.dtypes[0]
    if dtype == "bfloat16":
        return  # rounded shares are not in the set
    x = backend.array(logits(seed, scale, dtype), dtype)
    for name, options in (("project_simplex", {"scale": 2.0}), ("k_subset", {"k": 2.5})):
        once = call(name, x, **options)
        again = call(name, backend.array(once, dtype), **options)
        assert_near(again, once, name, dtype)


@some
@given(seed=seeds, scale=scales)
def test_no_point_of_the_simplex_is_nearer_than_the_projection(backend, call, seed, scale):
    dtype = backend.dtypes[0]
    values = logits(seed, scale, dtype)
    p = call("sparsemax", backend.array(values, dtype))
    others = np.random.default_rng(seed).dirichlet(np.full(SHAPE[1], 0.3), size=(50, SHAPE[0]))
    nearest, distances = ((p - values) ** 2).sum(axis=-1), ((others - values) ** 2).sum(axis=-1)
    assert (nearest <= distances.min(axis=0) * (1 + contract.sum_gate(dtype, 6))).all()


DECIMALS = [
    *MAPS,
    ("entmax", {"alpha": 7.0}),
    ("k_subset", {"k": 1}),
    ("k_subset", {"k": 3}),
    ("k_subset", {"k": 5}),
]


@pytest.mark.parametrize(("name", "options"), DECIMALS, ids=[f"{n}{list(o.values()) or ''}" for n, o in DECIMALS])
def test_shares_of_decimal_numbers_whose_differences_are_rounded_sum_to_the_total(backend, call, name, options):
    dtype = backend.dtypes[0]
    rng = np.random.default_rng(7)
    x = (rng.normal(size=(600, 6)) * rng.choice([0.3, 1.0, 3.0], size=(600, 1))).round(1)
    x[0], x[1] = (1.1, -3.2, -2.5, -9, -9, -9), (0.8, 0.3, -9, -9, -9, -9)
    x[300:] += rng.choice([1e3, 1e5], size=(300, 1))
    x[rng.uniform(size=x.shape) < [0, 0, 0, 0, 0, 0.5]] = -np.inf
    p = call(name, backend.array(x, dtype), **options)
    total = contract.total_of(**options)
    assert (p >= 0).all()
    assert (p <= (1.0 if name == "k_subset" else total * (1 + contract.sum_gate(dtype, 6)))).all()
    assert np.abs(p.sum(axis=-1) - total).max() <= 2 * max(1.0, total) * contract.sum_gate(dtype, 6)


def test_k_subset_of_decimal_numbers_sums_to_the_k_of_each_row(backend, call):
    dtype = backend.dtypes[0]
    rng = np.random.default_rng(8)
    x, k = rng.normal(size=(600, 6)).round(1), rng.integers(0, 13, size=(600, 1)) / 2
    p = call("k_subset", backend.array(x, dtype), k=backend.array(k, dtype))
    assert (np.abs(p.sum(axis=-1) - k[:, 0]) <= 2 * np.maximum(1.0, k[:, 0]) * contract.sum_gate(dtype, 6)).all()


def test_k_subset_of_1_and_project_simplex_of_1_are_sparsemax(backend, dtype, call):
    x = backend.array(rows(), dtype)
    expected = exact("sparsemax", backend.numpy(x))
    assert_near(call("k_subset", x, k=1), expected, "k_subset", dtype)
    assert_near(call("project_simplex", x), expected, "project_simplex", dtype)


@pytest.mark.parametrize("step", [1e-3, 1e-6, 1e-9])
def test_entmax_is_continuous_through_1(backend, call, step):
    dtype = backend.dtypes[0]
    x = backend.array(rows(), dtype)
    at_1, near_1 = call("entmax", x, alpha=1.0), call("entmax", x, alpha=1.0 + step)
    # The derivative in alpha is at most the square of the largest difference in a row.
    unit = contract.SPARSE_GATES["entmax"].units * contract.FORMATS[dtype].unit
    assert np.abs(at_1 - near_1).max() <= step * np.ptp(rows(), axis=-1).max() ** 2 + 10 * unit


def test_entmax_goes_to_the_arg_max_as_alpha_grows(backend, dtype, call):
    x = backend.array([[0.5, 0.25, 0.5, -1.0]], dtype)
    for alpha in (50.0, 1e6, 1e30):
        assert_near(call("entmax", x, alpha=alpha), [[0.5, 0.0, 0.5, 0.0]], "entmax", dtype)
    np.testing.assert_array_equal(call("entmax", x, alpha=np.inf), [[0.5, 0.0, 0.5, 0.0]])


@maps
def test_a_row_alone_has_the_bits_of_the_same_in_a_batch_on_numpy(backend, dtype, call, name, options):
    if backend.library == "numpy":
        batch = call(name, backend.array(rows(40), dtype), **options)
        np.testing.assert_array_equal(batch[:1], call(name, backend.array(rows(40)[:1], dtype), **options))
