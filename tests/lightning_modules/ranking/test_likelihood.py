import pytest
import torch

from lightning_modules import VariationalCaptioner
from lightning_modules.ranking import Candidates, Likelihood


@pytest.fixture
def lengths(captioner: VariationalCaptioner, candidates: Candidates) -> Candidates:
    """Captions of one, two, seven and four tokens, the last of them `<eos>` in all but the third."""
    vocabulary = captioner.tokenizer.vocabulary
    pad, eos, word = vocabulary.pad_id, vocabulary.eos_id, vocabulary.size - 1
    tokens_NL = torch.tensor(
        [
            [eos, pad, pad, pad, pad, pad, pad],
            [word, eos, pad, pad, pad, pad, pad],
            [word, word, word, word, word, word, word],
            [word, word, word, eos, pad, pad, pad],
        ]
    )
    nats_N = torch.tensor([-1.0, -2.0, -4.0, -3.0])
    return candidates._replace(generated=candidates.generated._replace(tokens_NL=tokens_NL, log_probability_N=nats_N))


@pytest.mark.parametrize(
    ("length_penalty", "expected"),
    [
        (1.0, [-1.0, -12 / 7, -2.0, -2.0]),
        (2.0, [-1.0, -72 / 49, -1.0, -4 / 3]),
        (0.0, [-1.0, -2.0, -4.0, -3.0]),
        (0.6, [-1.0, -2 / 1.0969026, -4 / 1.5157166, -3 / 1.2754245]),
    ],
)
def test_divides_log_probability_by_the_length_with_eos(
    captioner: VariationalCaptioner, lengths: Candidates, length_penalty: float, expected: list[float]
) -> None:
    score_N = Likelihood(length_penalty=length_penalty)(captioner, lengths)
    torch.testing.assert_close(score_N, torch.tensor(expected))


def test_is_the_log_probability_itself_without_penalty(captioner: VariationalCaptioner, candidates: Candidates) -> None:
    assert torch.equal(Likelihood(length_penalty=0)(captioner, candidates), candidates.generated.log_probability_N)


def test_refuses_a_negative_penalty() -> None:
    with pytest.raises(ValueError, match=r"ranking.length_penalty must be 0 or more, got -0.1"):
        Likelihood(length_penalty=-0.1)
