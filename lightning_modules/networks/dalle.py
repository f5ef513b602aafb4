"""DALL·E on one screen: a transformer that captions images and draws captions, by the codes of a discrete VAE.

    image → text:   <image> c₁ … c_P   <bos> w₁ … w_n <eos>
    text → image:   <bos> w₁ … w_n <eos>   <image> c₁ … c_P

One sequence of two segments; the second is predicted from the first, token by token. The vocabularies of words and of
codes stay apart. Each condition is read once, however many captions or drawings follow from it.

Shape legend: B images, N captions, R captions to draw from, L tokens, W words of all captions one after the other, P
positions of the grid of codes, K codes, V vocabulary (with tokens of padding, where these are learned), H hidden.
"""

from typing import Literal, NamedTuple, Self

import torch
from torch import Tensor, nn

from lightning_modules.networks.captioner import WordPredictions
from lightning_modules.networks.discrete_vae import FrozenDiscreteVAE
from lightning_modules.networks.layers.packing import PADDED, Packing
from lightning_modules.networks.layers.segment_transformer import ReadTokens, SegmentTransformer
from lightning_modules.networks.segments import ImageSegment, TextSegment
from utils.require import require


class DALLEState(NamedTuple):
    """What is carried from one word or code to the next.

    Attributes:
        read: What the transformer has read, a row for each caption or drawing.
        position: How many tokens of the segment that is generated were read.
        begin_N1H: What the first code follows from; None where words are generated.
        table_KH: The vectors of all codes; None where words are generated.
    """

    read: ReadTokens
    position: int
    begin_N1H: Tensor | None = None
    table_KH: Tensor | None = None

    def select(self, rows: Tensor) -> Self:
        """Return the state of some rows, in that order; rows may repeat."""
        begin_N1H = None if self.begin_N1H is None else self.begin_N1H[rows]
        return type(self)(self.read.select(rows), self.position, begin_N1H, self.table_KH)


class ImageFirst(NamedTuple):
    """What was predicted of images and of their captions.

    Attributes:
        text_logits_WV: For each token of the captions after their prefix the distribution that predicts it.
        targets_NL: Those tokens, padded.
        code_logits_BPK: For each code of the images the distribution that predicts it from the codes before it alone;
            None where the codes of a condition see each other.
    """

    text_logits_WV: Tensor
    targets_NL: Tensor
    code_logits_BPK: Tensor | None


class TextFirst(NamedTuple):
    """What was predicted of captions and of the images drawn from them.

    Attributes:
        code_logits_RPK: For each code the distribution that predicts it.
        text_logits_WV: For each token of the captions after their prefix the distribution that predicts it from the
            tokens before it alone; None where the tokens of a condition see each other.
        targets_RL: Those tokens, padded.
    """

    code_logits_RPK: Tensor
    text_logits_WV: Tensor | None
    targets_RL: Tensor


class DALLE(nn.Module):
    """Captions images and draws captions (Ramesh et al. 2021, in both orders).

    Args:
        vae: The discrete VAE, which stays as it is.
        text: Words to vectors and back.
        image: Codes to vectors and back.
        transformer: Reads both.
        condition: `full`: all tokens of the first segment see each other, as in an encoder. `causal`: each sees those
            before it, as in DALL-E, and can be predicted, too.

    Attributes:
        num_codes: K.
        num_positions: P.
        grid_size: Rows and columns of the codes.

    Raises:
        ValueError: There is no such condition, or a code reader with a causal one.
    """

    def __init__(
        self,
        *,
        vae: FrozenDiscreteVAE,
        text: TextSegment,
        image: ImageSegment,
        transformer: SegmentTransformer,
        condition: Literal["full", "causal"],
    ) -> None:
        super().__init__()
        require(condition in ("full", "causal"), "model.condition", "full or causal", condition)
        if condition == "causal" and image.code_reader is not None:
            raise ValueError(
                "model.condition=causal predicts each code of an image from those before it, and a code reader sees "
                "all; choose model/code_reader=none, or model.condition=full"
            )
        self.vae = vae
        self.text = text
        self.image = image
        self.transformer = transformer
        self.causal = condition == "causal"
        self.num_codes = image.num_codes
        self.num_positions = image.num_positions
        self.grid_size = vae.grid_size

    def image_first(self, codes_BP: Tensor, tokens_NL: Tensor, image_of_caption_N: Tensor) -> ImageFirst:
        """Predict each word of captions from their images and the words before it.

        Args:
            codes_BP: The images.
            tokens_NL: The captions, prefix included, padded.
            image_of_caption_N: For each caption the row of its image.
        """
        hidden_BTH, read = self._read_image(codes_BP)
        tokens_NL = self.text.filled(tokens_NL)
        hidden_WH = self._read_captions(tokens_NL, read.select(image_of_caption_N))
        return ImageFirst(
            text_logits_WV=self.text.head(hidden_WH),
            targets_NL=tokens_NL[:, len(self.text.prefix) :],
            code_logits_BPK=self.image.logits(hidden_BTH[:, :-1]) if self.causal else None,
        )

    def text_first(self, tokens_RL: Tensor, codes_RP: Tensor) -> TextFirst:
        """Predict each code of images from their captions, prefix included, and the codes before it."""
        tokens_RL, prefix = self.text.filled(tokens_RL), len(self.text.prefix)
        hidden_RTH, state = self._read_text(tokens_RL)
        text_logits_WV = None
        if self.causal:
            hidden_RLH = hidden_RTH[:, prefix - 1 : tokens_RL.shape[1] - 1]
            text_logits_WV = self.text.head(hidden_RLH[self.text.is_token(tokens_RL)[:, prefix:]])
        return TextFirst(self._code_logits(codes_RP, state), text_logits_WV, tokens_RL[:, prefix:])

    def unconditional(self, codes_BP: Tensor) -> Tensor:
        """Predict each code of images from those before it and the caption without a word: `code_logits_BPK`."""
        _, state = self._read_text(self.text.filled(self.text.null_tokens()))
        return self._code_logits(codes_BP, state.select(codes_BP.new_zeros(len(codes_BP))))

    def word_predictions(self, codes_BP: Tensor, tokens_NL: Tensor, image_of_caption_N: Tensor) -> WordPredictions:
        """Return what was predicted at each word of captions, ids after the prefix, padded, given their images."""
        _, read = self._read_image(codes_BP)
        hidden_WH = self._read_captions(self.text.with_prefix(tokens_NL), read.select(image_of_caption_N))
        nats_WV = self.text.head(hidden_WH)[:, : self.text.vocab_size].float().log_softmax(dim=-1)
        return WordPredictions.of(nats_WV, tokens_NL, tokens_NL.ne(self.text.pad_id))

    def log_probability(self, codes_BP: Tensor, tokens_NL: Tensor, image_of_caption_N: Tensor) -> Tensor:
        """Return log P of captions given their images, in nats: [N]; arguments as of `word_predictions`."""
        return self.word_predictions(codes_BP, tokens_NL, image_of_caption_N).log_probability_NL.sum(dim=1)

    def start(self, codes_BP: Tensor) -> DALLEState:
        """Return the state from which `step`, given the last token of the prefix, predicts the first word."""
        _, read = self._read_image(codes_BP)
        before = self.text.prefix[:-1]
        if before:
            tokens_BL = torch.tensor(before, device=codes_BP.device).expand(len(codes_BP), -1)
            _, read = self.transformer(self.text.embed(tokens_BL), read, ordered=True)
        return DALLEState(read, len(before))

    def step(self, tokens_N: Tensor, state: DALLEState) -> tuple[Tensor, DALLEState]:
        """Read one token of each caption; return `logits_NV` of the next word, and the state to go on from."""
        x_N1H = self.text.embed(tokens_N.unsqueeze(1), state.position)
        hidden_N1H, read = self.transformer(x_N1H, state.read, ordered=True)
        logits_NV: Tensor = self.text.head(hidden_N1H).squeeze(1)
        return logits_NV[:, : self.text.vocab_size], DALLEState(read, state.position + 1)

    def start_drawing(self, tokens_RL: Tensor) -> DALLEState:
        """Read captions, prefix included, padded; return the state from which `step_drawing` predicts the codes."""
        return self._read_text(self.text.filled(tokens_RL))[1]

    def step_drawing(self, codes_R: Tensor | None, state: DALLEState) -> tuple[Tensor, DALLEState]:
        """Read one code of each drawing; return `logits_RK` of the next, and the state to go on from.

        Args:
            codes_R: The codes; None for the begin of the images.
            state: Of `start_drawing`, or of the step before.
        """
        assert state.begin_N1H is not None, "a state of `start_drawing`"
        assert state.table_KH is not None, "a state of `start_drawing`"
        if codes_R is None:
            x_R1H, position = state.begin_N1H, 0
        else:
            x_R1H = self.image.embed(codes_R.unsqueeze(1), state.table_KH, state.position)
            position = state.position + 1
        hidden_R1H, read = self.transformer(x_R1H, state.read, ordered=True)
        return self.image.logits(hidden_R1H, position).squeeze(1), state._replace(read=read, position=position)

    def null_tokens(self) -> Tensor:
        """Return the caption without a word, [1, L]: drawings from it are drawings of nothing in particular."""
        return self.text.null_tokens()

    def encode(self, images_BCHW: Tensor) -> Tensor:
        """Return `codes_BP` of `uint8` images, row by row (see `FrozenDiscreteVAE.codes`)."""
        return self.vae.codes(images_BCHW)

    def decode(self, codes_BP: Tensor) -> Tensor:
        """Return the images of codes: [B, 3, H, W], in [0, 1] (see `FrozenDiscreteVAE.decode`)."""
        return self.vae.decode(codes_BP)

    def _table(self) -> Tensor:
        """Return the vectors of all codes, `table_KH`."""
        table_KH: Tensor = self.image.code_embedding(self.vae.code_vectors())
        return table_KH

    def _read_image(self, codes_BP: Tensor) -> tuple[Tensor, ReadTokens]:
        """Read images that captions follow from; return the state of each token, <image> first, and what was read."""
        if self.causal:  # code by code, so that each can be predicted
            x_BTH = torch.cat([self.image.begin(len(codes_BP)), self.image.embed(codes_BP, self._table())], dim=1)
        else:
            x_BTH = self.image.read(codes_BP, self._table(), lambda: self.vae.decode(codes_BP))
        hidden_BTH, read = self.transformer(x_BTH, self.transformer.nothing(len(codes_BP)), ordered=self.causal)
        return hidden_BTH, read

    def _read_text(self, tokens_RL: Tensor) -> tuple[Tensor, DALLEState]:
        """Read filled captions that images follow from; return the state of each token, and what to go on from.

        With learned padding there is no <image>: the first code follows from the last token, which is always there.
        """
        x_RLH, begin_R1H, packing = self.text.embed(tokens_RL), self.image.begin(len(tokens_RL)), PADDED
        if self.text.learned_padding:
            x_RLH, begin_R1H = x_RLH[:, :-1], x_RLH[:, -1:]
        else:
            packing = Packing(self.text.is_token(tokens_RL))
        nothing = self.transformer.nothing(len(tokens_RL))
        hidden_WH, read = self.transformer(packing.pack(x_RLH), nothing, ordered=self.causal, packing=packing)
        return packing.pad(hidden_WH), DALLEState(read, 0, begin_R1H, self._table())

    def _code_logits(self, codes_RP: Tensor, state: DALLEState) -> Tensor:
        """Predict all codes of images at once, where `step_drawing` does so one by one: `code_logits_RPK`."""
        assert state.begin_N1H is not None
        assert state.table_KH is not None
        x_RPH = torch.cat([state.begin_N1H, self.image.embed(codes_RP[:, :-1], state.table_KH)], dim=1)
        return self.image.logits(self.transformer(x_RPH, state.read, ordered=True)[0])

    def _read_captions(self, tokens_NL: Tensor, read: ReadTokens) -> Tensor:
        """Read filled captions; return the state before each of their tokens after the prefix: `hidden_WH`."""
        is_read_NL = self.text.is_token(tokens_NL)[:, 1:]  # the last token is not read
        packing = Packing(is_read_NL)
        x_WH = packing.pack(self.text.embed(tokens_NL[:, :-1]))
        hidden_WH, _ = self.transformer(x_WH, read, ordered=True, packing=packing)
        return hidden_WH[is_read_NL.nonzero()[:, 1] >= len(self.text.prefix) - 1]
