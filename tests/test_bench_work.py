"""The benches measure the lecture's networks, and count right."""

from __future__ import annotations

import json

import pytest

from pyconvnet.bench.networks import NETWORKS, Network, selected
from pyconvnet.bench.work import Work, work_of

PARAMETERS = {
    "mlp": 101_770,
    "conv": 3_989_642,
    "pool": 241_546,
    "vgg": 5_240_842,
    "book": 333_526,
    "lenet5": 61_706,
    "ccp": 1_199_882,
    "cifar10": 890_410,
}


def find(works: list[Work], layer: str, direction: str) -> Work:
    """Pick the one call of a layer that a training step makes."""
    (work,) = [work for work in works if work.networks and work.layer == layer and work.direction == direction]
    return work


def test_networks_have_the_lectures_parameters() -> None:
    assert {name: network.model().count_params() for name, network in NETWORKS.items()} == PARAMETERS
    assert {name: network.parameters for name, network in NETWORKS.items()} == PARAMETERS


def test_a_network_with_other_parameters_is_not_measured() -> None:
    network = NETWORKS["mlp"]
    wrong = Network("mlp", network.input_shape, NETWORKS["book"].layers, network.parameters)
    with pytest.raises(ValueError, match=r"mlp: the lecture has 101770 parameters, got 333526"):
        wrong.model()


def test_rows_are_plain_values() -> None:
    assert json.loads(json.dumps(NETWORKS["pool"].rows())) == [
        ["Conv2D", {"filters": 32, "kernel_size": [3, 3], "padding": "valid", "activation": "linear"}],
        ["MaxPooling2D", {"pool_size": [2, 2]}],
        ["Conv2D", {"filters": 64, "kernel_size": [3, 3], "padding": "valid", "activation": "linear"}],
        ["AveragePooling2D", {"pool_size": [2, 2]}],
        ["Conv2D", {"filters": 128, "kernel_size": [3, 3], "padding": "valid", "activation": "linear"}],
        ["Flatten", {}],
        ["Dense", {"units": 128, "activation": "relu"}],
        ["Dropout", {"rate": 0.3}],
        ["Dense", {"units": 10, "activation": "softmax"}],
    ]


def test_selected_networks() -> None:
    assert [network.name for network in selected("conv, mlp,conv")] == ["conv", "mlp"]
    assert [network.name for network in selected("")] == list(NETWORKS)
    with pytest.raises(ValueError, match=r"--nets: unknown network 'mpl'; did you mean 'mlp'\?"):
        selected("mlp,mpl")


def test_passes_of_each_network() -> None:
    works = work_of([NETWORKS["book"]], 32)
    second, winograd = "conv2d 3x3 14x14 32>64 same", "winograd_4x4"
    assert [(work.layer, work.direction, work.algorithm) for work in works] == [
        ("conv2d 3x3 28x28 1>32 same relu pooled", "forward", "direct"),
        ("conv2d 3x3 28x28 1>32 same pooled", "backward_weights", "direct"),
        *((f"{second} relu pooled", "forward", algorithm) for algorithm in (winograd, "direct")),
        (f"{second} pooled", "backward_data", winograd),
        (second, "backward_data", "direct"),
        (f"{second} pooled", "backward_weights", winograd),
        (second, "backward_weights", "direct"),
        ("dense 3136>100 relu", "forward", "gemm"),
        ("dense 3136>100", "backward_adam", "gemm"),
        ("dense 100>10", "forward", "gemm"),
        ("dense 100>10", "backward_adam", "gemm"),
    ]


def test_direct_kernels_for_comparison_belong_to_no_network() -> None:
    for work in work_of([NETWORKS["book"]], 32):
        compared = work.algorithm == "direct" and "14x14" in work.layer
        assert work.networks == (() if compared else ("book",))
        assert "tile" not in work.attributes or work.algorithm == "winograd_4x4"


def test_equal_layers_of_two_networks_are_measured_once() -> None:
    works = work_of([NETWORKS["conv"], NETWORKS["mlp"], NETWORKS["book"], NETWORKS["vgg"]], 2)
    assert find(works, "dense 128>10", "forward").networks == ("conv", "mlp")
    assert find(works, "conv2d 3x3 28x28 1>32 same relu", "forward").networks == ("vgg",)
    assert find(works, "conv2d 3x3 28x28 1>32 same relu pooled", "forward").networks == ("book",)


def test_operations_of_a_convolution_with_and_without_padding() -> None:
    works = work_of([NETWORKS["book"]], 32)
    work = find(works, "conv2d 3x3 14x14 32>64 same pooled", "backward_data")
    assert work.flops == 32 * 2 * 14 * 14 * 9 * 32 * 64
    # 14 positions times 3 taps along an axis, less the tap above the first and the one below the last.
    assert work.flops_without_padding == 32 * 2 * (14 * 3 - 2) ** 2 * 32 * 64


def test_valid_convolutions_have_no_padding_to_leave_out() -> None:
    work = find(work_of([NETWORKS["cifar10"]], 3), "conv2d 3x3 32x32 3>32 valid relu", "forward")
    assert work.flops == work.flops_without_padding == 3 * 2 * 30 * 30 * 9 * 3 * 32


def test_operations_count_strides_dilation_and_groups() -> None:
    geometry = dict(
        h=7, w=6, c_in=4, oh=4, ow=3, c_out=8, kernel_h=3, kernel_w=2, stride_h=2, stride_w=2,
        dilation_h=1, dilation_w=2, pad_top=1, pad_left=0, groups=2,
    )  # fmt: skip
    work = Work("conv2d_backward_weights", "conv2d", "backward_weights", "direct", geometry, (), (), 1)
    assert work.flops == 2 * (4 * 3) * (3 * 2) * 2 * 8
    # Rows -1 and 7 of 12 pairs are not there; columns 0 2 | 2 4 | 4 6: of six pairs one is not.
    assert work.flops_without_padding == 2 * (12 - 2) * (6 - 1) * 2 * 8


def test_operations_of_a_step() -> None:
    # Three passes of each layer, but two of the first one.
    assert sum(work.flops for work in work_of([NETWORKS["mlp"]], 32)) == 32 * 2 * (2 * 784 * 128 + 3 * 128 * 10)


def test_bytes_of_a_pool() -> None:
    works = work_of([NETWORKS["pool"]], 2)  # where the averages come before the convolution that they stand behind
    forward, backward = (find(works, "avg_pool2d 2x2 13x13 32 strides 1", way) for way in ("forward", "backward"))
    assert forward.flops == 0
    assert forward.nbytes() == backward.nbytes() == 2 * 32 * 4 * (13 * 13 + 11 * 11)
    assert find(works, "conv2d 3x3 11x11 32>64 valid strides 2", "forward").flops == 2 * 2 * 25 * 9 * 32 * 64


def test_bytes_of_a_convolution_leave_scratch_out() -> None:
    work = find(work_of([NETWORKS["book"]], 2), "conv2d 3x3 14x14 32>64 same relu pooled", "forward")
    x, y = 2 * 14 * 14 * 32, 2 * 7 * 7 * 64
    assert work.nbytes() == 4 * (x + y + 9 * 32 * 64 + 64) + 2 * y  # with kernel and bias; argmax: 2 bytes


def test_buffers_are_those_of_the_training_step() -> None:
    work = find(work_of([NETWORKS["book"]], 2), "conv2d 3x3 14x14 32>64 same pooled", "backward_data")
    arrays = work.arrays()
    del arrays["transformed_kernel"]  # scratch
    assert {name: (array.dtype.name, array.size) for name, array in arrays.items()} == {
        "dy": ("float32", 2 * 7 * 7 * 64),
        "argmax": ("uint16", 2 * 7 * 7 * 64),
        "kernel": ("float32", 9 * 32 * 64),
        "activated": ("float32", 2 * 14 * 14 * 32),  # its input, behind a ReLU
        "dx": ("float32", 2 * 14 * 14 * 32),
    }
    assert arrays["argmax"].max() == 3
    assert all(array.ctypes.data % 64 == 0 for array in arrays.values())
