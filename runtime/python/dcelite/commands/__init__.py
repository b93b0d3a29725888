"""The commands of the runtime. Those of training, export, quantize and bench stand with these."""
