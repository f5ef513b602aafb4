"""The runner's own reading of images and tokens, and the one file that it is written as."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from datamodules.image_files import reading
from datamodules.tokenizers import CaptionTokenizer, fit_bpe, fit_word
from exporting.runner import main
from exporting.runner.images import centre_square, read_image
from exporting.runner.model import DECIDING_WORDS
from exporting.runner.text import Text
from exporting.runner.words import filter_logits, sample_words
from exporting.single_file import single_file
from lightning_modules import inference
from lightning_modules.generation.sample import sample_words as sample_words_by_torch
from tests.exporting.variants import Exported, images

CAPTIONS = ["a red circle, left of it two dogs", "naïve café — it's 5 o'clock", "一只狗 on 草地", "two dogs two dogs"]


@pytest.mark.skipif("AVX" not in torch.backends.cpu.get_cpu_capability(), reason="torchvision resizes floats here")
@pytest.mark.parametrize(("height", "width"), [(300, 201), (64, 64), (33, 500), (40, 41), (1200, 900)])
@pytest.mark.parametrize("size", [32, 64, 224])
def test_images_are_resized_to_the_same_bytes(height: int, width: int, size: int) -> None:
    pixels = np.random.default_rng(height + size).integers(0, 256, (height, width, 3), dtype=np.uint8)
    ours = reading.centre_square(torch.from_numpy(pixels).movedim(-1, 0), size).numpy()
    np.testing.assert_array_equal(centre_square(pixels, size).transpose(2, 0, 1), ours)


def _pictures(folder: Path) -> list[Path]:
    noise = Image.effect_noise((150, 90), 80)
    colours = Image.merge("RGB", [noise, noise.rotate(90), noise.rotate(180)])
    turned = Image.Exif()
    turned[0x0112] = 6
    colours.save(folder / "turned.jpg", exif=turned)
    colours.resize((900, 700)).save(folder / "large.jpg")
    noise.save(folder / "grey.png")
    clear = colours.copy()
    clear.putalpha(noise)
    clear.save(folder / "clear.png")
    colours.quantize(16).save(folder / "few.gif")
    Image.fromarray((np.arange(6000).reshape(60, 100) * 10).astype(np.uint16)).save(folder / "deep.png")
    return sorted(folder.iterdir())


@pytest.mark.skipif("AVX" not in torch.backends.cpu.get_cpu_capability(), reason="torchvision resizes floats here")
def test_image_files_are_read_as_the_project_reads_them(tmp_path: Path) -> None:
    pictures = _pictures(tmp_path)
    assert len(pictures) == 6
    for path in pictures:
        np.testing.assert_array_equal(read_image(path, 32), reading.read_image(path, 32).numpy(), err_msg=path.name)


def test_what_is_no_image_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    for name in ("notes.txt", "gone.jpg", "."):
        with pytest.raises(ValueError, match="not a usable image"):
            read_image(tmp_path / name, 32)


@pytest.mark.parametrize(
    "tokenizer",
    [fit_word(CAPTIONS, min_count=1), fit_word(CAPTIONS, min_count=2), fit_bpe(CAPTIONS, vocab_size=300, has_cls=True)],
    ids=["word", "rare", "bpe"],
)
def test_tokens_are_decoded_as_the_tokenizer_decodes_them(tokenizer: CaptionTokenizer) -> None:
    special = tokenizer.vocabulary
    text = Text(json.loads(json.loads(tokenizer.to_json())["tokenizer"]), special.eos_id, special.suppressed_ids)
    generator = np.random.default_rng(0)
    rows = [ids[1:] for ids in tokenizer.encode_batch(CAPTIONS)]
    rows += [generator.integers(0, special.size, 12).tolist() for _ in range(300)]
    assert [text.decode(row) for row in rows] == tokenizer.decode_batch(rows)


def test_words_are_drawn_as_by_pytorch() -> None:
    logits_NV = 3 * torch.randn(500, 40)
    uniform_N = torch.rand(500)
    drawn_N = sample_words(logits_NV.numpy(), uniform_N.numpy())
    np.testing.assert_array_equal(drawn_N, sample_words_by_torch(logits_NV, uniform_N).numpy())
    left_NV = filter_logits(logits_NV.numpy(), temperature=0.5, top_k=3, top_p=0.5)
    assert set(np.isfinite(left_NV).sum(axis=1)) <= {1, 2, 3}
    assert (left_NV.argmax(axis=1) == logits_NV.numpy().argmax(axis=1)).all()


def test_the_one_file_imports_nothing_of_the_project() -> None:
    imports = [line for line in single_file().splitlines() if line.startswith(("import ", "from "))]
    names = {line.split()[1].split(".")[0] for line in imports}
    assert names - sys.stdlib_module_names == {"numpy", "onnxruntime", "PIL"}
    assert len(imports) == len({line.split()[1] for line in imports})


def _run_alone(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run an exported model's `run.py` where nothing of this project can be imported."""
    code = (
        "import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__'); "
        "assert not {'torch', 'exporting', 'utils', 'tokenizers'} & {*sys.modules}, 'imports more than it may'"
    )
    libraries = str(Path(onnxruntime.__file__).parents[1])  # wherever it is installed
    return subprocess.run(
        [sys.executable, "-c", code, str(folder / "run.py"), *arguments],
        capture_output=True,
        text=True,
        cwd=folder.parent,
        env={**os.environ, "PYTHONPATH": libraries},
    )


@pytest.mark.slow
def test_run_py_captions_files_without_the_project(reference: Exported, tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{number}.png") for number in range(2)]
    for path, image_CHW in zip(paths, images(2), strict=True):
        Image.fromarray(image_CHW.movedim(0, -1).numpy()).save(path)
    picture = tmp_path / "out.png"
    ran = _run_alone(
        reference.folder, *paths, "--strategy", "sample", "--num", "3", "--json", "--save-reconstruction", str(picture)
    )
    assert ran.returncode == 0, ran.stderr
    options = main.parse_arguments([*paths, "--strategy", "sample", "--num", "3"])
    model = reference.runner
    for told, path in zip(json.loads(ran.stdout), paths, strict=True):
        captions = main.caption(model, read_image(path, model.image_size)[None], options)
        assert told["image"] == path
        assert told["captions"] == model.texts(captions, 1)[0]
        assert told["log_probabilities"] == pytest.approx(captions.log_probability_N.tolist(), abs=1e-4)
    with Image.open(picture) as shown:
        assert shown.size == (3 * shown.height // 2, shown.height)


@pytest.mark.slow
def test_mistakes_of_run_py_get_one_line(
    reference: Exported, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ("--folder", str(reference.folder))
    for arguments, message in (
        (("gone.png", *folder), "error: gone.png: not a usable image"),
        (("a.png", "--folder", str(tmp_path)), f"error: {tmp_path}: not a folder that export.py --to onnx wrote"),
        (("a.png", "--num", "2"), "error: --num 2: expected 1 of --strategy greedy"),
        (("a.png", "--strategy", "beam", "--num", "9"), "error: --num 9: expected at most --beam-size"),
        (("a.png", "--temperature", "0"), "error: --temperature 0.0: expected above 0"),
        (("a.png", *folder, "--max-length", "99"), "error: --max-length 99: expected at most 8"),
    ):
        with pytest.raises(SystemExit) as ended:
            main.main(arguments)
        assert str(ended.value.code).startswith(message)


def test_as_many_words_decide_which_mean_a_caption_follows_from() -> None:
    assert DECIDING_WORDS == inference.DECIDING_WORDS
