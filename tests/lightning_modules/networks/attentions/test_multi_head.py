import math

import pytest
import torch

from lightning_modules.networks.attentions import MultiHeadAttention


@torch.no_grad()
def test_by_brute_force() -> None:
    attention = MultiHeadAttention(width=6, positions=5, hidden_size=8, num_heads=2)
    places_NPD, hidden_NLH = torch.randn(2, 5, 6), torch.randn(2, 3, 8)
    memory_NKPhh = attention.project_memory(places_NPD)
    seen_NLH, weights_NLP = attention(hidden_NLH, memory_NKPhh), attention.weights(hidden_NLH, memory_NKPhh)
    assert weights_NLP.shape == (2, 3, 5)
    key_rows, value_rows = attention.key_value.weight.view(2, 2, 4, 6).transpose(0, 1)
    key_bias, value_bias = attention.key_value.bias.view(2, 2, 4).transpose(0, 1)
    for n in range(2):
        place_PD = places_NPD[n] + attention.position_PD
        for t in range(3):
            query_KF = attention.query(attention.norm(hidden_NLH[n, t])).view(2, 4)
            answer, mean_P = [], torch.zeros(5)
            for head in range(2):
                key_PF = place_PD @ key_rows[head].T + key_bias[head]
                value_PF = place_PD @ value_rows[head].T + value_bias[head]
                weights = [math.exp(float(query_KF[head] @ key_F) / math.sqrt(4)) for key_F in key_PF]
                mean_P += torch.tensor(weights) / sum(weights) / 2
                answer.append(sum(w / sum(weights) * value_F for w, value_F in zip(weights, value_PF, strict=True)))
            expected_H = hidden_NLH[n, t] + attention.out(torch.cat(answer))
            torch.testing.assert_close(seen_NLH[n, t], expected_H)
            torch.testing.assert_close(weights_NLP[n, t], mean_P)


def test_places_with_the_same_features_are_told_apart() -> None:
    attention = MultiHeadAttention(width=6, positions=5, hidden_size=8)
    memory_MKPhh = attention.project_memory(torch.ones(1, 5, 6))
    assert torch.cdist(memory_MKPhh[0, 0], memory_MKPhh[0, 0]).fill_diagonal_(1).min() > 0


def test_heads_share_the_width() -> None:
    with pytest.raises(ValueError, match=r"model.attention.num_heads must divide model.decoder.hidden_size=8, got 3"):
        MultiHeadAttention(width=6, positions=5, hidden_size=8, num_heads=3)
