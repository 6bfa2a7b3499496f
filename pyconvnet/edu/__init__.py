"""The lecture's lessons without training, as functions that answer numbers and functions that draw them.

filters       ``conv2d_simple`` with the horizontal, vertical, blur and sharpen filters
convolution   a worked convolution step by step; the size of the output
digits        what filters find in digits: convolution, bias, ReLU, max pooling; five filters for the digits 1 and 3
integral      the convolution of functions, and the correlation that it is taken for
polynomial    20 points, degree 12: what too many weights do, and L1 and L2 against it
decay         why L1 makes weights exactly 0 and L2 only small

Every function ``x`` that answers numbers has a companion ``x_picture`` or one for its group that answers a matplotlib
figure (``pip install "pyconvnet[plot]"``). NumPy computes everything, in loops that are written to be read.
"""

from __future__ import annotations

from pyconvnet.edu.convolution import (
    WORKED_FILTER,
    WORKED_INPUT,
    Step,
    WorkedConvolution,
    output_size,
    output_size_picture,
    worked_convolution,
    worked_convolution_picture,
)
from pyconvnet.edu.decay import decay, decay_picture
from pyconvnet.edu.digits import (
    DIGITS,
    FIVE_FILTERS,
    STROKES,
    Feature,
    FilterScore,
    compare_filters,
    compare_filters_picture,
    digit_features,
    digit_features_picture,
)
from pyconvnet.edu.filters import BLUR, HORIZONTAL, SHARPEN, VERTICAL, conv2d_simple, conv2d_simple_picture
from pyconvnet.edu.integral import convolution_integral, correlation_integral, integral_picture, ramp
from pyconvnet.edu.polynomial import (
    Polynomial,
    PolynomialStudy,
    fit_polynomial,
    polynomial_picture,
    polynomial_points,
    polynomial_study,
)

__all__ = [
    "BLUR",
    "DIGITS",
    "FIVE_FILTERS",
    "HORIZONTAL",
    "SHARPEN",
    "STROKES",
    "VERTICAL",
    "WORKED_FILTER",
    "WORKED_INPUT",
    "Feature",
    "FilterScore",
    "Polynomial",
    "PolynomialStudy",
    "Step",
    "WorkedConvolution",
    "compare_filters",
    "compare_filters_picture",
    "conv2d_simple",
    "conv2d_simple_picture",
    "convolution_integral",
    "correlation_integral",
    "decay",
    "decay_picture",
    "digit_features",
    "digit_features_picture",
    "fit_polynomial",
    "integral_picture",
    "output_size",
    "output_size_picture",
    "polynomial_picture",
    "polynomial_points",
    "polynomial_study",
    "ramp",
    "worked_convolution",
    "worked_convolution_picture",
]
