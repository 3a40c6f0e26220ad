"""Tells which sizes in a model contradict each other: runtimes refuse them, and the inference of ``onnx`` misses many."""
