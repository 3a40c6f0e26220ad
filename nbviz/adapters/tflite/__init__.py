"""Reads TFLite models as written, without a runtime: the file is memory-mapped, and its weights are not loaded."""
