"""The parts of a model that captions images, as exporters and the runner know them.

Shape legend: B images, N captions, C channels, H rows, W columns, P positions of the encoder's grid, D features of a
position, S style, L tokens, V vocabulary.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from torch import Tensor, nn

NoiseKind = Literal["normal", "uniform", "gumbel"]


class Part(NamedTuple):
    """A piece of a model that is exported by itself.

    Attributes:
        module: From the inputs, in their order, to a tensor or a tuple of tensors.
        inputs: Their names, and examples, whose sizes along dynamic axes are at least 2 and differ.
        outputs: Their names.
        dynamic: For each input the axes of any size, and what each counts, such as `{0: "batch"}`.
        longest: For a dynamic axis, by what it counts, the largest size; left out where any will do.
    """

    module: nn.Module
    inputs: Mapping[str, Tensor]
    outputs: tuple[str, ...]
    dynamic: Mapping[str, Mapping[int, str]]
    longest: Mapping[str, int] = {}


class NoiseInput(NamedTuple):
    """Random numbers that the codes are sampled with, one row for each sample.

    Attributes:
        name: The input of `codes`.
        kind: `normal`, standard normal numbers times the latent scale; `uniform`, in [0, 1); `gumbel`, uniform numbers
            whose logarithm is multiplied: exp(−(−log u)^latent_scale), so that choices are from p^(1 / latent_scale).
        shape: Of a row.
    """

    name: str
    kind: NoiseKind
    shape: tuple[int, ...]


class ExportedModel(NamedTuple):
    """All parts of a model, by name, and what a runner must know to put them together.

    These parts are called in turn:

    - `encoder`: `images` (`uint8`, [B, C, H, W]) to `features`, [B, P, D].
    - `codes`: `features`, a row for each sample, with `style_scale` and `content_scale` (one number each; 0 takes the
      means), and `noise`, to `style`, `content` and `memory`, a row for each sample.
    - `components`, where the prior of the style is a mixture: `features` to `log_weight`, [B, K], and to `style`,
      `content` and `memory` of the K means, image by image; a runner finds the one that the likeliest caption has.
    - `start`: these three to the decoder's state: first what is `fixed`, then what is `carried`.
    - `step`: `tokens` ([N]; at first `first_id`) and the state to `logits` of the next word, [N, V], and what is
      carried, as `next_…`.
    - `image_decoder`, where there is one: `tokens` after the prefix, padded, [N, L], to `images` in [0, 1].

    Attributes:
        parts: The parts.
        noise: In the order in which they are drawn.
        fixed: Names of the state's tensors that stay the same.
        carried: Names of those that each word changes.
        first_id: The token that is read first.
    """

    parts: Mapping[str, Part]
    noise: tuple[NoiseInput, ...]
    fixed: tuple[str, ...]
    carried: tuple[str, ...]
    first_id: int
