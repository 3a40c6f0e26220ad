"""Runs PyTorch's functions on stand-ins without values: what each gives, what it computes, and where real kernels differ."""
