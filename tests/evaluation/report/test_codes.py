from evaluation.report.codes import detailed_scores, main_scores
from evaluation.report.contents import Interpretability, ProbedFactor, StyleTransfer

MEASURED = Interpretability(
    num_images=3,
    num_captions=15,
    probes=[ProbedFactor("manner", "caption", 3, 0.4, 0.9, 0.95, 0.5, 0.55)],
    disentanglement={"style": {"mig": 0.1}, "content": {"mig": 0.2}},
    transfer={"all": StyleTransfer(10, 0.7, 0.6, 0.5), "loud": StyleTransfer(4, 0.75, None, None)},
)


def test_main_scores_are_of_all_factors_and_styles() -> None:
    assert main_scores(MEASURED) == {
        "interpretability/style/mig": 0.1,
        "interpretability/content/mig": 0.2,
        "style_transfer/style": 0.7,
        "style_transfer/truth": 0.6,
        "style_transfer/both": 0.5,
    }


def test_detailed_scores_are_of_each_factor_and_style() -> None:
    assert detailed_scores(MEASURED) == {
        "interpretability/style/probe_linear/manner": 0.9,
        "interpretability/style/probe_mlp/manner": 0.95,
        "interpretability/content/probe_linear/manner": 0.5,
        "interpretability/content/probe_mlp/manner": 0.55,
        "interpretability/majority/manner": 0.4,
        "style_transfer/by_style/loud/style": 0.75,
    }


def test_what_was_not_measured_has_no_score() -> None:
    empty = Interpretability(3, 15, [], {}, {})
    assert main_scores(empty) == detailed_scores(empty) == {}
