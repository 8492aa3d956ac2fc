"""Every formula, written once: pure functions of the array API standard.

They take arguments that the checks of ``_gate`` have accepted: floating arrays, ``axis`` as a tuple of
non-negative integers, masks and per-row options with as many dimensions as ``x``.
``xp`` is required.
"""
