from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from datamodules.tokenizers import CaptionTokenizer, fit_bpe, fit_or_load, fit_word, load_gpt2

CAPTIONS = ["a red dog", "a red cat", "a cow"]


FITS: list[int] = []


def _fit(captions: Sequence[str], *, min_count: int = 1) -> CaptionTokenizer:
    FITS.append(min_count)
    return fit_word(captions, min_count=min_count)


def _cached(cache_dir: Path) -> list[Path]:
    return sorted((cache_dir / "tokenizers").iterdir())


def test_fits_once(tmp_path: Path) -> None:
    FITS.clear()
    first = fit_or_load(_fit, CAPTIONS, cache_dir=tmp_path)
    second = fit_or_load(_fit, CAPTIONS, cache_dir=tmp_path)
    bound_to_default = fit_or_load(partial(_fit, min_count=1), CAPTIONS, cache_dir=tmp_path)
    assert FITS == [1]
    assert first.to_json() == second.to_json() == bound_to_default.to_json() == _cached(tmp_path)[0].read_text()


def test_other_function_setting_or_caption_is_another_entry(tmp_path: Path) -> None:
    fitters = [
        partial(fit_word, min_count=1),
        partial(fit_word, min_count=2),
        partial(partial(fit_word, min_count=1), max_length=3),
        partial(fit_bpe, vocab_size=300),
    ]
    for fitter in fitters:
        assert fit_or_load(fitter, CAPTIONS, cache_dir=tmp_path).to_json() == fitter(CAPTIONS).to_json()
    fit_or_load(fitters[0], CAPTIONS[:2], cache_dir=tmp_path)
    fit_or_load(fitters[0], ["a red dog a red cat", "a cow"], cache_dir=tmp_path)
    assert len(_cached(tmp_path)) == 6


@pytest.mark.parametrize("kept", [0, 30, -30])
def test_torn_file_is_fitted_again(tmp_path: Path, caplog: pytest.LogCaptureFixture, kept: int) -> None:
    fitter = partial(fit_word, min_count=1)
    whole = fit_or_load(fitter, CAPTIONS, cache_dir=tmp_path).to_json()
    (path,) = _cached(tmp_path)
    path.write_text(whole[:kept])
    assert fit_or_load(fitter, CAPTIONS, cache_dir=tmp_path).to_json() == whole
    assert "is damaged" in caplog.text
    assert path.read_text() == whole


def test_other_files_at_the_same_path_are_another_entry(tmp_path: Path, gpt2_folder: Path) -> None:
    fitter = partial(load_gpt2, path=str(gpt2_folder))
    merged = fit_or_load(fitter, CAPTIONS, cache_dir=tmp_path)
    (gpt2_folder / "merges.txt").write_text("#version: 0.2\na n\n")
    unmerged = fit_or_load(fitter, CAPTIONS, cache_dir=tmp_path)
    assert len(unmerged.encode(" dog")) > len(merged.encode(" dog"))
