"""First derivatives by torch.autograd: ties, masks, offsets, options."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import numpy as np  # noqa: E402

import softmax_xp as sx  # noqa: E402

from .. import analytic  # noqa: E402

pytestmark = pytest.mark.kernel

EPS = torch.finfo(torch.float64).eps
G = np.asarray([0.5, -1.0, 2.0, 0.25])
KEEP = np.asarray([True, False, True, True])
EXACT = {
    "softmax": lambda p: G @ analytic.softmax_jacobian(p),
    "log_softmax": lambda p: G @ analytic.log_softmax_jacobian(p),
    "logsumexp": lambda p: p,
}
rows = pytest.mark.parametrize("row", analytic.ROWS.values(), ids=analytic.ROWS)
names = pytest.mark.parametrize("name", EXACT)
offsets = pytest.mark.parametrize("offset", analytic.OFFSETS)


def gradient(name, values, precision=torch.float64, g=G, **options):
    """Return the gradient of one row, with cotangent g where the result is a row."""
    x = torch.tensor(values, dtype=precision, requires_grad=True)
    y = getattr(sx, name)(x, **options)
    y.backward(torch.tensor(g, dtype=precision) if y.ndim else None)
    return x.grad


@names
@rows
@offsets
def test_gradient_is_the_analytic_one(name, row, offset):
    row = np.asarray(row) + offset
    g = np.where(row == -np.inf, 0.0, G)  # the cotangent of log_softmax at -inf meets no entry
    p = analytic.softmax(row)
    exact = {
        "softmax": g @ analytic.softmax_jacobian(p),
        "log_softmax": g @ analytic.log_softmax_jacobian(p),
        "logsumexp": p,
    }[name]
    assert_close(gradient(name, row, g=g), exact)


def assert_close(actual, exact, eps=EPS):
    analytic.assert_derivative(actual, exact, g=G, eps=eps)


@names
@rows
def test_float32_gradient_is_the_analytic_one_rounded(name, row):
    g = np.where(np.asarray(row) == -np.inf, 0.0, G)
    p = analytic.softmax(row)
    exact = p if name == "logsumexp" else g @ getattr(analytic, f"{name}_jacobian")(p)
    assert_close(gradient(name, row, torch.float32, g), exact, torch.finfo(torch.float32).eps)


@names
@pytest.mark.parametrize("junk", [np.nan, np.inf, -np.inf, 1e30])
def test_what_a_masked_slot_holds_does_not_reach_the_gradient(name, junk):
    g = np.where(KEEP, G, 0.0)
    p = analytic.softmax([1.0, 0.0, 1.0, 0.25], KEEP)
    exact = p if name == "logsumexp" else g @ getattr(analytic, f"{name}_jacobian")(p)
    assert_close(gradient(name, [1.0, junk, 1.0, 0.25], g=G, where=torch.tensor(KEEP)), exact * KEEP)


@names
@pytest.mark.parametrize("junk", [np.nan, np.inf, 7.0])
def test_gradient_at_a_masked_slot_is_exactly_zero(name, junk):
    grad = gradient(name, [1.0, junk, 1.0, 0.25], where=torch.tensor(KEEP))
    assert grad[1] == 0


@names
@pytest.mark.parametrize("junk", [np.nan, np.inf, -np.inf, 0.0])
def test_gradient_of_a_fully_masked_row_is_zero(name, junk):
    grad = gradient(name, [junk] * 4, where=torch.zeros(4, dtype=torch.bool))
    assert torch.equal(grad, torch.zeros(4, dtype=torch.float64))


def test_gradient_of_logsumexp_is_zero_in_a_row_of_minus_inf():
    assert torch.equal(gradient("logsumexp", [-np.inf] * 4), torch.zeros(4, dtype=torch.float64))


@names
def test_a_bad_row_leaves_the_gradients_of_other_rows_alone(name):
    x = torch.tensor([[np.nan, 0.0, 1.0, 2.0], [0.5, 1.0, 1.0, -1.0]], dtype=torch.float64, requires_grad=True)
    getattr(sx, name)(x, axis=-1)[1].sum().backward()
    lone = gradient(name, [0.5, 1.0, 1.0, -1.0], g=np.ones(4))
    assert torch.equal(x.grad[1], lone)


def test_softmin_has_the_negated_gradient_of_softmax():
    row = np.asarray([0.5, -1.25, 2.0, 0.0])
    assert torch.equal(gradient("softmin", -row), -gradient("softmax", row))


@names
def test_gradient_of_ties_is_shared_equally(name):
    grad = gradient(name, [1.0, 1.0, 0.0, 1.0], g=np.ones(4) * [1, 1, 0, 1])
    assert grad[0] == grad[1] == grad[3]


def test_gradient_of_log_softmax_at_a_confident_prediction_keeps_small_probabilities():
    grad = gradient("log_softmax", [40.0, 0.0, 0.0, 0.0], g=np.asarray([1.0, 0, 0, 0]))
    p = analytic.softmax([40.0, 0.0, 0.0, 0.0])
    assert np.all(np.abs(np.asarray(grad[1:]) + p[1:]) <= analytic.tolerance(p[1:], EPS))


def test_temperature_scales_the_gradient_also_at_ties():
    exact = G @ analytic.softmax_jacobian(analytic.softmax([2.0, 2.0, 0.0, 1.0])) * 2
    assert_close(gradient("softmax", [1.0, 1.0, 0.0, 0.5], temperature=0.5), exact)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("sink", [-1e3, 0.0, 1.0, 1e3])
def test_sink_acts_on_the_gradient_as_one_more_logit(name, sink):
    row = [1.0, 1.0, 0.0, 0.5]
    p = analytic.softmax([*row, sink])
    exact = np.append(G, 0.0) @ getattr(analytic, f"{name}_jacobian")(p)
    assert_close(gradient(name, row, sink=sink), exact[:4])


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_gradient_reaches_a_sink_tensor_tied_with_the_maximum(name):
    sink = torch.tensor([1.0], dtype=torch.float64, requires_grad=True)
    x = torch.tensor([1.0, 1.0, 0.0, 0.5], dtype=torch.float64)
    getattr(sx, name)(x, sink=sink).backward(torch.tensor(G))
    p = analytic.softmax([1.0, 1.0, 0.0, 0.5, 1.0])
    assert_close(sink.grad, (np.append(G, 0.0) @ getattr(analytic, f"{name}_jacobian")(p))[4:])


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_temperature_gradient_is_finite_beside_minus_inf(name):
    t = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    x = torch.tensor([1.0, -np.inf, 0.0, 1.0], dtype=torch.float64)
    g = torch.tensor([1.0, 0.0, 2.0, 0.5], dtype=torch.float64)
    getattr(sx, name)(x, temperature=t).backward(g)
    y = np.asarray([1.0, 0.0, 0.0, 1.0])
    p = analytic.softmax([2.0, -np.inf, 0.0, 2.0])
    # d/dT of x / T is -x / T^2.
    exact = g.numpy() @ getattr(analytic, f"{name}_jacobian")(p) @ (-y * 4)
    analytic.assert_derivative(t.grad, [exact], g=g.numpy() * 4, eps=EPS)


@pytest.mark.parametrize("limit", [0.0, np.inf])
def test_gradient_at_the_limits_of_temperature_is_zero(limit):
    x = torch.tensor([1.0, 0.0, -1.0, 0.5], dtype=torch.float64)
    jacobian = torch.func.jacrev(lambda x: sx.softmax(x, temperature=limit))(x)
    assert torch.equal(jacobian, torch.zeros((4, 4), dtype=torch.float64))


def test_temperature_tensor_with_zero_and_inf_rows_has_finite_gradients():
    x = torch.tensor([[1.0, 1.0, 0.0]] * 3, dtype=torch.float64, requires_grad=True)
    t = torch.tensor([[0.0], [1.0], [np.inf]], dtype=torch.float64, requires_grad=True)
    (sx.softmax(x, temperature=t) * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert bool(torch.isfinite(x.grad).all() & torch.isfinite(t.grad).all())


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
@names
def test_gradients_of_half_types_are_computed_in_float32_and_rounded_once(name, precision):
    row = [1.0, 1.0, -0.5, 0.25]
    wide = gradient(name, row, torch.float32).to(precision)
    assert torch.equal(gradient(name, row, precision), wide)


def test_hardmax_gives_no_gradient():
    assert not sx.hardmax(torch.tensor([1.0, 1.0, 0.0], requires_grad=True)).requires_grad


def test_gradients_of_log1mexp_and_logsubexp_are_finite_across_their_branches():
    x = torch.tensor([1e-300, 1e-3, 0.6931, 0.6932, 50.0, 800.0], dtype=torch.float64, requires_grad=True)
    sx.log1mexp(x).sum().backward()
    exact = 1 / np.expm1(x.detach().numpy()[:-1])
    assert np.all(np.abs(x.grad.numpy()[:-1] / exact - 1) <= analytic.tolerance(1.0, EPS))
    assert x.grad[-1] == 0


def test_weights_of_zero_remove_their_entries_from_the_gradient():
    grad = gradient("logsumexp", [1.0, np.nan, 1.0, 0.25], b=torch.tensor(KEEP).double())
    assert_close(grad, analytic.softmax([1.0, 0.0, 1.0, 0.25], KEEP))


def test_the_input_keeps_its_version_counter():
    x = torch.tensor([1.0, 2.0])
    before = x._version
    sx.log_softmax(x)
    assert x._version == before
