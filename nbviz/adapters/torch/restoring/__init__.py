"""Restores everything that a trace may change: in the model, outside it, and in PyTorch itself."""
