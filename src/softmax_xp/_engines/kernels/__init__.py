"""The engine of compiled kernels, for NumPy and PyTorch."""
