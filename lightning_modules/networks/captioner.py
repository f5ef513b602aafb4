"""The whole model on one screen: image → codes → context → words → image.

Shape legend: B images, N captions, L tokens, W words of all captions one after the other, P grid positions, D feature
width, S style, C content, X context, E embedding, H hidden, V vocabulary, R captions to reconstruct from.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn

from lightning_modules.networks.combiners import Combiner
from lightning_modules.networks.decoders import Decoder
from lightning_modules.networks.embeddings import Embedding
from lightning_modules.networks.encoders import Encoder
from lightning_modules.networks.image_decoders import ImageDecoder
from lightning_modules.networks.latents import CaptionWords, FromPosterior, LatentModel, Latents
from lightning_modules.networks.middles import Middle
from lightning_modules.networks.relaxations import Relaxation
from utils.seeding import Generators, of_captions


class CaptionerOutput(NamedTuple):
    """What a training step computes from images and their captions.

    Attributes:
        logits_WV: For each token after the prefix, but for padding, the word distribution that predicts it.
        targets_NL: Those tokens, padded.
        latents: The latents, with the distributions that they came from.
        reconstruction_RCHW: Images reconstructed from captions, in [0, 1]; None without image decoder.
        num_words_N: How many words, `<eos>` included, each caption has: how many rows of `logits_WV` are its own.
        hidden_WH: The decoder's state that each row of `logits_WV` was made of.
        features_BPD: The encoder's features of the images.
    """

    logits_WV: Tensor
    targets_NL: Tensor
    latents: Latents
    reconstruction_RCHW: Tensor | None
    num_words_N: Tensor
    hidden_WH: Tensor
    features_BPD: Tensor


class WordPredictions(NamedTuple):
    """What was predicted at each word of captions; 0, or the padding id, at padding.

    Attributes:
        log_probability_NL: log P of the word, given those before it, in nats.
        likeliest_NL: The word that was likeliest there.
        likeliest_log_probability_NL: log P of that one.
    """

    log_probability_NL: Tensor
    likeliest_NL: Tensor
    likeliest_log_probability_NL: Tensor

    @classmethod
    def of(cls, nats_WV: Tensor, tokens_NL: Tensor, is_word_NL: Tensor) -> Self:
        """Return what log P of all words, where captions have one, tells of these captions."""
        nats_W = nats_WV.gather(1, tokens_NL[is_word_NL].unsqueeze(1)).squeeze(1)
        likeliest_W = nats_WV.max(dim=-1)
        zeros_NL = nats_WV.new_zeros(tokens_NL.shape)
        return cls(
            log_probability_NL=zeros_NL.masked_scatter(is_word_NL, nats_W),
            likeliest_NL=tokens_NL.masked_scatter(is_word_NL, likeliest_W.indices),
            likeliest_log_probability_NL=zeros_NL.masked_scatter(is_word_NL, likeliest_W.values),
        )


class Captioner(nn.Module):
    """A variational captioner put together from its parts, each of which keeps its folder's contract.

    The names of both decoders begin with `decoder_`: a warm start leaves them out by that name.

    Args:
        encoder: Image to feature grid.
        latents: Feature grid to style and content codes.
        combiner: Both codes to one context.
        embedding: Words to vectors; its `padding_idx` is the padding id.
        decoder: Context and words so far to a hidden state.
        middle: Hidden state to word logits.
        relaxation: Word logits to (nearly) words.
        image_decoder: Words to an image; None to train on captions alone.
        prefix: Ids that every caption begins with; given, never predicted.
    """

    def __init__(
        self,
        *,
        encoder: Encoder,
        latents: LatentModel,
        combiner: Combiner,
        embedding: Embedding,
        decoder: Decoder,
        middle: Middle,
        relaxation: Relaxation,
        image_decoder: ImageDecoder | None,
        prefix: Sequence[int],
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.latents = latents
        self.combiner = combiner
        assert embedding.padding_idx is not None
        self.pad_id = embedding.padding_idx
        self.embedding = embedding
        self.decoder_text = decoder
        self.middle = middle
        self.relaxation = relaxation
        self.decoder_image = image_decoder
        self.prefix = tuple(prefix)

    def forward(
        self,
        features_BPD: Tensor,
        tokens_NL: Tensor,
        image_of_caption_N: Tensor,
        reconstruct_R: Tensor,
        step: int = 0,
        generators: Generators | None = None,
    ) -> CaptionerOutput:
        """Predict each word of each caption from those before it, and reconstruct the images from the predictions.

        Args:
            features_BPD: The encoder's features (`encoder(images_BCHW)`); each image is encoded once for all uses.
            tokens_NL: Captions, prefix included, padded.
            image_of_caption_N: For each caption the row of its image.
            reconstruct_R: Rows of the captions to reconstruct the image from.
            step: Training step, by which temperatures of relaxations may change.
            generators: Where each image's codes are drawn from; None for PyTorch's own generator.
        """
        targets_NL = tokens_NL[:, len(self.prefix) :]
        is_word_NL = self._is_word(targets_NL)
        latents = self.posterior(features_BPD, tokens_NL, image_of_caption_N, generators, step)
        hidden_WH = self._hidden(tokens_NL, latents)
        logits_WV = self.middle(hidden_WH)
        reconstruction_RCHW = None
        if self.decoder_image is not None:
            logits_RLV = logits_of_captions(logits_WV, is_word_NL, reconstruct_R)
            words_RLV = self.relaxation(logits_RLV, targets_NL[reconstruct_R], step)
            reconstruction_RCHW = self.decoder_image(self.embedding.mix(words_RLV), is_word_NL[reconstruct_R])
        num_words_N = is_word_NL.sum(dim=1)
        return CaptionerOutput(
            logits_WV, targets_NL, latents, reconstruction_RCHW, num_words_N, hidden_WH, features_BPD
        )

    def word_logits(self, latents: Latents, tokens_NL: Tensor) -> Tensor:
        """Return `logits_WV`, which predict captions' words from given codes; arguments as of `log_probability`."""
        logits_WV: Tensor = self.middle(self._hidden(self._with_prefix(tokens_NL), latents)).float()
        return logits_WV

    def log_probability(
        self, latents: Latents, tokens_NL: Tensor, *, changed: Callable[[Tensor, Tensor], Tensor] | None = None
    ) -> Tensor:
        """Return log P of captions from given codes, in nats: [N].

        Args:
            latents: The codes.
            tokens_NL: The captions, tokens after the prefix, padded.
            changed: From `logits_WV`, and whether each is of a first word, to those of the distribution that is asked
                for; None for the network's own.
        """
        logits_WV = self.word_logits(latents, tokens_NL)
        is_word_NL = self._is_word(tokens_NL)
        if changed is not None:
            is_first_NL = torch.arange(tokens_NL.shape[1], device=tokens_NL.device).expand_as(tokens_NL) == 0
            logits_WV = changed(logits_WV, is_first_NL[is_word_NL])
        nats_W = logits_WV.log_softmax(dim=-1).gather(1, tokens_NL[is_word_NL].unsqueeze(1)).squeeze(1)
        return nats_W.new_zeros(tokens_NL.shape).masked_scatter(is_word_NL, nats_W).sum(dim=1)

    def word_predictions(self, latents: Latents, tokens_NL: Tensor) -> WordPredictions:
        """Return what was predicted at each word of captions from given codes; arguments as of `log_probability`."""
        return WordPredictions.of(self.word_distributions(latents, tokens_NL), tokens_NL, self._is_word(tokens_NL))

    def word_distributions(self, latents: Latents, tokens_NL: Tensor) -> Tensor:
        """Return log P of all words where captions have one, `nats_WV`; arguments as of `log_probability`."""
        return self.word_logits(latents, tokens_NL).log_softmax(dim=-1)

    def attention_weights(self, latents: Latents, tokens_NL: Tensor) -> Tensor | None:
        """Return how the image's places were weighed at each word of captions, `weights_NLP`; 0 at padding.

        None without attention; arguments as of `log_probability`.
        """
        words_NLE = self.embedding(self._with_prefix(tokens_NL)[:, :-1])
        weights_NLP = self.decoder_text.attention_weights(words_NLE, self._start(latents))
        if weights_NLP is None:
            return None
        if weights_NLP.shape[-1] > self.encoder.positions:  # the others are of predicted words
            weights_NLP = weights_NLP[..., : self.encoder.positions]
            weights_NLP = weights_NLP / weights_NLP.sum(dim=-1, keepdim=True)
        return weights_NLP[:, len(self.prefix) - 1 :] * self._is_word(tokens_NL).unsqueeze(-1)

    def _hidden(self, tokens_NL: Tensor, latents: Latents) -> Tensor:
        """Return the decoder's state before each word after the prefix, which predicts that word: `hidden_WH`."""
        is_target_NL = self._is_word(tokens_NL[:, len(self.prefix) :])
        is_given_NL = is_target_NL.new_ones(len(tokens_NL), len(self.prefix) - 1)
        is_read_NL = torch.cat([is_given_NL, is_target_NL], dim=1)  # each token but the last, which predicts none
        words_WE = self.embedding(tokens_NL[:, :-1][is_read_NL])
        hidden_WH = self.decoder_text.read(words_WE, is_read_NL, self._start(latents))
        if len(self.prefix) == 1:
            return hidden_WH
        predicts_NL = torch.cat([~is_given_NL, is_target_NL], dim=1)
        return hidden_WH[predicts_NL[is_read_NL]]

    def posterior(
        self,
        features_BPD: Tensor,
        tokens_NL: Tensor,
        image_of_caption_N: Tensor,
        generators: Generators | None = None,
        step: int = 0,
        *,
        latent_scale: float = 1.0,
    ) -> Latents:
        """Sample the latents of images and human captions; arguments as for `forward` and `FromPosterior`."""
        source = FromPosterior(latent_scale, of_captions(generators, image_of_caption_N))
        caption = None
        if self.latents.reads_captions:
            targets_NL = tokens_NL[:, len(self.prefix) :]
            caption = CaptionWords(self.embedding(targets_NL), self._is_word(targets_NL))
        return self.latents(features_BPD, image_of_caption_N, source, source, caption, step)

    def start(self, latents: Latents) -> Any:
        """Return the decoder's state from which `step`, given the last token of the prefix, predicts the first word."""
        state = self._start(latents)
        style_NS = latents.style.sample
        if len(self.prefix) > 1:
            prefix_L = torch.tensor(self.prefix[:-1], device=style_NS.device)
            words_NLE = self.embedding(prefix_L).expand(style_NS.shape[0], -1, -1)
            _, state = self.decoder_text.advance(words_NLE, state)
        return state

    def step(self, tokens_N: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read one token of each caption; return `logits_NV` of the next one, and the state to go on from."""
        hidden_N1H, state = self.decoder_text.advance(self.embedding(tokens_N).unsqueeze(1), state)
        return self.middle(hidden_N1H).squeeze(1), state

    def reconstruct(self, tokens_NL: Tensor) -> Tensor:
        """Reconstruct images from finished sentences (tokens after the prefix, padded); `images_NCHW` in [0, 1].

        Raises:
            ValueError: The model has no image decoder.
        """
        if self.decoder_image is None:
            raise ValueError(
                "this model has no image decoder (model/image_decoder=none), so it cannot reconstruct images"
            )
        return self.decoder_image(self.embedding(tokens_NL), self._is_word(tokens_NL))

    def _start(self, latents: Latents) -> Any:
        context_NX = self.combiner(latents.style.sample, latents.content.sample)
        return self.decoder_text.start(context_NX, latents.memory_MPD)

    def _with_prefix(self, tokens_NL: Tensor) -> Tensor:
        prefix_NL = torch.tensor(self.prefix, device=tokens_NL.device).expand(len(tokens_NL), -1)
        return torch.cat([prefix_NL, tokens_NL], dim=1)

    def _is_word(self, tokens_NL: Tensor) -> Tensor:
        return tokens_NL.not_equal(self.pad_id)


def logits_of_captions(logits_WV: Tensor, is_word_NL: Tensor, rows_R: Tensor) -> Tensor:
    """Return the logits of some captions side by side, 0 at padding: `logits_RLV`."""
    number_NL = is_word_NL.flatten().cumsum(dim=0).view_as(is_word_NL) - 1
    is_word_RL = is_word_NL[rows_R]
    logits_RLV = logits_WV.new_zeros(*is_word_RL.shape, logits_WV.shape[-1])
    return logits_RLV.index_put((is_word_RL,), logits_WV[number_NL[rows_R][is_word_RL]])
