"""Pictures of what a network learned; matplotlib (``pip install "pyconvnet[plot]"``) is imported when one is drawn.

Who does what:
    curves            ``history``: losses and metrics of every epoch
    kernels           ``kernels`` and ``kernel_histogram``: what a convolution learned
    feature_maps      ``feature_maps``: what a layer makes of an image
    grad_cam          ``grad_cam``: where the evidence for a class lies
    predictions       ``predictions``: images with the predicted class and its probability
    mistakes          ``mistakes`` and ``list_mistakes``: images that are taken for something else
    confusion_matrix  ``confusion_matrix``: which classes are taken for which
    roofline          ``roofline``: what the kernel calls of a `model.profile` wait for
    augmentation      ``augmentation``: what an `ImageDataGenerator` makes of images
    model_graph       a model as boxes and edges, for `utils.plot_model`; graph_layout (with graph_rows, graph_columns
                      and graph_routes) places them, model_drawing and drawing make SVG, PNG and PDF of them
    _models           the model, layer, samples and labels that a picture is given, checked
    _images           shapes and colours of images, grids, captions
    style             colours, fonts, Korean words where a Korean font is there; ``Picture``, a figure of its own
"""

from __future__ import annotations

from pyconvnet.plot.augmentation import augmentation
from pyconvnet.plot.confusion_matrix import confusion_matrix
from pyconvnet.plot.curves import history
from pyconvnet.plot.feature_maps import feature_maps
from pyconvnet.plot.grad_cam import grad_cam
from pyconvnet.plot.kernels import kernel_histogram, kernels
from pyconvnet.plot.mistakes import Mistake, list_mistakes, mistakes
from pyconvnet.plot.predictions import predictions
from pyconvnet.plot.roofline import roofline

__all__ = [
    "Mistake",
    "augmentation",
    "confusion_matrix",
    "feature_maps",
    "grad_cam",
    "history",
    "kernel_histogram",
    "kernels",
    "list_mistakes",
    "mistakes",
    "predictions",
    "roofline",
]
