"""The package for browsers beside its peer."""
