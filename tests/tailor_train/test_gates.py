"""The training form: a closed gate is the altered network, in outputs, gradients and what training moves."""

from __future__ import annotations

import copy
import re

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounter

from tailor_train import AlterationSchedule, DistillationLoss, TrainError, finalize, prepare
from tailor_train.gates import Method, Student, deploy
from tailor_train.models import build_model
from tailor_train.plan import SkipState
from tests.tailor_train.small_nets import Block, Net, images

TINY = {"width": 4, "in_channels": 1, "image_size": 8}
INPUT = (1, 8, 8)


def student_of(method: str, factory: str = "resnet8") -> Student:
    return prepare(build_model(factory, TINY, 0), method=method, example_inputs=images(shape=INPUT))


def gradients(network: nn.Module) -> dict[str, torch.Tensor]:
    network.zero_grad()
    network(images(8, INPUT)).square().mean().backward()
    return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("method", Method)
def test_names_and_outputs_are_the_models(method: str) -> None:
    model = build_model("resnet8", TINY, 0)
    student = prepare(model, method=method, example_inputs=images(shape=INPUT))
    assert set(student.state_dict()) == set(model.state_dict())
    assert torch.equal(student(images(shape=INPUT)), model(images(shape=INPUT)))
    assert not student.training
    assert student.altered() == ()


@pytest.mark.parametrize("mode", [True, False])
@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize("altered", [("layer1.0",), ("layer2.0",), ("layer1.0", "layer2.0", "layer3.0")])
def test_closed_gates_are_the_deployed_network(method: str, altered: tuple[str, ...], mode: bool) -> None:
    student = student_of(method)
    for name in altered:
        student.alter(name)
    deployed = finalize(student)
    for network in (student, deployed):
        network.train(mode)
    x = images(8, INPUT)
    assert torch.equal(student(x), deployed(x))
    mine, theirs = gradients(student), gradients(deployed)
    assert set(theirs) <= set(mine)
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_gates_half_open_follow_the_equation() -> None:
    net = Net(Block(torch.add)).eval()
    student = prepare(net, method="skip_shortener", example_inputs=images())
    student.get_submodule("tailor_gates.0").set(0.25)  # type: ignore[operator]
    block, x = net.block, torch.relu(net.stem(images()))
    hidden = torch.relu(block.bn1(block.conv1(x)) + 0.75 * x)
    expected = net.fc(torch.relu(block.bn2(block.conv2(hidden)) + 0.75 * hidden + 0.25 * x).mean((2, 3)))
    torch.testing.assert_close(student(images()), expected)


def test_removed_projection_is_not_moved_by_training() -> None:
    student = student_of("skip_remover").train()
    optimizer = torch.optim.SGD(student.parameters(), 0.1, momentum=0.9, weight_decay=0.1)
    for index in range(4):
        if index == 2:
            student.alter("layer2.0")
            before = {n: t.clone() for n, t in student.state_dict().items() if n.startswith("layer2.0.downsample")}
        optimizer.zero_grad()
        student(images(8, INPUT)).square().mean().backward()
        optimizer.step()
    after = student.state_dict()
    assert len(before) == 6
    assert all(torch.equal(before[name], after[name]) for name in before if "num_batches" not in name)
    student.thaw()
    norm = student.get_submodule("layer2.0.downsample.1")
    assert norm.momentum == 0.1
    assert all(parameter.requires_grad for parameter in student.parameters())


def test_kept_skips_and_plan() -> None:
    model = build_model("resnet8", TINY, 0)
    student = prepare(model, method="skip_remover", example_inputs=images(shape=INPUT), keep={"layer2.0"})
    assert [skip.name for skip in student.gated] == ["layer1.0", "layer3.0"]
    student.alter("layer3.0")
    assert student.altered() == ("layer3.0",)
    states = {record.parent: record.state for record in deploy(student).skips}
    assert states == {"layer1.0": SkipState.KEPT, "layer2.0": SkipState.KEPT, "layer3.0": SkipState.REMOVED}


def test_a_copy_is_altered_as_far_and_shares_nothing() -> None:
    student = student_of("skip_remover").train()
    student.alter("layer2.0")
    twin = copy.deepcopy(student)
    assert (twin.altered(), twin.training, twin.plan) == (("layer2.0",), True, student.plan)
    twin.alter("layer3.0")
    assert student.altered() == ("layer2.0",)
    own = {id(parameter) for parameter in student.parameters()}
    assert not own & {id(parameter) for parameter in twin.parameters()}
    assert torch.equal(student.eval()(images(shape=INPUT)), copy.deepcopy(student)(images(shape=INPUT)))


@pytest.mark.parametrize(("method", "compilations"), [("skip_remover", 3), ("skip_shortener", 1)])
def test_altering_hardly_ever_compiles_again(method: str, compilations: int) -> None:
    """Only freezing a projection, of which the network has two, changes what a compiler may rely on."""
    torch._dynamo.reset()
    student = student_of(method).train()
    counter = CompileCounter()
    compiled = torch.compile(student, backend=counter)
    compiled(images(shape=INPUT)).sum().backward()
    for skip in student.gated:
        student.alter(skip.name)
        compiled(images(shape=INPUT)).sum().backward()
    assert counter.frame_count == compilations


def test_wrong_names() -> None:
    with pytest.raises(TrainError, match=r"^method 'kd' alters no skips; use skip_remover or skip_shortener$"):
        prepare(Net(Block(torch.add)), method="kd", example_inputs=images())
    message = "skip 'layer9' cannot be altered; the student's skips are: layer1.0, layer2.0, layer3.0"
    with pytest.raises(TrainError, match=f"^{re.escape(message)}$"):
        student_of("skip_remover").alter("layer9")
    with pytest.raises(
        TrainError, match=r"^no skip connection 'blok', did you mean 'block'\?; the network has: block$"
    ):
        prepare(Net(Block(torch.add)), method="skip_remover", example_inputs=images(), keep={"blok"})


def test_algorithm_1_alters_every_alpha_epochs() -> None:
    student = student_of("skip_remover")
    schedule = AlterationSchedule(student, alpha=2)
    altered = [schedule.step(epoch) for epoch in range(9)]
    assert altered == [None, None, "layer1.0", None, "layer2.0", None, "layer3.0", None, None]
    assert schedule.done
    assert schedule.last_alteration_epoch == 6


def test_reverse_order_and_saved_position() -> None:
    schedule = AlterationSchedule(student_of("skip_shortener"), alpha=1, order="reverse")
    assert [schedule.step(epoch) for epoch in range(3)] == [None, "layer3.0", "layer2.0"]
    again = AlterationSchedule(student_of("skip_shortener"), alpha=1, order="reverse")
    again.load_state_dict(schedule.state_dict())
    assert again.student.altered() == ("layer2.0", "layer3.0")
    assert again.step(3) == "layer1.0"
    message = (
        "the saved schedule (alpha 1, altered layer3.0, layer2.0) does not fit this one "
        "(alpha 1, order layer1.0, layer2.0, layer3.0)"
    )
    with pytest.raises(TrainError, match=f"^{re.escape(message)}$"):
        AlterationSchedule(student_of("skip_shortener"), alpha=1).load_state_dict(schedule.state_dict())
    with pytest.raises(TrainError, match=r"^alpha is 0, expected at least 1 epoch between two alterations$"):
        AlterationSchedule(student_of("skip_remover"), alpha=0)


def test_distillation_loss_weighs_both_terms() -> None:
    teacher = Net(Block(torch.add)).train()
    loss_of = DistillationLoss(teacher, beta=0.25).train()
    x, labels = images(), torch.tensor([0, 1, 2, 3])
    outputs = torch.zeros(4, 5, requires_grad=True)
    statistics = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    terms = loss_of(outputs, x, labels)
    task = nn.functional.cross_entropy(outputs, labels)
    distill = nn.functional.mse_loss(outputs, copy.deepcopy(teacher).eval()(x))
    torch.testing.assert_close(terms["loss"], 0.75 * task + 0.25 * distill)
    assert all(torch.equal(statistics[name], tensor) for name, tensor in teacher.state_dict().items())
    assert not teacher.training
    assert not any(parameter.requires_grad for parameter in teacher.parameters())
    terms["loss"].backward()
    assert outputs.grad is not None


def test_beta_of_zero_needs_no_teacher() -> None:
    terms = DistillationLoss(nn.Identity(), beta=0.0)(torch.zeros(2, 3), torch.zeros(2), torch.tensor([0, 1]))
    assert float(terms["distill"]) == 0.0
    with pytest.raises(TrainError, match=r"^beta is 1\.5, expected a weight from 0 to 1$"):
        DistillationLoss(nn.Identity(), beta=1.5)


def test_a_loop_of_ones_own() -> None:
    """The documented loop: the loss falls, and what comes out is the altered network."""
    model = Net(Block(torch.add))
    teacher = copy.deepcopy(model)
    x = images(32)
    labels = (x[:, 0].mean((1, 2)) > 0).long()
    student = prepare(model, method="skip_shortener", example_inputs=x)
    schedule = AlterationSchedule(student, alpha=1)
    loss_of = DistillationLoss(teacher, nn.functional.cross_entropy, beta=0.1)
    optimizer = torch.optim.SGD(student.parameters(), 0.05)
    losses = []
    for epoch in range(12):
        schedule.step(epoch)
        student.train()
        optimizer.zero_grad()
        terms = loss_of(student(x), x, labels)
        terms["loss"].backward()
        optimizer.step()
        losses.append(float(terms["loss"].detach()))
    assert losses[-1] < losses[1]
    deployed = finalize(student).eval()
    assert torch.equal(deployed(x), student.eval()(x))
    assert deployed(x).shape == (32, 5)
