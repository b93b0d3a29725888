"""Video files: ``dcelite video``. Needs PyAV, which only ``command`` does without until it runs."""
