"""The command, its files and its mistakes."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from tokenizers import Tokenizer

from export import main
from exporting.arguments import parse_arguments
from exporting.comparison import compare, images_to_compare
from exporting.programs import write_program
from exporting.quantization import quantize
from exporting.run import run
from exporting.runner.model import Model
from lightning_modules import CaptioningModule, load_captioner
from tests.exporting.variants import VARIANTS, Exported, images, save_tiny
from tests.tiny_run import TinyRun


@pytest.mark.slow
def test_a_folder_holds_all_that_is_needed(reference: Exported) -> None:
    files = {file.name for file in reference.folder.iterdir()}
    names = ("encoder", "codes", "components", "start", "step", "image_decoder")
    parts = {f"{name}.onnx" for name in names}
    assert files == {*parts, "export.json", "tokenizer.json", "run.py", "README.md"}
    about = json.loads((reference.folder / "export.json").read_text())
    assert {*about["parts"].values()} == parts
    for name, file in about["parts"].items():
        graph = onnx.load(reference.folder / file).graph
        assert [given.name for given in graph.output] == about["outputs"][name]
        assert {given.name for given in graph.input} <= {*about["inputs"][name]}
    tokenizer = Tokenizer.from_file(str(reference.folder / "tokenizer.json"))
    assert tokenizer.get_vocab_size() == reference.captioner.tokenizer.vocabulary.size
    card = (reference.folder / "README.md").read_text()
    assert all(f"## {title}" in card for title in ("Use", "Training data", "Training", "Figures", "Limits"))


@pytest.mark.slow
def test_bytes_make_files_smaller_and_their_effect_is_told(reference: Exported, tmp_path: Path) -> None:
    folder = tmp_path / "int8"
    shutil.copytree(reference.folder, folder)
    for path in folder.glob("*.onnx"):
        quantize(path)
    sizes = [
        sum((place / name).stat().st_size for name in ("codes.onnx", "step.onnx"))
        for place in (reference.folder, folder)
    ]
    assert sizes[1] < sizes[0]
    operators = {node.op_type for node in onnx.load(folder / "codes.onnx").graph.node}
    assert "MatMulInteger" in operators
    images_BCHW = images_to_compare([], reference.captioner.image_size)
    exact, rough = (
        compare(reference.captioner, Model(place, threads=1), images_BCHW) for place in (reference.folder, folder)
    )
    assert exact.same_greedy == exact.same_beam == exact.num_images == len(images_BCHW)
    assert exact.largest_difference < 1e-4
    assert exact.told().startswith("of 16 images 16 greedy captions and 16 of 5 beams are equal to PyTorch's")
    features_BPD = exact_features = reference.captioner.encode(images_BCHW).numpy()
    apart = np.abs(Model(folder, threads=1).codes(features_BPD)[1] - reference.runner.codes(exact_features)[1])
    assert 0 < apart.max() < 1
    assert rough.same_greedy <= exact.same_greedy


@pytest.mark.slow
def test_a_program_runs_without_the_project(tmp_path: Path) -> None:
    part = load_captioner(save_tiny(tmp_path, VARIANTS["transformer_categorical_bpe"])).export_parts().parts["step"]
    write_program(part, tmp_path / "step.pt2")
    program = torch.export.load(tmp_path / "step.pt2").module()
    assert not [name for name, _ in program.named_parameters() if "encoder" in name]  # it holds what it needs alone
    for num in (1, 6):
        inputs = [_resized(part.inputs[given], part.dynamic[given], num) for given in part.inputs]
        with torch.no_grad():
            for ours, theirs in zip(part.module(*inputs), program(*inputs), strict=True):
                torch.testing.assert_close(theirs, ours)


def _resized(example: torch.Tensor, axes: dict[int, str], num: int) -> torch.Tensor:
    for axis in axes:
        example = example.index_select(axis, torch.arange(num) % example.shape[axis])
    return example


def test_mistakes_get_one_line(trained: TinyRun, tmp_path: Path) -> None:
    best, new = str(trained.best), str(tmp_path / "new")
    (tmp_path / "words.ckpt").write_text("no checkpoint")
    for arguments, message in (
        ((best, "--to", "safetensors", str(tmp_path)), f"error: {tmp_path}: something is there already"),
        ((best, "--to", "onnx", str(tmp_path)), f"error: {tmp_path}: something is there already"),
        (("none.ckpt", "--to", "onnx", new), "error: none.ckpt: there is no such file"),
        ((str(tmp_path / "words.ckpt"), "--to", "onnx", new), f"error: {tmp_path / 'words.ckpt'}: not a readable"),
        ((str(tmp_path), "--to", "onnx", new), f"error: {tmp_path}: this folder holds no model"),
        ((best, "--to", "safetensors", new, "--quantize", "int8"), "error: --quantize: expected --to onnx beside it"),
        (
            (best, "--to", "safetensors", new, "--scores", best),
            f"error: {best}: expected the scores.json that",
        ),
        ((best, "--to", "onnx", new, "--compare-on", "gone.jpg"), "error: gone.jpg: there is no such file or folder"),
    ):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert str(ended.value.code).startswith(message)
    assert [path.name for path in tmp_path.iterdir()] == ["words.ckpt"]  # nothing half written is left


def test_a_family_that_cannot_be_exported_says_so(
    trained: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(load_captioner(trained.best))
    monkeypatch.setattr(kind, "export_parts", CaptioningModule.export_parts)
    with pytest.raises(SystemExit, match="VariationalCaptioner cannot be exported: its class has no `export_parts`"):
        main((str(trained.best), "--to", "torch_export", str(tmp_path / "new")))
    assert not [*tmp_path.iterdir()]


def test_a_part_that_cannot_be_exported_is_named(
    trained: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(part: object, path: Path) -> None:
        raise RuntimeError("no such operator\nand more")

    monkeypatch.setattr("exporting.run.write_program", fail)
    with pytest.raises(
        SystemExit, match=r"^error: --to torch_export: the part encoder .* \(no such operator\); --to safe"
    ):
        main((str(trained.best), "--to", "torch_export", str(tmp_path / "new")))
    assert not [*tmp_path.iterdir()]


def test_a_decoder_that_does_not_tell_its_state_says_so(trained: TinyRun, monkeypatch: pytest.MonkeyPatch) -> None:
    from lightning_modules.networks.decoders import Decoder, RecurrentDecoder

    monkeypatch.setattr(RecurrentDecoder, "pack_state", Decoder.pack_state)
    with pytest.raises(ValueError, match="GRUDecoder cannot be exported: it has no `pack_state`"):
        load_captioner(trained.best).export_parts()


def test_a_folder_for_the_hub_is_written_with_its_origin(trained: TinyRun, tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text(json.dumps({"coco/CIDEr-D": 0.5, "human": None, "settings": {}}))
    run(
        parse_arguments(
            [str(trained.best), "--to", "safetensors", str(tmp_path / "m"), "--scores", str(tmp_path / "scores.json")]
        )
    )
    card = (tmp_path / "m" / "README.md").read_text()
    assert "| coco/CIDEr-D | 0.5000 |" in card
    assert "`data=shapes`" in card
    captions = [load_captioner(path) for path in (trained.best, tmp_path / "m")]
    ours, theirs = (captioner.generate(captioner.encode(images())) for captioner in captions)
    assert ours.captions == theirs.captions
