from typing import Any

import pytest
import torch

from lightning_modules.generation import Drawing, GreedyDrawing, SampledDrawing
from tests.lightning_modules.generation.table_drawer import (
    NULL,
    NUM_CODES,
    POSITIONS,
    TableDrawer,
    canvas,
    random_drawer,
)
from utils.seeding import generators_of

DRAWS = 30_000


def _draw(drawing: Drawing, drawer: TableDrawer, tables: list[int], **settings: Any) -> list[list[int]]:
    return drawing(drawer, canvas(tables, guided=drawing.is_guided), **settings).codes_RP.tolist()


@pytest.mark.parametrize("guidance", [0.0, 0.5, 1.0, 3.0])
def test_greedy_codes_are_the_likeliest_under_guidance_step_by_step(guidance: float) -> None:
    drawer = random_drawer()
    for table, codes in enumerate(_draw(GreedyDrawing(guidance=guidance), drawer, [1, 2, 3]), start=1):
        expected: list[int] = []
        for _ in range(POSITIONS):
            caption_K, null_K = drawer.logits(table, expected), drawer.logits(NULL, expected)
            expected.append(int((null_K + guidance * (caption_K - null_K)).argmax()))
        assert codes == expected


def test_both_rows_of_an_image_read_the_code_that_was_chosen() -> None:
    drawer = random_drawer()
    codes = _draw(GreedyDrawing(guidance=3.0), drawer, [1, 2])
    chosen = [list(of_position) for of_position in zip(*codes, strict=True)]
    assert drawer.read == [None, *(position * 2 for position in chosen[:-1])]


def test_without_guidance_the_empty_caption_is_not_read() -> None:
    drawer = random_drawer()
    plain = GreedyDrawing(guidance=1.0)
    assert not plain.is_guided
    _draw(plain, drawer, [1, 2, 3])
    assert [None if read is None else len(read) for read in drawer.read] == [None, 3, 3, 3]


@pytest.mark.parametrize(
    ("settings", "temperature", "kept"),
    [
        ({"top_p": None}, 1.0, [0, 1, 2, 3, 4, 5]),
        ({"top_p": None, "temperature": 2.0}, 2.0, [0, 1, 2, 3, 4, 5]),
        ({"top_p": None, "top_k": 2}, 1.0, [4, 5]),
        ({"top_p": None, "filter_thres": 0.4}, 1.0, [3, 4, 5]),  # ⌊0.6 · 6⌋ of the codes
        ({"top_p": 0.6}, 1.0, [4, 5]),  # 0.41, 0.25, …
    ],
)
@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_codes_are_drawn_by_their_filtered_probability_after_guidance(
    settings: dict[str, float], temperature: float, kept: list[int], guidance: float
) -> None:
    guided_K = torch.arange(6.0) / 2
    null_K = torch.randn(6)
    logits_CPKK = torch.zeros(2, POSITIONS, NUM_CODES + 1, NUM_CODES)
    logits_CPKK[0], logits_CPKK[1] = null_K, null_K + (guided_K - null_K) / guidance
    drawing = SampledDrawing(guidance=guidance, **settings)  # type: ignore[arg-type]
    state = canvas([1] * (DRAWS // POSITIONS), guided=drawing.is_guided)
    codes_RP = drawing(TableDrawer(logits_CPKK), state).codes_RP
    shares_K = torch.bincount(codes_RP.flatten(), minlength=6) / DRAWS
    expected_K = torch.zeros(6)
    expected_K[kept] = (guided_K[kept] / temperature).softmax(dim=0)
    assert ((shares_K - expected_K).abs() <= 5 * (expected_K * (1 - expected_K) / DRAWS).sqrt()).all()


@pytest.mark.parametrize("drawing", [GreedyDrawing(guidance=3.0), SampledDrawing(), SampledDrawing(guidance=1.0)])
@pytest.mark.parametrize("num_given", [0, 2])
def test_the_log_probability_is_that_of_the_caption_alone_and_of_codes_that_were_drawn(
    drawing: Drawing, num_given: int
) -> None:
    drawer = random_drawer()
    given_RQ = torch.tensor([[5, 0], [1, 1], [0, 3]])[:, :num_given]
    drawn = drawing(drawer, canvas([1, 2, 3], guided=drawing.is_guided), given_RQ=given_RQ)
    assert torch.equal(drawn.codes_RP[:, :num_given], given_RQ)
    expected = [drawer.log_probability(i, codes, num_given) for i, codes in enumerate(drawn.codes_RP.tolist(), 1)]
    assert drawn.log_probability_R.tolist() == pytest.approx(expected, rel=1e-5)


def test_an_image_may_be_given_whole() -> None:
    given_RQ = torch.tensor([[0, 1, 2, 3]])
    drawn = SampledDrawing()(random_drawer(), canvas([1], guided=True), given_RQ=given_RQ)
    assert drawn.codes_RP.tolist() == given_RQ.tolist()
    assert drawn.log_probability_R.tolist() == [0.0]


def test_each_image_draws_from_its_own_generator() -> None:
    drawer, drawing = random_drawer(), SampledDrawing(temperature=3.0, top_p=None)
    tables = [1, 1, 2, 3]
    codes = _draw(drawing, drawer, tables, generators=generators_of([5, 6, 7, 8]))
    order = [2, 0, 3, 1]
    again = _draw(
        drawing, drawer, [tables[i] for i in order], generators=generators_of([[5, 6, 7, 8][i] for i in order])
    )
    assert again == [codes[i] for i in order]
    alone = [_draw(drawing, drawer, [table], generators=generators_of([5 + i]))[0] for i, table in enumerate(tables)]
    assert alone == codes
    assert codes[0] != codes[1]
    assert _draw(drawing, drawer, tables, generators=generators_of([9, 10, 11, 12])) != codes


def test_nothing_of_the_callers_is_changed() -> None:
    drawer = random_drawer()
    logits_CPKK, given_RQ = drawer.logits_CPKK.clone(), torch.tensor([[3], [4]])
    state = canvas([1, 2], guided=True)
    SampledDrawing(guidance=5.0, top_k=2)(drawer, state, given_RQ=given_RQ)
    assert torch.equal(drawer.logits_CPKK, logits_CPKK)
    assert given_RQ.tolist() == [[3], [4]]
    assert (state.table_T.tolist(), state.position) == ([1, 2, NULL, NULL], 0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"temperature": 0.0}, r"drawing.temperature must be above 0 \(.* drawing=greedy\), got 0.0"),
        ({"top_k": 0}, "drawing.top_k must be at least 1, got 0"),
        ({"top_p": 0.0}, "drawing.top_p must be above 0 and at most 1, got 0.0"),
        ({"filter_thres": 1.0}, r"drawing.filter_thres must be in \[0, 1\), got 1.0"),
        ({"guidance": -1.0}, "drawing.guidance must be 0 or more, got -1.0"),
    ],
)
def test_refuses_settings_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SampledDrawing(**settings)
