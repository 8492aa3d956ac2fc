"""Draws and filters of torch tensors: derivatives, torch.func, torch.compile, generators."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import softmax_xp as sx  # noqa: E402
from softmax_xp import sampling  # noqa: E402
from softmax_xp._gate.arrays import namespace_of  # noqa: E402
from softmax_xp._xp.noise import Source, noise_of  # noqa: E402
from softmax_xp.sampling import gumbel_softmax, sample_categorical  # noqa: E402

from .compiling import with_gradient  # noqa: E402

inf, nan = torch.inf, torch.nan
X = torch.tensor([[0.5, -1.25, 2.0, 0.0], [1.0, 0.25, 1.0, 1.0], [3.0, 0.0, -4.0, 2.5]], dtype=torch.float64)
NOISE = torch.tensor([[0.25, 3.0, -0.5, 1.0], [0.0, 1.5, 1.5, -0.75], [-1.0, 2.0, 0.5, 0.0]], dtype=torch.float64)
NOISES = torch.stack([NOISE, NOISE.flip(-1)])
KEEP = torch.tensor([[True, False, True, True], [True] * 4, [True] * 4])
ROW = torch.tensor([[0.5], [2.0], [1.0]], dtype=torch.float64)
SOFT = {
    "gumbel_softmax": lambda x, noise=NOISE: gumbel_softmax(x, noise=noise),
    "gumbel_softmax with options": lambda x, noise=NOISE: gumbel_softmax(x, noise=noise, temperature=ROW, where=KEEP),
    "gumbel_softmax at 0.5": lambda x, noise=NOISE: gumbel_softmax(x, noise=noise, temperature=0.5),
}
FILTERS = {
    "top_k_logits": lambda x: sampling.top_k_logits(x, 2, where=KEEP),
    "top_k_logits of rows": lambda x: sampling.top_k_logits(x, torch.tensor([[1], [2], [3]]), ties="all"),
    "top_p_logits": lambda x: sampling.top_p_logits(x, 0.7),
    "min_p_logits": lambda x: sampling.min_p_logits(x, 0.3, min_keep=2),
    "typical_logits": lambda x: sampling.typical_logits(x, ROW / 2.5, where=KEEP),
    "epsilon_logits": lambda x: sampling.epsilon_logits(x, 0.2),
    "eta_logits": lambda x: sampling.eta_logits(x, ROW / 4),
}
soft = pytest.mark.parametrize("name", SOFT)


@soft
def test_gradcheck_accepts_relaxed_draws_to_second_order(name):
    given = [v.clone().requires_grad_() for v in (X, NOISE)]
    assert torch.autograd.gradcheck(SOFT[name], given)
    assert torch.autograd.gradgradcheck(SOFT[name], given)


@pytest.mark.parametrize("options", [{}, {"where": KEEP}, {"temperature": ROW}], ids=["plain", "where", "temperature"])
def test_a_hard_draw_has_all_derivatives_of_the_soft_one(options):
    g = torch.linspace(-1.0, 2.0, 4, dtype=torch.float64)
    hard, soft = ((lambda x, h=h: (gumbel_softmax(x, noise=NOISE, hard=h, **options) * g).sum()) for h in (True, False))
    assert torch.equal(torch.func.grad(hard)(X), torch.func.grad(soft)(X))
    assert torch.equal(torch.func.hessian(hard)(X), torch.func.hessian(soft)(X))


def test_a_hard_draw_is_exactly_0_or_1_while_gradients_are_followed():
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
        x = X.clone().to(dtype).requires_grad_()
        y = gumbel_softmax(x, noise=NOISE.to(dtype), hard=True, temperature=0.3)
        assert set(y.detach().unique().tolist()) == {0.0, 1.0}
        assert y.requires_grad


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("loud", [inf, -inf, nan, 0.0])
def test_impossible_classes_have_derivatives_of_exactly_0(hard, loud):
    x = torch.tensor([1.0, -inf, nan, 0.5], dtype=torch.float64, requires_grad=True)
    noise = torch.tensor([0.0, loud, loud, 1.0], dtype=torch.float64, requires_grad=True)
    y = gumbel_softmax(x, noise=noise, where=torch.tensor([True, True, False, True]), hard=hard)
    (y * torch.arange(1.0, 5.0)).sum().backward()
    for grad in (x.grad, noise.grad):
        assert torch.isfinite(grad).all()
        assert grad[0] != 0
        assert (grad[1:3] == 0).all()


@pytest.mark.parametrize("hard", [False, True])
def test_a_row_that_is_masked_altogether_has_a_derivative_of_0(hard):
    x = torch.tensor([nan, inf], requires_grad=True)
    gumbel_softmax(x, noise=torch.zeros(2), where=torch.tensor([False, False]), hard=hard).sum().backward()
    assert torch.equal(x.grad, torch.zeros(2))


def test_noise_has_the_gradient_of_the_logits():
    x, noise = (v.clone().requires_grad_() for v in (X, NOISE))
    gumbel_softmax(x, noise=noise, temperature=0.5)[:, 1].sum().backward()
    assert torch.equal(x.grad, noise.grad)


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_has_a_derivative_of_1_where_it_keeps_and_0_elsewhere(name):
    y, grad = with_gradient(FILTERS[name], X)
    assert torch.equal(grad, (y == X).to(grad.dtype))


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_keeps_derivatives_finite_beside_infinite_logits(name):
    x = X.clone()
    x[0, 1], x[1, 2] = -inf, inf
    _, grad = with_gradient(FILTERS[name], x)
    assert torch.isfinite(grad).all()


def test_a_filter_before_a_softmax_has_the_gradient_of_the_smaller_softmax():
    x = X[0].clone().requires_grad_()
    sx.softmax(sampling.top_k_logits(x, 2))[2].backward()
    small = X[0, [0, 2]].clone().requires_grad_()
    sx.softmax(small)[1].backward()
    assert torch.equal(x.grad[[0, 2]], small.grad)
    assert torch.equal(x.grad[[1, 3]], torch.zeros(2, dtype=torch.float64))


@pytest.mark.usefixtures("formula")
@pytest.mark.parametrize("hard", [False, True])
def test_vmap_of_relaxed_draws_is_the_batched_call(hard):
    mapped = torch.func.vmap(lambda x, n, w: gumbel_softmax(x, noise=n, where=w, hard=hard))(X, NOISE, KEEP)
    assert torch.equal(mapped, gumbel_softmax(X, noise=NOISE, where=KEEP, hard=hard))


def test_labels_follow_no_derivatives():
    assert not sample_categorical(X.clone().requires_grad_(), noise=NOISE).requires_grad


def test_the_noise_of_half_logits_is_not_cut_off():
    # In bfloat16 itself, exponential numbers have few values near 0.
    source = Source(None, torch.Generator().manual_seed(0), "torch", (1000,))
    noise = noise_of(source, torch.zeros(1, dtype=torch.bfloat16), namespace_of(X))
    assert noise.dtype == torch.float64
    assert len(noise.unique()) == 1000


def test_a_generator_of_another_device_is_refused():
    with pytest.raises(ValueError, match="rng is on device cpu and logits is on device meta; use a generator on the"):
        sample_categorical(X.to("meta"), rng=torch.Generator())


def test_the_global_generator_is_left_alone():
    state = torch.get_rng_state()
    sample_categorical(X, rng=torch.Generator().manual_seed(0))
    assert torch.equal(torch.get_rng_state(), state)
