"""Keeps a trace from leaving anything behind: in the model, outside it, and in PyTorch itself."""
