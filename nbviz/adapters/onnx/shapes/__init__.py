"""The shapes of an ONNX model: inference of the ``onnx`` package, kept safe, and what it does not find."""
