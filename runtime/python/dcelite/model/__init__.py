"""What model files hold, known once: architectures and limits, ``.dce``, checkpoints, the seal of ONNX and MindIR."""
