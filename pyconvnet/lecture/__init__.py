"""The lecture's experiments as data, and the job that trains them and writes the table and the pictures.

Who does what:
    experiments   the experiments: network, data, settings, published figures; Keras's runs of them
    data          their training and validation data, from the whole Fashion-MNIST or the embedded sample
    checkpoint    a run that was stopped goes on from its last epoch
    runner        one experiment, one seed: trained and measured
    records       the finished runs in a folder, one JSON file each
    table         the table beside the published figures
    pictures      learning curves and predictions
    estimate      how long it will take
    job           ``run_lecture``: all of it, as ``pyconvnet lecture`` does
"""

from __future__ import annotations

from pyconvnet.lecture.experiments import EXPERIMENTS, Experiment
from pyconvnet.lecture.job import run_lecture
from pyconvnet.lecture.runner import run_experiment

__all__ = ["EXPERIMENTS", "Experiment", "run_experiment", "run_lecture"]
