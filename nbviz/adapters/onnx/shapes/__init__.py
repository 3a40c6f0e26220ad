"""The shapes of an ONNX model: safe use of ``onnx`` shape inference, and the shapes that it does not find."""
