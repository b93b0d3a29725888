"""Measurements of latency, memory and fidelity on the machine it stands on.

``run/`` measures, with nothing but the runtime; ``report/`` says what follows from the samples; ``compare/`` whether
two runs differ. ``statistics.py`` has the arithmetic of both, ``fixtures/`` the pictures, clips and graphs that are
measured with, ``native/`` the same for machines without Python.
"""
