"""Train a multinomial classifier on scikit-learn's digits, with NumPy, torch and JAX.

Run it with scikit-learn installed; torch, JAX and matplotlib are optional::

    python examples/train_digits.py --plot train_digits.png

Part one trains the same model with each library. NumPy cannot differentiate and takes the gradient from
`cross_entropy_and_grad`; torch and JAX differentiate `cross_entropy`. Part two takes away most samples of
three digits, and mends that with class weights or with adjusted logits. The exit code is 1 if the loss curves
of part one are farther apart than the tolerance.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from softmax_xp.derivatives import cross_entropy_and_grad
from softmax_xp.losses import balanced_class_weights, cross_entropy, logit_adjustment
from softmax_xp.testing.contract import FORMATS, MAX_ELEMENTARY_ERROR, gate

CLASSES = 10
RATE, MOMENTUM = 0.1, 0.9
RARE, KEPT = 3, 0.1
DRAWS = 4

ValueAndGrad = Callable[[Any], tuple[Any, Any]]


class Digits(NamedTuple):
    """Images, one per row, standardised and with a last column of ones for the bias; and their labels."""

    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray


class Run(NamedTuple):
    """The weights a training ended with, and its loss at each step."""

    weights: np.ndarray
    losses: np.ndarray


def load(seed: int) -> Digits:
    """Return the digits, two fifths of them held out."""
    images, labels = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(
        images, labels, test_size=0.4, random_state=seed, stratify=labels
    )
    mean, spread = train_x.mean(axis=0), train_x.std(axis=0)
    spread[spread == 0] = 1.0  # some pixels at the border are never used
    train_x, test_x = (np.column_stack([(x - mean) / spread, np.ones(len(x))]) for x in (train_x, test_x))
    return Digits(train_x, train_y, test_x, test_y)


def descend(value_and_grad: ValueAndGrad, weights: Any, steps: int) -> Run:
    """Return where gradient descent with momentum leads; it is the same for every library."""
    velocity, losses = 0.0 * weights, []
    for _ in range(steps):
        loss, grad = value_and_grad(weights)
        losses.append(float(loss))
        velocity = MOMENTUM * velocity + grad
        weights = weights - RATE * velocity
    return Run(np.asarray(weights), np.asarray(losses))


def zeros(data: Digits) -> np.ndarray:
    """Return the weights every training starts from: all classes are equally likely."""
    return np.zeros((data.train_x.shape[1], CLASSES))


def with_numpy(data: Digits, steps: int, *, class_weights: Any = None, class_counts: Any = None) -> Run:
    """Train with the analytic gradient."""
    x, y = data.train_x, data.train_y

    def value_and_grad(weights: np.ndarray) -> tuple[Any, Any]:
        logits = x @ weights
        if class_counts is not None:
            # It adds a constant to each class, so the gradient needs no change.
            logits = logit_adjustment(logits, class_counts)
        loss, dlogits = cross_entropy_and_grad(logits, y, weight=class_weights)
        return loss, x.T @ dlogits

    return descend(value_and_grad, zeros(data), steps)


def with_torch(data: Digits, steps: int) -> Run:
    """Train with torch's automatic differentiation."""
    import torch

    x, y = torch.asarray(data.train_x), torch.asarray(data.train_y)

    def value_and_grad(weights: Any) -> tuple[Any, Any]:
        weights = weights.detach().requires_grad_()
        loss = cross_entropy(x @ weights, y)
        loss.backward()
        return loss.detach(), weights.grad

    return descend(value_and_grad, torch.asarray(zeros(data)), steps)


def with_jax(data: Digits, steps: int) -> Run:
    """Train with JAX's automatic differentiation, compiled."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    x, y = jnp.asarray(data.train_x), jnp.asarray(data.train_y)
    value_and_grad = jax.jit(jax.value_and_grad(lambda weights: cross_entropy(x @ weights, y)))
    return descend(value_and_grad, jnp.asarray(zeros(data)), steps)


TRAIN = {"numpy": with_numpy, "torch": with_torch, "jax": with_jax}


def predictions(run: Run, data: Digits) -> np.ndarray:
    """Return the most likely class of each held-out digit."""
    return np.argmax(data.test_x @ run.weights, axis=1)


def train_all(libraries: list[str], data: Digits, steps: int) -> dict[str, Run]:
    """Train with each library that is installed, and print the last loss and the accuracy of each."""
    print(f"{len(data.train_y)} digits to train on, {len(data.test_y)} held out, {steps} steps\n")
    print("library   last loss            accuracy on held-out digits")
    runs = {}
    for name in libraries:
        if find_spec(name) is None:
            print(f"{name:<8}  not installed, left out")
            continue
        runs[name] = TRAIN[name](data, steps)
        accuracy = np.mean(predictions(runs[name], data) == data.test_y)
        print(f"{name:<8}  {runs[name].losses[-1]:<19.16f}  {accuracy:.2%}")
    return runs


def tolerance(steps: int) -> np.ndarray:
    """Return how far two loss curves may be from each other at each step, relatively.

    The contract gates the loss of a row with 5 units in the last place in float64, the gate of log_softmax. Both
    libraries may err by that much, and anew at each step. Descent on a convex function brings nearby weights nearer
    to each other, so the errors of the steps add up at most; they do not grow. The two matrix products are the
    library's own and not part of the contract: theirs are averaged over many samples, which leaves room for them.
    """
    allowed = gate("log_softmax", "float64", CLASSES, MAX_ELEMENTARY_ERROR)
    return 2 * allowed.ulps * 2 * FORMATS["float64"].unit * np.arange(1, steps + 1)


def distance(a: Run, b: Run) -> np.ndarray:
    """Return the relative difference of two loss curves at each step."""
    return np.abs(a.losses - b.losses) / np.minimum(a.losses, b.losses)


def compare(runs: dict[str, Run], steps: int) -> bool:
    """Print how far the loss curves are from each other, and return whether that is within the tolerance."""
    limit, agree = tolerance(steps), True
    print()
    for first, second in combinations(runs, 2):
        apart = distance(runs[first], runs[second])
        agree = agree and bool(np.all(apart <= limit))
        print(f"{first} and {second}: largest relative difference of the loss curves {np.max(apart):.1e}")
    if len(runs) > 1:
        verdict = "within" if agree else "NOT within"
        print(f"That is {verdict} the contract: {limit[0]:.1e} at the first step, {limit[-1]:.1e} at the last")
    return agree


def thinned(data: Digits, rng: np.random.Generator) -> tuple[Digits, np.ndarray]:
    """Return the digits with 90 % of the training samples of three random classes dropped, and these classes."""
    rare = rng.choice(CLASSES, RARE, replace=False)
    keep = np.ones(len(data.train_y), dtype=bool)
    for c in rare:
        samples = rng.permutation(np.flatnonzero(data.train_y == c))
        keep[samples[round(KEPT * len(samples)) :]] = False
    return data._replace(train_x=data.train_x[keep], train_y=data.train_y[keep]), rare


def scores(run: Run, data: Digits, rare: np.ndarray) -> list[float]:
    """Return the accuracy on all held-out digits, and its means over rare classes, the others and all classes."""
    right = predictions(run, data) == data.test_y
    per_class = np.asarray([np.mean(right[data.test_y == c]) for c in range(CLASSES)])
    others = np.delete(per_class, rare)
    return [float(np.mean(part)) for part in (right, per_class[rare], others, per_class)]


def train_imbalanced(seed: int, steps: int) -> dict[str, list[float]]:
    """Return the scores of three ways to train on imbalanced classes, and of balanced ones; averaged over draws."""
    found: dict[str, list[list[float]]] = {}
    for draw in range(seed, seed + DRAWS):
        full = load(draw)
        data, rare = thinned(full, np.random.default_rng(draw))
        runs = {
            "plain": with_numpy(data, steps),
            "balanced_class_weights": with_numpy(
                data, steps, class_weights=balanced_class_weights(data.train_y, CLASSES)
            ),
            # Predictions are made from the plain logits: the held-out digits are equally frequent.
            "logit_adjustment": with_numpy(data, steps, class_counts=np.bincount(data.train_y, minlength=CLASSES)),
            "(nothing dropped)": with_numpy(full, steps),
        }
        for name, run in runs.items():
            found.setdefault(name, []).append(scores(run, data, rare))
    return {name: [float(v) for v in np.mean(rows, axis=0)] for name, rows in found.items()}


def print_imbalanced(table: dict[str, list[float]]) -> None:
    """Print the scores as a table."""
    print(f"\n{RARE} of {CLASSES} digits keep {KEPT:.0%} of their training samples; accuracy on held-out digits,")
    print(f"mean of {DRAWS} draws of the split and of the rare digits\n")
    print(f"{'trained with':<24}{'all':>8}{'rare':>8}{'others':>8}{'balanced':>10}")
    for name, (every, rare, others, balanced) in table.items():
        print(f"{name:<24}{every:>8.1%}{rare:>8.1%}{others:>8.1%}{balanced:>10.1%}")


def plot(runs: dict[str, Run], steps: int, out: Path) -> None:
    """Draw the loss curves, and below them their distance from the first one."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    names = list(runs)
    for i, name in enumerate(names):
        # Each line is thinner than the one it covers.
        above.plot(runs[name].losses, label=name, linewidth=2 * (len(names) - i) ** 1.2)
        if i:
            below.plot(distance(runs[names[0]], runs[name]), ".", color=f"C{i}", label=f"{name}, {names[0]}")
    below.plot(tolerance(steps), color="black", linestyle="--", label="allowed by the contract")
    above.set(yscale="log", ylabel="training loss")
    below.set(yscale="log", ylabel="relative difference", xlabel="step")
    above.legend()
    below.legend()
    figure.savefig(out, dpi=100)
    print(f"\nthe loss curves are drawn in {out}")


def parse(argv: list[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=100, help="steps of gradient descent (default: %(default)s)")
    parser.add_argument("--libraries", nargs="+", choices=TRAIN, default=list(TRAIN), help="default: all three")
    parser.add_argument("--plot", type=Path, metavar="OUT.png", help="draw the loss curves there; needs matplotlib")
    parser.add_argument("--seed", type=int, default=0, help="of the split and of the rare digits (default: 0)")
    options = parser.parse_args(argv)
    if options.steps < 1:
        parser.error(f"--steps is {options.steps}; use at least 1")
    return options


def main(argv: list[str] | None = None) -> int:
    """Run both parts; return 0 if the loss curves agree, else 1."""
    options = parse(argv)
    runs = train_all(options.libraries, load(options.seed), options.steps)
    agree = compare(runs, options.steps)
    print_imbalanced(train_imbalanced(options.seed, options.steps))
    if options.plot is not None and find_spec("matplotlib") is None:
        print("\nmatplotlib is not installed: nothing is drawn")
    elif options.plot is not None:
        plot(runs, options.steps, options.plot)
    return 0 if agree else 1


if __name__ == "__main__":
    raise SystemExit(main())
