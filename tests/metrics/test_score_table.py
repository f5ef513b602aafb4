import pytest

from metrics.caption_metric import ImageCaptions
from metrics.score_table import OTHERS, SECTIONS, in_sections, shown
from metrics.scorer import score_captions


def test_each_score_is_in_one_section() -> None:
    images = [ImageCaptions(i, [f"a {thing}", "a b c d"], [f"the {thing} is a b c d"]) for i, thing in enumerate("xyz")]
    of_captions = score_captions(images, training_captions=["a dog"])
    names = [*of_captions, "clip/PAC-S", "self-retrieval/all@1", "caption_truth", "PSNR", "draws/mean"]
    names += ["retrieval/recall@1", "interpretability/style/mig", "style_transfer/both"]
    of_model = ["calibration/ECE", "calibration/ECE-posterior"]
    names += of_model
    sections = in_sections([*names, *names])
    assert list(sections) == [*SECTIONS, OTHERS]
    assert sorted(name for inside in sections.values() for name in inside) == sorted(names)
    assert sections[OTHERS] == ["caption_truth", "PSNR"]
    of_sections = (sections[section] for section in SECTIONS)
    accuracy, fit, consistency, finding, a, b, calibration, drawings, draws, codes = of_sections
    assert codes == ["interpretability/style/mig", "style_transfer/both"]
    assert all(name.startswith("coco/") for name in accuracy)
    assert {name.split("/")[0] for name in consistency} == {"mean", "min", "oracle"}
    assert fit == ["clip/PAC-S"]
    assert finding == ["self-retrieval/all@1"]
    assert all(name.startswith("A/") for name in a)
    assert all(name.startswith("B/") for name in b)
    assert calibration == of_model
    assert drawings == ["retrieval/recall@1"]
    assert draws == ["draws/mean"]


def test_sections_without_scores_are_left_out() -> None:
    assert in_sections(["B/mBLEU-4"]) == {SECTIONS[5]: ["B/mBLEU-4"]}


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("coco/CIDEr-D", 1.2, "120.0"),
        ("min/BLEU-4", 0.0456, "4.6"),
        ("A/oracle-ROUGE-L", 0.5, "50.0"),
        ("B/mBLEU-4", 0.5, "0.500"),
        ("B/vocabulary", 1432.0, "1,432"),
        ("caption_truth", 0.25, "0.250"),
        ("coco/METEOR", None, "-"),
    ],
)
def test_scores_are_shown_as_papers_print_them(name: str, value: float | None, text: str) -> None:
    assert shown(name, value) == text
