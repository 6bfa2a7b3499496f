"""The reference against numbers worked out by hand, published vectors and its own definitions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from pyconvnet import reference

# ---------------------------------------------------------------- convolution


def test_lecture_convolution() -> None:
    image = np.array([[1, 2, 3, 0], [0, 1, 2, 3], [3, 0, 1, 2], [2, 3, 0, 1]])
    kernel = np.array([[2, 0, 1], [0, 1, 2], [1, 0, 2]])
    y = reference.conv2d(image[None, :, :, None], kernel[:, :, None, None])
    np.testing.assert_array_equal(y[0, :, :, 0], [[15, 16], [6, 15]])


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    ("strides", "dilation", "groups"), [((1, 1), (1, 1), 1), ((2, 3), (1, 1), 2), ((1, 2), (2, 1), 4)]
)
def test_convolution_is_its_definition(
    padding: str, strides: tuple[int, int], dilation: tuple[int, int], groups: int
) -> None:
    rng = np.random.default_rng(3)
    x, kernel = rng.integers(-4, 5, (2, 6, 7, 4)), rng.integers(-4, 5, (3, 2, 4 // groups, 8))
    y = reference.conv2d(x, kernel, strides=strides, padding=padding, dilation_rate=dilation, groups=groups)
    top, left = (0, 0)
    if padding == "same":
        top, left = (
            reference.same_padding(x.shape[1 + k], kernel.shape[k], strides[k], dilation[k])[0] for k in (0, 1)
        )
    for n, p, q, o in np.ndindex(*y.shape):
        first_channel = o // (8 // groups) * (4 // groups)
        total = 0
        for i, j, c in np.ndindex(*kernel.shape[:3]):
            row, column = p * strides[0] + i * dilation[0] - top, q * strides[1] + j * dilation[1] - left
            if 0 <= row < 6 and 0 <= column < 7:
                total += x[n, row, column, first_channel + c] * kernel[i, j, c, o]
        assert y[n, p, q, o] == total


@pytest.mark.parametrize(
    ("size", "window", "stride", "dilation", "valid", "same", "pads"),
    [
        (28, 3, 1, 1, 26, 28, (1, 1)),
        (28, 2, 2, 1, 14, 14, (0, 0)),
        (7, 2, 2, 1, 3, 4, (0, 1)),
        (4, 3, 2, 1, 1, 2, (0, 1)),
        (5, 3, 2, 1, 2, 3, (1, 1)),
        (5, 2, 1, 1, 4, 5, (0, 1)),
        (5, 4, 1, 1, 2, 5, (1, 2)),
        (9, 3, 1, 3, 3, 9, (3, 3)),
        (6, 1, 4, 1, 2, 2, (0, 0)),
    ],
)
def test_output_sizes_and_same_padding(
    size: int, window: int, stride: int, dilation: int, valid: int, same: int, pads: tuple[int, int]
) -> None:
    assert reference.output_size(size, window, stride, "valid", dilation) == valid
    assert reference.output_size(size, window, stride, "Same", dilation) == same
    assert reference.same_padding(size, window, stride, dilation) == pads


def test_same_padding_puts_the_extra_row_and_column_at_the_bottom_and_right() -> None:
    image = np.array([[1.0, 2.0], [3.0, 4.0]])[None, :, :, None]
    y = reference.conv2d(image, np.ones((2, 2, 1, 1)), padding="same")
    np.testing.assert_array_equal(y[0, :, :, 0], [[10, 6], [7, 4]])


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"padding": "full"}, "padding must be"),
        ({"strides": 0}, "strides must be"),
        ({"dilation_rate": 9}, "must fit"),
        ({"groups": 2}, "groups"),
    ],
)
def test_convolution_refuses_what_has_no_answer(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        reference.conv2d(np.zeros((1, 5, 5, 3)), np.zeros((3, 3, 3, 4)), **kwargs)


# ---------------------------------------------------------------- pooling


def test_max_pooling_gives_the_gradient_to_the_first_of_equal_cells() -> None:
    x = np.array([[0, 5, 5], [5, 5, 1], [0, 0, 0]], float)[None, :, :, None]
    dx = reference.max_pool2d_backward(np.array([[1.0, 2.0], [4.0, 8.0]])[None, :, :, None], x, 2, strides=1)
    np.testing.assert_array_equal(dx[0, :, :, 0], [[0, 3, 0], [4, 8, 0], [0, 0, 0]])


def test_pooling_does_not_see_padding() -> None:
    x = np.full((1, 3, 3, 1), -2.0)
    for pool in (reference.max_pool2d, reference.avg_pool2d):
        np.testing.assert_array_equal(pool(x, 2, padding="same"), np.full((1, 2, 2, 1), -2.0))
    dx = reference.avg_pool2d_backward(np.ones((1, 2, 2, 1)), (1, 3, 3, 1), 2, padding="same")
    np.testing.assert_array_equal(dx[0, :, :, 0], [[0.25, 0.25, 0.5], [0.25, 0.25, 0.5], [0.5, 0.5, 1]])


# ---------------------------------------------------------------- activation and dropout


@pytest.mark.parametrize(
    ("function", "at_minus_1", "at_2"),
    [
        ("linear", -1, 2),
        ("relu", 0, 2),
        ("sigmoid", 0.2689414213699951, 0.8807970779778823),
        ("tanh", -0.7615941559557649, 0.9640275800758169),
        ("elu", -0.6321205588285577, 2),
        ("leaky_relu", -0.2, 2),
        ("gelu", -0.15865525393145707, 1.9544997361036416),
        ("silu", -0.2689414213699951, 1.7615941559557646),
        ("softplus", 0.31326168751822286, 2.1269280110429727),
        ("softmax", 0.04742587317756678, 0.9525741268224334),
    ],
)
def test_activation_values(function: str, at_minus_1: float, at_2: float) -> None:
    y = reference.activation(np.array([-1.0, 2.0]), function)
    np.testing.assert_allclose(y, [at_minus_1, at_2], rtol=1e-14)


@pytest.mark.parametrize("function", ["sigmoid", "tanh", "softmax", "elu", "gelu", "silu", "softplus"])
def test_activations_do_not_overflow(function: str) -> None:
    x = np.array([[-1000.0, 0.0, 1000.0]])
    with np.errstate(over="raise", invalid="raise"):
        assert np.isfinite(reference.activation(x, function)).all()
        assert np.isfinite(reference.activation_backward(np.ones_like(x), x, function)).all()


def test_unknown_activation() -> None:
    with pytest.raises(ValueError, match="function must be one of linear, relu"):
        reference.activation(np.zeros(1), "rleu")


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [  # the published vectors of Random123, file kat_vectors, "philox4x32 10"
        ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_known_answers(counter: tuple[int, ...], key: tuple[int, int], words: str) -> None:
    got = reference.philox4x32(np.array([counter], np.uint32), key)
    assert " ".join(f"{word:08x}" for word in got[0]) == words


def test_dropout_places_words_as_specified() -> None:
    seed, iteration, instance = 0x1122334455667788, 9, 4
    x = np.ones((3, 7))
    y = reference.dropout(x, 0.5, seed=seed, iteration=iteration, instance=instance)
    for e, cell in enumerate(y.ravel()):
        block = reference.philox4x32(np.array([[e // 4, 0, instance, iteration]]), (0x55667788, 0x11223344))
        kept = (int(block[0, e % 4]) >> 8) * 2.0**-24 >= 0.5
        assert cell == (2.0 if kept else 0.0)


def test_dropout_drops_the_rate_and_keeps_the_sum() -> None:
    x = np.ones(100_000)
    y = reference.dropout(x, 0.3, seed=5)
    assert (y == 0).mean() == pytest.approx(0.3, abs=0.01)
    assert y.mean() == pytest.approx(1, abs=0.01)
    np.testing.assert_array_equal(reference.dropout(x, 0.0, seed=5), x)
    np.testing.assert_array_equal(reference.dropout(x, 1.0, seed=5), np.zeros_like(x))
    for other in ({"seed": 6}, {"seed": 5, "iteration": 1}, {"seed": 5, "instance": 1}, {"seed": 5 + 2**32}):
        assert (reference.dropout(x, 0.3, **other) != y).mean() > 0.3  # 0.42 of independent masks differ


@pytest.mark.parametrize("rate", [-0.1, 1.5, math.nan])
def test_dropout_refuses_a_rate_that_is_no_probability(rate: float) -> None:
    with pytest.raises(ValueError, match=r"rate must lie in 0 \.\. 1"):
        reference.dropout(np.ones(3), rate, seed=0)


# ---------------------------------------------------------------- losses


def test_cross_entropy_normalizes_foreign_probabilities_as_keras_does() -> None:
    p = np.array([[0.2, 0.2, 0.1]])
    for labels in (np.array([1]), np.array([[0.0, 1.0, 0.0]])):
        assert reference.categorical_cross_entropy(p, labels)[0][0] == pytest.approx(math.log(0.5 / 0.2))
    sure = np.array([[0.0, 1.0, 0.0]])
    by_number, by_row = (
        reference.categorical_cross_entropy(sure, labels) for labels in (np.array([0]), sure[:, [1, 0, 2]])
    )
    assert by_number[0][0] == pytest.approx(-math.log(1e-7 / (1 + 1e-7)), abs=1e-12)
    assert by_row[0][0] == pytest.approx(-math.log(1e-7))
    np.testing.assert_array_equal(by_row[1], np.zeros((1, 3)))


def test_losses_on_logits_and_on_probabilities_agree() -> None:
    rng = np.random.default_rng(4)
    logits, labels, targets = rng.normal(size=(6, 5)), rng.integers(0, 5, 6), rng.integers(0, 2, (6, 5)).astype(float)
    softmax, sigmoid = (reference.activation(logits, name) for name in ("softmax", "sigmoid"))
    for on_logits, on_probabilities, function in (
        (
            reference.softmax_cross_entropy(logits, labels),
            reference.categorical_cross_entropy(softmax, labels),
            "softmax",
        ),
        (reference.sigmoid_cross_entropy(logits, targets), reference.binary_cross_entropy(sigmoid, targets), "sigmoid"),
    ):
        np.testing.assert_allclose(on_logits[0], on_probabilities[0], rtol=1e-12)
        through = reference.activation_backward(on_probabilities[1], logits, function)
        np.testing.assert_allclose(on_logits[1], through, atol=1e-14)


def test_losses_on_logits_do_not_overflow() -> None:
    logits = np.array([[1000.0, -1000.0]])
    with np.errstate(over="raise", invalid="raise"):
        assert reference.softmax_cross_entropy(logits, np.array([1]))[0][0] == 2000
        assert reference.sigmoid_cross_entropy(logits, np.array([[0.0, 0.0]]))[0][0] == 500


def test_sample_weights_do_not_change_the_divisor() -> None:
    logits, labels = np.zeros((2, 2)), np.array([0, 1])
    loss, dlogits = reference.softmax_cross_entropy(logits, labels, np.array([3.0, 0.0]))
    np.testing.assert_allclose(loss, np.array([3 * math.log(2), 0]))
    np.testing.assert_allclose(dlogits, np.array([[-0.75, 0.75], [0, 0]]))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([0, 3]), "0 .. 2"),
        (np.array([-1, 0]), "0 .. 2"),
        (np.array([0]), "labels must be"),
        (np.zeros(2), "int"),
    ],
)
def test_losses_refuse_bad_labels(labels: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        reference.softmax_cross_entropy(np.zeros((2, 3)), labels)


def test_losses_refuse_targets_that_would_be_stretched() -> None:
    with pytest.raises(ValueError, match="mean_squared_error: targets must have the shape"):
        reference.mean_squared_error(np.zeros((4, 3)), np.zeros((4, 1)))


# ---------------------------------------------------------------- optimizers


@pytest.mark.parametrize(
    ("velocity", "kwargs", "expected"),
    [
        (None, {}, (0.8, None)),
        (None, {"momentum": 0.8}, (0.8, -0.2)),
        ([0.5], {"momentum": 0.8}, (1.2, 0.2)),
        ([0.5], {"momentum": 0.8, "nesterov": True}, (0.96, 0.2)),
    ],
)
def test_sgd_by_hand(velocity: Any, kwargs: dict[str, Any], expected: tuple[float, float | None]) -> None:
    start = None if velocity is None else np.array(velocity)
    weights, moved = reference.sgd(np.array([1.0]), np.array([2.0]), start, learning_rate=0.1, **kwargs)
    assert weights[0] == pytest.approx(expected[0])
    assert (None if moved is None else moved[0]) == (None if expected[1] is None else pytest.approx(expected[1]))


def test_adam_by_hand() -> None:
    w, m, v = np.array([1.0]), np.zeros(1), np.zeros(1)
    w, m, v = reference.adam(w, np.array([2.0]), m, v, iteration=0)
    assert (m[0], v[0]) == (pytest.approx(0.2), pytest.approx(0.004))
    # epsilon outside the correction: the step is not lr * g / (g + epsilon); the correction's betas are float32
    alpha = 1e-3 * math.sqrt(1 - float(np.float32(0.999))) / (1 - float(np.float32(0.9)))
    assert w[0] == pytest.approx(1 - alpha * 0.2 / (math.sqrt(0.004) + 1e-7), abs=1e-15)
    second, m, v = reference.adam(w, np.array([-1.0]), m, v, iteration=1)
    assert (m[0], v[0]) == (pytest.approx(0.08), pytest.approx(0.004996))
    correction = math.sqrt(1 - float(np.float32(0.999)) ** 2) / (1 - float(np.float32(0.9)) ** 2)
    assert second[0] == pytest.approx(w[0] - 1e-3 * correction * 0.08 / (math.sqrt(0.004996) + 1e-7), abs=1e-15)


def test_rmsprop_by_hand() -> None:
    w, g, v = np.array([1.0]), np.array([2.0]), np.array([9.0])
    weights, velocity, buffer = reference.rmsprop(w, g, v, learning_rate=0.1, rho=0.5, epsilon=0.0)
    assert (velocity[0], weights[0], buffer) == (6.5, pytest.approx(1 - 0.2 / math.sqrt(6.5)), None)
    weights, _, buffer = reference.rmsprop(
        w, g, v, np.array([0.1]), learning_rate=0.1, rho=0.5, momentum=0.5, epsilon=0.0
    )
    assert buffer is not None
    assert buffer[0] == pytest.approx(0.05 + 0.2 / math.sqrt(6.5))
    assert weights[0] == pytest.approx(1 - buffer[0])
