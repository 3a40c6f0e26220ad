"""Explains why a forward pass failed, what to try next, and what could not be seen in a successful one."""
