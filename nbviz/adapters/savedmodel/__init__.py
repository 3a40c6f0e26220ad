"""Reads TensorFlow SavedModels from their protocol buffers, without loading or running them in TensorFlow."""
