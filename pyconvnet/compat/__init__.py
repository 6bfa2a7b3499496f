"""Code that was written for TensorFlow or Keras, run by pyconvnet.

Either by name:

    import pyconvnet.compat.tensorflow as tf
    from pyconvnet.compat.keras.layers import Conv2D

or unedited, where ``import tensorflow as tf`` and ``from keras.utils import to_categorical`` mean the same modules:
``pyconvnet run script.py``, ``pyconvnet run notebook.ipynb``, and ``%load_ext pyconvnet`` in Jupyter. Only the user's
own code is served so: a library that looks for TensorFlow finds what is really installed, or nothing.

Who does what:
    names       the one table: which object each name of Keras and TensorFlow stands for
    tree        the modules ``pyconvnet.compat.tensorflow`` and ``pyconvnet.compat.keras``, made from that table
    aliases     an ``import`` of its own for the user's code
    caps        caps ``fit`` and ``evaluate`` for a trial run
    script      runs a script
    notebook    runs a notebook
    extension   ``%load_ext pyconvnet``
    pages       ``docs/keras_names.md``, written from the table
    migrate     which lines of a script or a notebook today's Keras and NumPy reject
"""

from __future__ import annotations

from pyconvnet.compat.extension import load_ipython_extension, unload_ipython_extension
from pyconvnet.compat.tree import install

__all__ = ["load_ipython_extension", "unload_ipython_extension"]

install()
