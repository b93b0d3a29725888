"""Export: a checkpoint becomes MindIR, ONNX, MindSpore Lite and native model files, each re-run and compared.

``export.py`` is the entry; ``onnx_graph.py``, ``mindir.py``, ``lite.py`` and ``dce_file.py`` write one format each,
``verify.py`` runs the written files in their own runtimes, ``manifest.py`` records what they are.
"""
