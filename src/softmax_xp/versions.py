"""The version of this library, and of what it runs on."""

from __future__ import annotations

import sys

from . import _engines

__all__ = ["__version__", "show_versions"]

__version__ = "0.1.0"

LIBRARIES = {
    "numpy": "numpy",
    "torch": "torch",
    "jax": "jax",
    "cupy": "cupy",
    "dask": "dask",
    "array_api_strict": "array-api-strict",
    "ml_dtypes": "ml_dtypes",
    "ndonnx": "ndonnx",
    "sparse": "sparse",
    "mlx": "mlx",
    "cubed": "cubed",
    "marray": "marray",
}
"""Import name to distribution name of the array libraries that are tested."""


def installed(distribution: str) -> str | None:
    """Return the version of an installed distribution, or None."""
    # Here and not above: it costs more than the rest of `import softmax_xp`.
    from importlib.metadata import PackageNotFoundError, version

    names = ("cupy", "cupy-cuda12x", "cupy-cuda13x") if distribution == "cupy" else (distribution,)
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None


def engine_states() -> dict[str, str]:
    """Return for each engine what it works on here, or why it does not work."""
    states = {}
    for engine, record in _engines.ENGINES.items():
        here = [name for name in record.libraries if installed(name.partition(".")[0])]
        states[engine] = f"for {' and '.join(here)}" if here else f"{' or '.join(record.libraries)} is not installed"
        if engine == "cpu_kernels" and here:
            from ._engines.kernels import found

            kernels, reason = found.find()
            states[engine] = (
                reason or f"{states[engine]}, {kernels.VARIANT} of version {installed('softmax-xp-kernels')}"
            )
    return {**states, "generic": "for every library"}


def show_versions() -> None:
    """Print the versions of this library, of Python and of every array library, and the engines, for a bug report.

    Examples
    --------
    >>> import softmax_xp
    >>> softmax_xp.show_versions()  # doctest: +ELLIPSIS
    softmax_xp ...
    """
    print(f"softmax_xp {__version__}")
    print(f"Python {sys.version.split()[0]} on {sys.platform}")
    print(f"array-api-compat {installed('array-api-compat') or 'not installed'}")
    for distribution in LIBRARIES.values():
        print(f"{distribution} {installed(distribution) or 'not installed'}")
    for engine, state in engine_states().items():
        print(f"engine {engine}: {state}")
