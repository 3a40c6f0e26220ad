"""Reads TFLite models as they are written, without a runtime: the file is mapped, and its weights stay where they are."""
