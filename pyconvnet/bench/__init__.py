"""How fast it is: single kernels against what the machine can do, and training beside Keras and PyTorch.

Who does what:
    networks   the lecture's networks, as models and as plain rows that other libraries are built from
    work       the kernel calls of a training step that are measured, with their operations and bytes
    machine    processor, versions, threads; the peak of multiply-adds and the copying bandwidth
    peers      other libraries, each in a process of its own
    conv       ``bench/conv_bench.py``: every convolution, pooling and dense layer in each pass
    turns      everybody measured in turns
    ours       the training of a network by this library
    train      ``bench/train_bench.py``: the training step of each network, beside the peers
    augment    ``bench/augment_bench.py``: images per second of ImageDataGenerator, beside Keras
    sweep      ``bench/sweep_bench.py``: how the cost grows with batch, channels and pixels
    sweep_plot the picture of it
    memory     ``bench/memory_bench.py``: what a training step takes, by the plan and by the process, beside PyTorch
    options    what the command lines have in common; ``pyconvnet bench`` runs the same benches
    report     tables and files
"""
