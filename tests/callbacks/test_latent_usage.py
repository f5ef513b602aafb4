from pathlib import Path

import pytest

from tests.tiny_run import run_tiny, scalars

CONTENT = {"content_active_units", "content_mutual_information"}
FIGURES = {
    "gaussian": CONTENT | {"style_active_units", "style_mutual_information"},
    "conditional_flow": CONTENT | {"style_active_units", "style_mutual_information"},
    "categorical_style": CONTENT | {"style_codes_used", "style_perplexity", "style_mutual_information"},
}


@pytest.mark.parametrize("latents", FIGURES)
def test_the_figures_are_those_of_the_kind_of_code(latents: str, tmp_path: Path) -> None:
    run = run_tiny(tmp_path / "run", "test=false", "optimized_metric=null", choices=[f"model/latents={latents}"])
    prefix = "val/latents/"
    logged = {name: values[-1][1] for name, values in scalars(run.events).items() if name.startswith(prefix)}
    assert {name.removeprefix(prefix) for name in logged} == FIGURES[latents]
    if latents == "categorical_style":
        assert 1 <= logged[f"{prefix}style_codes_used"] <= 15  # captions: three images with five
        assert 1 < logged[f"{prefix}style_perplexity"] <= 32
