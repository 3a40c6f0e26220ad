"""Runs PyTorch functions on stand-ins without values, with corrections where real kernels behave differently."""
