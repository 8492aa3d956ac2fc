"""The engine of Dask."""
