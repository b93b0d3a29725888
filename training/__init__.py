"""Training of Zero-DCE and Zero-DCE++ in MindSpore: networks, losses, data, checkpoints."""
