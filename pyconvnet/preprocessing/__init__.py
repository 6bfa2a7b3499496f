"""Augmentation of images as in Keras: `preprocessing.image.ImageDataGenerator`."""

from __future__ import annotations

from pyconvnet.preprocessing import image

__all__ = ["image"]
