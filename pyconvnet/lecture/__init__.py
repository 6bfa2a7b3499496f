"""The lecture's experiments as data, and the job that trains them and writes the table and the pictures.

Who does what:
    description   what describes an experiment, and a study of several
    networks      the layers of the networks
    experiments   all experiments and studies by name; Keras's runs of them
        experiments_fashion, experiments_cnn, experiments_exercises   their settings and published figures, by chapter
    speedrun      an experiment of our own: 93.0 % in the shortest time
    data          their training and validation data, from the whole data sets or the embedded sample
    checkpoint    a run that was stopped goes on from its last epoch
    losses        how a validation loss is spread over the images
    runner        one experiment, one seed: trained and measured
    records       the finished runs in a folder, one JSON file each
    table         the table beside the published figures
    comparison    the tables of the studies
    rising_loss   why a loss can rise while the accuracy stays, from a run's own numbers
    pictures      learning curves, predictions, mistakes, studies
    lessons       what needs no experiment: convolutions worked out, augmentation, a look into a trained network
    estimate      how long it will take
    job           ``run_lecture``: all of it, as ``pyconvnet lecture`` does
"""

from __future__ import annotations

from pyconvnet.lecture.experiments import EXPERIMENTS, STUDIES, Experiment, Study
from pyconvnet.lecture.job import run_lecture
from pyconvnet.lecture.runner import run_experiment

__all__ = ["EXPERIMENTS", "STUDIES", "Experiment", "Study", "run_experiment", "run_lecture"]
