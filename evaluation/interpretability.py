"""What the codes of human captions know: probes, and disentanglement against factors of the data.

Shape legend: N captions, image by image, S style, C content.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from datamodules.caption_datamodule import CaptionDataModule
from datamodules.split import CaptionSplit
from evaluation.generate_split import EncodedBatch
from evaluation.report.contents import ProbedFactor
from lightning_modules import CaptioningModule
from metrics.disentanglement import dci, mig, modularity, sap
from metrics.factor import Factor, Floats, Integers
from metrics.probes import Probed, linear_probe, mlp_probe
from utils.progress import progress_bar
from utils.seeding import generators_of_images, image_digests


class CaptionCodes(NamedTuple):
    """The codes of the human captions of some images: the means of their posteriors.

    Attributes:
        style_NS: Of q(S|I,w), or of q(S|I) where the posterior reads no captions.
        content_NC: Of q(C|I,S), with S as it is drawn in training.
        number_N: Which of the split's images each caption is of, from 0.
        captions: The captions.
    """

    style_NS: Tensor
    content_NC: Tensor
    number_N: Integers
    captions: list[str]


def codes_of_captions(
    captioner: CaptioningModule, batches: Sequence[EncodedBatch], split: CaptionSplit, *, seed: int
) -> CaptionCodes:
    """Return the codes of all human captions of images; those of an image depend on it and the seed alone."""
    style, content = [], []
    numbers: list[int] = []
    texts: list[str] = []
    for batch in batches:
        captions = [split.captions[number] for number in batch.numbers]
        generators = generators_of_images(seed, image_digests(batch.images_BCHW), "loss")
        latents = captioner.latents_of_captions(batch.features_BPD, captions, generators=generators)
        style.append(latents.style.posterior.mean)
        content.append(latents.content.posterior.mean)
        for number, of_image in zip(batch.numbers, captions, strict=True):
            numbers += [number] * len(of_image)
            texts += of_image
    return CaptionCodes(torch.cat(style), torch.cat(content), np.array(numbers), texts)


def probe_codes(
    codes: CaptionCodes, datamodule: CaptionDataModule, split: CaptionSplit, *, seed: int
) -> list[ProbedFactor]:
    """Probe both codes for each factor that varies, first those of captions, then those of images.

    Images are split into halves, never the captions of one.
    """
    of_captions = [(factor, "caption") for factor in datamodule.caption_factors(codes.captions)]
    of_images = [(factor, "image") for factor in factors_of_images(codes, datamodule, split)]
    factors = [(factor, of) for factor, of in (*of_captions, *of_images) if factor.varies]
    style_NS, content_NC = _as_array(codes.style_NS), _as_array(codes.content_NC)
    found = []
    for factor, of in progress_bar(factors, desc="probes", unit="factor"):
        linear, mlp = (
            [probe(code_NZ, factor.labels_N, codes.number_N, seed=seed) for code_NZ in (style_NS, content_NC)]
            for probe in (linear_probe, mlp_probe)
        )
        found.append(_probed(factor, of, linear, mlp))
    return found


def disentanglement_of(
    codes: CaptionCodes, datamodule: CaptionDataModule, split: CaptionSplit, *, seed: int
) -> dict[str, dict[str, float]]:
    """Return for each code its MIG, SAP, DCI and modularity against the generative factors that vary.

    The factors are those of the images where they are known, otherwise those of the captions. Nothing where there are
    fewer than two.
    """
    known = factors_of_images(codes, datamodule, split) or datamodule.caption_factors(codes.captions)
    factors = [factor for factor in known if factor.is_generative and factor.varies]
    if len(factors) < 2:
        return {}
    factors_NF = np.stack([factor.labels_N for factor in factors], axis=1)
    code_of = {"style": codes.style_NS, "content": codes.content_NC}
    found = {}
    for name, code_NZ in progress_bar(code_of.items(), desc="disentanglement", unit="code"):
        found[name] = _disentanglement(_as_array(code_NZ), factors_NF, codes.number_N, seed)
    return found


def factors_of_images(codes: CaptionCodes, datamodule: CaptionDataModule, split: CaptionSplit) -> list[Factor]:
    """Return the factors of each caption's image."""
    numbers, row_N = np.unique(codes.number_N, return_inverse=True)
    factors = datamodule.image_factors([split.image_ids[number] for number in numbers.tolist()])
    return [factor.select(row_N) for factor in factors]


def _disentanglement(codes_NZ: Floats, factors_NF: Integers, number_N: Integers, seed: int) -> dict[str, float]:
    of_dci = dci(codes_NZ, factors_NF, number_N, seed=seed)
    return {
        "mig": mig(codes_NZ, factors_NF),
        "sap": sap(codes_NZ, factors_NF),
        "dci_disentanglement": of_dci.disentanglement,
        "dci_completeness": of_dci.completeness,
        "dci_informativeness": of_dci.informativeness,
        "modularity": modularity(codes_NZ, factors_NF),
    }


def _probed(factor: Factor, of: str, linear: Sequence[Probed], mlp: Sequence[Probed]) -> ProbedFactor:
    (style, content), (style_mlp, content_mlp) = linear, mlp
    return ProbedFactor(
        factor.name,
        of,
        num_classes=style.num_classes,
        majority=style.majority,
        style_linear=style.accuracy,
        style_mlp=style_mlp.accuracy,
        content_linear=content.accuracy,
        content_mlp=content_mlp.accuracy,
    )


def _as_array(codes_NZ: Tensor) -> Floats:
    return codes_NZ.double().cpu().numpy()
