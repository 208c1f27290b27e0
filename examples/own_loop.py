"""Algorithm 1 in a training loop of one's own: about forty lines around an ordinary PyTorch loop.

Run it from the repository: `python examples/own_loop.py`. It takes about half a minute on one core.
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import nn

from tailor_train import AlterationSchedule, DistillationLoss, evaluate_accuracy, finalize, prepare
from tailor_train.data import load_data, train_batches
from tailor_train.models import build_model, initialise

EPOCHS, TAIL, BATCH = 12, 6, 64
SHAPE = {"width": 8, "in_channels": 1, "image_size": 8}


def train_epochs(
    network: nn.Module, loss_of: DistillationLoss, epochs: int, schedule: AlterationSchedule | None
) -> None:
    """An ordinary loop; the only new line is `schedule.step(epoch)`."""
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    shuffle = torch.Generator().manual_seed(0)
    for epoch in range(epochs):
        altered = schedule.step(epoch) if schedule else None
        network.train()
        for inputs, labels in train_batches(data.train, BATCH, shuffle):
            optimizer.zero_grad()
            loss_of(network(inputs), inputs, labels)["loss"].backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
        rates.step()
        print(f"epoch {epoch:2}  {evaluate_accuracy(network, data.test):5.1f} %  {altered or ''}")


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(1)
    data = load_data("digits")
    model = build_model("resnet8", SHAPE, seed=0)
    initialise(model, "resnet8", seed=0)
    print("teacher, with its skip connections")
    train_epochs(model, DistillationLoss(nn.Identity(), F.cross_entropy, beta=0.0), EPOCHS, None)

    print("student, one skip removed each epoch")
    student = prepare(copy.deepcopy(model), method="skip_remover", example_inputs=torch.zeros(1, 1, 8, 8))
    schedule = AlterationSchedule(student, alpha=1)
    loss_of = DistillationLoss(model, F.cross_entropy, beta=0.35)
    train_epochs(student, loss_of, schedule.last_alteration_epoch + TAIL, schedule)

    deployed = finalize(student)
    print(f"deployed: {evaluate_accuracy(deployed, data.test):.1f} %, {len(deployed.state_dict())} tensors")
