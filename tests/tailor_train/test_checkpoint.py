"""The RUN folder's checkpoint: a round trip, exact bytes, and damage told in one message."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from safetensors import safe_open

from tailor_train.checkpoint import Run, deploy_run, load_into, load_run, load_weights, save_run, saved_plan
from tailor_train.errors import TrainError
from tailor_train.models import build_model
from tailor_train.plan import SkipChoice, SkipState, SkipStyle
from tailor_train.surgery import apply_plan
from tests.tailor_train.small_nets import images

TINY = {"width": 4, "in_channels": 1, "image_size": 8}
PLAN = {
    "layer1.0": SkipChoice(state=SkipState.SHORTENED),
    "layer2.0": SkipChoice(state=SkipState.REMOVED),
    "layer3.0": SkipChoice(),
}


def a_run() -> Run:
    deployed = apply_plan(build_model("resnet8", TINY, 3), PLAN, (1, 8, 8))
    return Run(
        factory="resnet8",
        args=TINY,
        input_shape=(1, 8, 8),
        plan=PLAN,
        quantization=None,
        tensors=deployed.module.state_dict(),
        provenance={"method": "skip_remover", "seed": 0, "metrics": {"accuracy": 96.5}, "versions": {"torch": "2"}},
        data={"name": "digits", "args": {}},
    )


def test_round_trip(tmp_path: Path) -> None:
    run = a_run()
    file = save_run(tmp_path / "deep" / "run", run)
    again = load_run(file.parent)
    assert (again.factory, dict(again.args), again.input_shape) == ("resnet8", TINY, (1, 8, 8))
    assert again.plan == PLAN
    assert again.data == run.data
    assert again.provenance == run.provenance
    before = apply_plan(build_model("resnet8", TINY, 3), PLAN, (1, 8, 8)).module
    assert torch.equal(deploy_run(again).module(images(shape=(1, 8, 8))), before(images(shape=(1, 8, 8))))


def test_header_as_documented(tmp_path: Path) -> None:
    file = save_run(tmp_path, a_run())
    with safe_open(str(file), framework="pt") as opened:
        header = {key: json.loads(value) for key, value in opened.metadata().items()}
    assert sorted(header) == ["model", "provenance", "quantization", "skips", "tailor_format"]
    assert header["model"] == {"factory": "resnet8", "args": TINY, "input_shape": [1, 8, 8]}
    assert header["skips"][0] == {"name": "layer1.0", "state": "shortened", "style": "pre"}
    assert header["quantization"] is None
    assert header["provenance"]["data"] == {"name": "digits", "args": {}}


FOLDED = SkipChoice(state=SkipState.SHORTENED, folded=True)
POST = SkipChoice(style=SkipStyle.POST)


@pytest.mark.parametrize(
    ("choice", "version", "entry", "card"),
    [
        (SkipChoice(), 1, {"state": "kept", "style": "pre"}, "kept"),
        (replace(POST, state=SkipState.SHORTENED), 1, {"state": "shortened", "style": "post"}, "shortened (post)"),
        (POST, 2, {"state": "kept", "style": "post"}, "kept (post)"),
        (
            FOLDED,
            2,
            {"state": "shortened", "style": "pre", "folded": "trained"},
            "shortened (pre), in the convolutions' weights",
        ),
    ],
)
def test_format_2_only_where_an_older_reader_would_build_another_network(
    tmp_path: Path, choice: SkipChoice, version: int, entry: dict[str, str], card: str
) -> None:
    plan = PLAN | {"layer3.0": choice}
    deployed = apply_plan(build_model("resnet8", TINY, 3), plan, (1, 8, 8))
    file = save_run(tmp_path, replace(a_run(), plan=plan, tensors=deployed.module.state_dict()))
    with safe_open(str(file), framework="pt") as opened:
        header = {key: json.loads(value) for key, value in opened.metadata().items()}
    assert (header["tailor_format"], header["skips"][2]) == (version, {"name": "layer3.0"} | entry)
    assert f"| layer3.0 | {card} |" in (tmp_path / "README.md").read_text()
    again = load_run(file)
    assert again.plan == saved_plan(file) == plan
    x = images(shape=(1, 8, 8))
    assert torch.equal(deploy_run(again).module(x), deployed.module(x))


def test_the_plan_of_other_files_is_empty(tmp_path: Path) -> None:
    safetensors.torch.save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
    assert saved_plan(tmp_path / "a.safetensors") == saved_plan(tmp_path / "a.pth") == {}
    skips = json.dumps([{"name": "a", "state": "shortened", "style": "pre", "folded": "exact"}])
    file = tmp_path / "b.safetensors"
    safetensors.torch.save_file({"a": torch.zeros(1)}, file, {"tailor_format": "2", "skips": skips})
    with pytest.raises(TrainError) as error:
        saved_plan(file)
    assert str(error.value) == (
        f"checkpoint '{file}' is damaged: its header lacks or garbles 'folded' of skip 'a'; write it again"
    )


def test_same_bytes_each_time(tmp_path: Path) -> None:
    files = [save_run(tmp_path / name, a_run()) for name in ("a", "b", "c")]
    assert len({file.read_bytes() for file in files}) == 1
    assert [path.name for path in sorted(files[0].parent.iterdir())] == ["README.md", "model.safetensors"]


def test_model_card(tmp_path: Path) -> None:
    save_run(tmp_path, replace(a_run(), quantization={"conv1": {"weight": "ap_fixed<8,1>"}}))
    text = (tmp_path / "README.md").read_text()
    assert "# resnet8, skips partly altered" in text
    assert "| layer1.0 | shortened (pre) |" in text
    assert "| accuracy | 96.50 |" in text
    assert "| conv1 | weight `ap_fixed<8,1>` |" in text
    assert "Made with torch 2." in text


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def garbled_header(content: bytes) -> bytes:
    return content[:8] + b"!" * 20 + content[28:]


@pytest.mark.parametrize("damage", [truncated, garbled_header, lambda _: b"", lambda _: b"x" * 200])
def test_damage_is_one_clear_error(tmp_path: Path, damage: object) -> None:
    file = save_run(tmp_path, a_run())
    file.write_bytes(damage(file.read_bytes()))  # type: ignore[operator]
    with pytest.raises(
        TrainError, match=r"^checkpoint '.*model\.safetensors' is damaged or no safetensors file \(.*\);"
    ):
        load_run(tmp_path)


def test_foreign_and_incomplete_files(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    cases: list[tuple[dict[str, str], str]] = [
        ({}, f"checkpoint '{file}' holds weights only; give the model's name and these weights with --weights instead"),
        ({"tailor_format": "9"}, f"checkpoint '{file}' has format 9, expected at most 2; update this package"),
        (
            {"tailor_format": "1", "model": "{}", "provenance": "{}"},
            f"checkpoint '{file}' is damaged: its header lacks or garbles 'factory'; write it again",
        ),
    ]
    for metadata, message in cases:
        safetensors.torch.save_file({"w": torch.zeros(1)}, file, metadata)
        with pytest.raises(TrainError, match=f"^{re.escape(message)}$"):
            load_run(tmp_path)
    with pytest.raises(TrainError, match=r"^checkpoint '.*none/model.safetensors' does not exist$"):
        load_run(tmp_path / "none" / "model.safetensors")


def test_unwritable_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    message = r"^folder '.*file/run' cannot be created: Not a directory; choose another --out$"
    with pytest.raises(TrainError, match=message):
        save_run(tmp_path / "file" / "run", a_run())
    (tmp_path / "run" / "model.safetensors").mkdir(parents=True)
    with pytest.raises(TrainError, match=r"^file '.*model\.safetensors' cannot be written: Is a directory$"):
        save_run(tmp_path / "run", a_run())
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["model.safetensors"]


def test_weights_of_every_kind(tmp_path: Path) -> None:
    model = build_model("resnet8", TINY, 0)
    state = model.state_dict()
    torch.save(state, tmp_path / "plain.pth")
    torch.save({"state_dict": {f"module.{key}": value for key, value in state.items()}, "epoch": 3}, tmp_path / "w.pt")
    safetensors.torch.save_file(state, tmp_path / "w.safetensors")
    for name in ("plain.pth", "w.pt", "w.safetensors"):
        loaded = load_weights(tmp_path / name)
        assert set(loaded) == set(state)
        load_into(build_model("resnet8", TINY, 1), loaded, name)


class NotATensor:
    """Unpickling this would run code."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path, ("touched",)


def test_weights_that_are_none(tmp_path: Path) -> None:
    torch.save({"w": NotATensor()}, tmp_path / "code.pth")
    torch.save({"epoch": 3}, tmp_path / "empty.pth")
    (tmp_path / "w.bin").write_bytes(b"1")
    cases = {
        "code.pth": "weights '{}' cannot be read safely (UnpicklingError); save a plain state dict: "
        "torch.save(model.state_dict(), FILE)",
        "empty.pth": "weights '{}' hold no state dict; save torch.save(model.state_dict(), FILE)",
        "w.bin": "weights '{}' are of an unknown kind '.bin'; expected .safetensors, .pth or .pt",
        "none.pth": "weights '{}' do not exist",
    }
    for name, message in cases.items():
        with pytest.raises(TrainError, match=f"^{re.escape(message.format(tmp_path / name))}$"):
            load_weights(tmp_path / name)


def test_weights_that_do_not_fit() -> None:
    model = build_model("resnet8", TINY, 0)
    state = dict(model.state_dict())
    state["extra"] = torch.zeros(1)
    state["fc.bias"] = torch.zeros(3)
    del state["fc.weight"]
    message = (
        "weights does not fit model 'ResNet': tensors 1 missing (fc.weight); 1 unknown (extra); "
        "fc.bias is (3,), expected (10,)"
    )
    with pytest.raises(TrainError, match=f"^{re.escape(message)}$"):
        load_into(model, state, "weights")
