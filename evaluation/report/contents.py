"""All that the report's page shows, as plain data: whoever measures it need not know how it is shown, and vice versa.

Shape legend: H rows, W columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from evaluation.report.drawn import DrawnImage
from lightning_modules.results.explained_captions import ExplainedCaption
from metrics import FactAttribute, ReliabilityTable, WordOdds
from metrics.factor import Integers


class NamedCaptions(NamedTuple):
    """What captions.json tells of an image.

    Attributes:
        name: What the data set calls it.
        captions: Best first.
        num_draws: How many captions had to be generated, where the strategy selects some of them; otherwise None.
    """

    name: str | int
    captions: Sequence[str]
    num_draws: int | None = None


class StyledCaption(NamedTuple):
    """A caption, and the image that the model reconstructs from it.

    Attributes:
        caption: The caption.
        reconstruction_3HW: In [0, 1]; None where the model reconstructs no images.
    """

    caption: str
    reconstruction_3HW: Tensor | None


class ShownCaption(NamedTuple):
    """One of an image's captions with what is known of it.

    Attributes:
        caption: The caption.
        cider_d: CIDEr-D against the image's references, 0 to 10 as computed.
        log_probability: log P(caption | codes) in nats.
        finished: Whether it came to its end; the others were cut at the longest length.
    """

    caption: str
    cider_d: float
    log_probability: float
    finished: bool


class ShownImage(NamedTuple):
    """An image of the gallery.

    Attributes:
        name: What the data set calls it.
        image_3HW: `uint8`.
        reconstruction_3HW: Reconstructed from its first caption, in [0, 1]; None where the model cannot.
        captions: What the model generates for it, best first.
        references: Its human captions.
        mean_cider_d: Of its captions.
    """

    name: str
    image_3HW: Tensor
    reconstruction_3HW: Tensor | None
    captions: Sequence[ShownCaption]
    references: Sequence[str]
    mean_cider_d: float


class TradeOffPoint(NamedTuple):
    """How accurate and how diverse captions are at one setting.

    Attributes:
        value: Of the setting that the curve varies, such as the words' temperature; None where there is none.
        mean_cider_d: CIDEr-D of all captions, 0 to 10.
        oracle_cider_d: CIDEr-D of each image's best caption.
        mutual_bleu_4: `B/mBLEU-4` of the captions of an image; lower is more diverse.
        distinct: Share of an image's captions that differ.
        mean_draws: How many captions were drawn of an image, where the strategy selects some of them; otherwise None.
    """

    value: float | None
    mean_cider_d: float
    oracle_cider_d: float
    mutual_bleu_4: float
    distinct: float
    mean_draws: float | None = None


class TradeOff(NamedTuple):
    """Accuracy against diversity.

    Attributes:
        curves: For each way to diversity ("sample", "latent") its points, by rising value.
        human: What the human captions of the same images reach (each against the others); None where they cannot be
            compared.
        num_images: Images that were looked at.
        num_captions: Captions of each.
    """

    curves: Mapping[str, Sequence[TradeOffPoint]]
    human: TradeOffPoint | None
    num_images: int
    num_captions: int


class Traversal(NamedTuple):
    """The captions of an image as one dimension of its style is changed.

    Attributes:
        image_3HW: `uint8`.
        dimension: Which, from 0.
        values: What it is set to, in standard deviations of the image's prior, from its mean.
        styled_captions: The caption at each value.
    """

    image_3HW: Tensor
    dimension: int
    values: Sequence[float]
    styled_captions: Sequence[StyledCaption]


class ExplainedImage(NamedTuple):
    """An image with captions that are explained word by word.

    Attributes:
        name: What the data set calls it.
        image_3HW: `uint8`.
        captions: The first captions that the model generates for it.
    """

    name: str
    image_3HW: Tensor
    captions: Sequence[ExplainedCaption]


class StyleWords(NamedTuple):
    """Words that belong to one end of a dimension of the style more than chance allows.

    Attributes:
        dimension: Which, from 0.
        ends: The lower and the higher value, in standard deviations of the images' prior, from its mean.
        low: Those of the lower end, against the higher one.
        high: Those of the higher end, against the lower one.
        num_captions: Captions at each end.
    """

    dimension: int
    ends: tuple[float, float]
    low: Sequence[WordOdds]
    high: Sequence[WordOdds]
    num_captions: int


class Swaps(NamedTuple):
    """Each image's content in each image's style.

    Attributes:
        images_3HW: `uint8`, a few images.
        styled_captions: `styled_captions[i][j]` is the content of image i in the style of image j.
        captions: The human captions whose styles they are; None where a style is that of an image alone.
    """

    images_3HW: Sequence[Tensor]
    styled_captions: Sequence[Sequence[StyledCaption]]
    captions: Sequence[str] | None = None


class ProbedFactor(NamedTuple):
    """How well a factor is told from the codes of human captions: shares of held-out captions.

    Attributes:
        name: The factor's.
        of: Whether it is one of the "caption" or of the "image".
        num_classes: How many classes it has here.
        majority: What is told without the codes.
        style_linear: By a linear probe of S.
        style_mlp: By a probe of S with one hidden layer.
        content_linear: By a linear probe of C.
        content_mlp: By a probe of C with one hidden layer.
    """

    name: str
    of: str
    num_classes: int
    majority: float
    style_linear: float
    style_mlp: float
    content_linear: float
    content_mlp: float


class StyleTransfer(NamedTuple):
    """What becomes of captions that take the style of another image's caption.

    Attributes:
        num_captions: How many.
        style: Share that is of the style.
        truth: Share that is true of its own image; None where that is not known.
        both: Share that is both.
    """

    num_captions: int
    style: float
    truth: float | None
    both: float | None


class Interpretability(NamedTuple):
    """What the codes know.

    Attributes:
        num_images: Images that were looked at.
        num_captions: Their human captions.
        probes: For each factor how well it is told.
        disentanglement: For "style" and "content" each measure by name; empty where too few factors vary.
        transfer: Of "all" captions, and of those in each style; empty where no style was transferred.
    """

    num_images: int
    num_captions: int
    probes: Sequence[ProbedFactor]
    disentanglement: Mapping[str, Mapping[str, float]]
    transfer: Mapping[str, StyleTransfer]


class Confusion(NamedTuple):
    """Which values of an attribute of images reconstructions show as which.

    Attributes:
        attribute: Such as the colours of objects.
        counts: Of each value in the image (row) as it is in the reconstruction (column), [K + 1, K + 1]; last are what
            the image, or the reconstruction, does not have.
    """

    attribute: FactAttribute
    counts: Integers


@dataclass(frozen=True, kw_only=True)
class Report:
    """The contents of a report.

    Attributes:
        title: Such as "flickr8k, test: latent".
        facts: What it was measured on and how, label to text ("checkpoint", "images", "captions of each", "strategy",
            "strategy", "seed", "time", …), in the order to show.
        scores: The scores of the model by name, as `metrics.score_captions` names them, and those of the data set's own
            metrics (`caption_truth`, …), `self-retrieval/…`, `clip/…`, `PSNR`, `SSIM` and `reconstruction_facts`.
        human: The same of human captions, as far as they can be compared.
        notes: What a reader must know to read the scores.
        gallery: Sections ("Best", "Worst", "At random") of images.
        trade_off: None where it was not measured.
        traversals: Empty where they were not made.
        swaps: None where they were not made.
        explained: Images with captions that are explained word by word; none where the model cannot.
        reliability: For each way to the style, by its score's name, how sure the model is and how often it is right.
        style_words: Words that differ between the ends of the dimensions of the style.
        interpretability: None where it was not measured.
        confusions: What reconstructions show; empty where the data set cannot tell.
        drawings: Images beside drawings of their references; empty where the model cannot draw.
        config: The exact config, as YAML.
    """

    title: str
    facts: Mapping[str, str]
    scores: Mapping[str, float]
    human: Mapping[str, float]
    notes: Sequence[str]
    gallery: Mapping[str, Sequence[ShownImage]]
    trade_off: TradeOff | None
    traversals: Sequence[Traversal]
    swaps: Swaps | None
    explained: Sequence[ExplainedImage]
    reliability: Mapping[str, ReliabilityTable]
    style_words: Sequence[StyleWords]
    interpretability: Interpretability | None
    confusions: Sequence[Confusion]
    drawings: Sequence[DrawnImage]
    config: str
