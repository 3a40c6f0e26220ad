"""Shared by the readers of files: opening and checking a file, and locating values in it."""
