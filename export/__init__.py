"""Export: a checkpoint becomes MindIR, ONNX, MindSpore Lite and native model files, each re-run and compared.

``export.py`` is the entry, ``spec.py`` says what is wanted; ``onnx_graph.py``, ``mindir.py`` and ``lite.py`` write one
format each (``.dce``: ``dcelite.model.dce_file``), ``verify.py`` runs the written files in their own runtimes,
``manifest.py`` records what they are.
"""
