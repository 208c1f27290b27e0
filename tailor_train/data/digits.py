"""1,797 real handwritten digits of 8x8 pixels that scikit-learn brings along (UCI optical recognition, 1998)."""

from __future__ import annotations

import torch

from tailor_train.data.arrays import ArrayDataset

TRAIN_SAMPLES = 1000


def digits() -> tuple[ArrayDataset, ArrayDataset]:
    """The first 1,000 images to train on, moved by up to one pixel, and the last 797 to test, in their order.

    Inputs (N, 1, 8, 8) float32 are normalised by the training images' scalar mean and standard deviation.
    """
    from sklearn.datasets import load_digits  # takes a second, which only this data set needs

    bundle = load_digits()
    inputs = torch.from_numpy(bundle.images).to(torch.float64).unsqueeze(1) / 16.0
    labels = torch.from_numpy(bundle.target).to(torch.int64)
    known = inputs[:TRAIN_SAMPLES]
    normalised = ((inputs - known.mean()) / known.std(correction=0)).to(torch.float32)
    return (
        ArrayDataset(normalised[:TRAIN_SAMPLES], labels[:TRAIN_SAMPLES], shift=1),
        ArrayDataset(normalised[TRAIN_SAMPLES:], labels[TRAIN_SAMPLES:]),
    )
