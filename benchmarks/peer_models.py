"""The captioners that ours is compared with: as a tutorial would write them, and that of `transformers`.

Each takes the same batch: features of images as a frozen encoder gives them, and captions padded to the longest; the
images' captions stand side by side, so that each caption gets a copy of its image's features, as in a batch of pairs.

Shape legend: B images, N captions, L tokens, P grid positions, D feature width, H hidden, V vocabulary.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn


class PeerSizes(NamedTuple):
    """What all models have in common."""

    words: int
    width: int
    feature_width: int
    layers: int = 3
    heads: int = 4
    dropout: float = 0.3
    longest: int = 64


class AttentionLSTM(nn.Module):
    """A cell that looks at the image before each word (Xu et al. 2015), word by word over the captions that go on.

    As the tutorials on image captioning have it: captions sorted by length, additive attention, `nn.LSTMCell`.
    """

    def __init__(self, sizes: PeerSizes) -> None:
        super().__init__()
        width = sizes.width
        self.embedding = nn.Embedding(sizes.words, width, padding_idx=0)
        self.project = nn.Linear(sizes.feature_width, width)
        self.encoder_attention = nn.Linear(width, width)
        self.decoder_attention = nn.Linear(width, width)
        self.full_attention = nn.Linear(width, 1)
        self.cell = nn.LSTMCell(2 * width, width)
        self.initial_hidden = nn.Linear(width, width)
        self.initial_cell = nn.Linear(width, width)
        self.gate = nn.Linear(width, width)
        self.dropout = nn.Dropout(sizes.dropout)
        self.to_words = nn.Linear(width, sizes.words)

    def forward(self, features_NPD: Tensor, tokens_NL: Tensor) -> Tensor:
        """Return `logits_NLV` of the word after each token."""
        lengths_N, order_N = (tokens_NL != 0).sum(dim=1).sort(descending=True)
        memory_NPH = self.project(features_NPD[order_N])
        words_NLH = self.embedding(tokens_NL[order_N])
        mean_NH = memory_NPH.mean(dim=1)
        hidden_NH, cell_NH = self.initial_hidden(mean_NH), self.initial_cell(mean_NH)
        logits_NLV = mean_NH.new_zeros(*tokens_NL.shape, self.to_words.out_features)
        for place in range(tokens_NL.shape[1]):
            left = int((lengths_N > place).sum())
            memory, hidden = memory_NPH[:left], hidden_NH[:left]
            energy = torch.relu(self.encoder_attention(memory) + self.decoder_attention(hidden).unsqueeze(1))
            weights = self.full_attention(energy).softmax(dim=1)
            seen = torch.sigmoid(self.gate(hidden)) * (weights * memory).sum(dim=1)
            hidden_NH, cell_NH = self.cell(torch.cat([words_NLH[:left, place], seen], dim=1), (hidden, cell_NH[:left]))
            logits_NLV[:left, place] = self.to_words(self.dropout(hidden_NH)).to(logits_NLV.dtype)
        return logits_NLV[order_N.argsort()]


class TorchTransformer(nn.Module):
    """`torch.nn.TransformerDecoder` between an embedding with positions and a linear layer."""

    def __init__(self, sizes: PeerSizes) -> None:
        super().__init__()
        self.embedding = nn.Embedding(sizes.words, sizes.width, padding_idx=0)
        self.position_LH = nn.Parameter(0.02 * torch.randn(sizes.longest, sizes.width))
        self.project = nn.Linear(sizes.feature_width, sizes.width)
        layer = nn.TransformerDecoderLayer(
            sizes.width, sizes.heads, 4 * sizes.width, sizes.dropout, "gelu", batch_first=True, norm_first=True
        )
        self.decoder = nn.TransformerDecoder(layer, sizes.layers, nn.LayerNorm(sizes.width))
        self.dropout = nn.Dropout(sizes.dropout)
        self.to_words = nn.Linear(sizes.width, sizes.words)

    def forward(self, features_NPD: Tensor, tokens_NL: Tensor) -> Tensor:
        """Return `logits_NLV` of the word after each token."""
        length = tokens_NL.shape[1]
        later_LL = torch.ones(length, length, dtype=torch.bool, device=tokens_NL.device).triu(1)
        words_NLH = self.dropout(self.embedding(tokens_NL) + self.position_LH[:length])
        hidden_NLH = self.decoder(
            words_NLH,
            self.project(features_NPD),
            tgt_mask=later_LL,
            tgt_key_padding_mask=tokens_NL == 0,
            tgt_is_causal=True,
        )
        logits_NLV: Tensor = self.to_words(hidden_NLH)
        return logits_NLV


class HuggingFace(nn.Module):
    """`VisionEncoderDecoderModel` with a GPT-2 that attends to the image; its own encoder is passed over."""

    def __init__(self, sizes: PeerSizes) -> None:
        super().__init__()
        from transformers import GPT2Config, GPT2LMHeadModel, VisionEncoderDecoderModel, ViTConfig, ViTModel

        encoder = ViTModel(
            ViTConfig(
                hidden_size=sizes.feature_width,
                num_hidden_layers=1,
                num_attention_heads=sizes.heads,
                intermediate_size=4,
            )
        )
        decoder = GPT2LMHeadModel(
            GPT2Config(
                vocab_size=sizes.words,
                n_positions=sizes.longest,
                n_embd=sizes.width,
                n_layer=sizes.layers,
                n_head=sizes.heads,
                add_cross_attention=True,
                resid_pdrop=sizes.dropout,
                embd_pdrop=sizes.dropout,
                attn_pdrop=0.0,
                use_cache=False,
                bos_token_id=1,
                eos_token_id=2,
                pad_token_id=0,
            )
        )
        self.model: Any = VisionEncoderDecoderModel(encoder=encoder, decoder=decoder)
        self.model.encoder.requires_grad_(False)

    def forward(self, features_NPD: Tensor, tokens_NL: Tensor) -> Tensor:
        """Return `logits_NLV` of the word after each token."""
        from transformers.modeling_outputs import BaseModelOutput

        logits_NLV: Tensor = self.model(
            encoder_outputs=BaseModelOutput(last_hidden_state=features_NPD),
            decoder_input_ids=tokens_NL,
            decoder_attention_mask=tokens_NL != 0,
        ).logits
        return logits_NLV


PEERS: dict[str, type[nn.Module]] = {
    "attention LSTM of tutorials": AttentionLSTM,
    "transformers: VisionEncoderDecoder with GPT-2": HuggingFace,
    "torch.nn.TransformerDecoder": TorchTransformer,
}
