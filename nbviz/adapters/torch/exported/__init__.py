"""Reads programs that PyTorch has recorded: exported programs, their archives, and fx graphs."""
