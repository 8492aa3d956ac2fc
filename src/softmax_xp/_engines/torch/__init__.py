"""The engine of PyTorch's own kernels."""
