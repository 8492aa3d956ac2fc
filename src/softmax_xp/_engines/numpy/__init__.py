"""The engines of NumPy that need nothing else."""
