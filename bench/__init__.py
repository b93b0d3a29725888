"""Measurements of latency, memory and fidelity on the machine it stands on.

``bench.py`` is the entry. ``variants.py`` opens what is compared, ``measure.py`` takes the times, ``fidelity.py``
compares the results with the NumPy reference, ``roofline.py`` says what the processor could do, ``system.py`` where all
this happened; ``report.py``, ``page.py`` and ``compare.py`` say what came out. It needs the runtime alone.
"""
