"""Reads programs that PyTorch has recorded: exported ones, their archives, and fx graphs."""
