"""The experiments of training/README.md, and the split of the photographs that they are measured on."""
