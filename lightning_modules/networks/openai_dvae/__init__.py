"""The discrete VAE that OpenAI has published for DALL·E, under its own names and shapes (Ramesh et al. 2021).

`openai_weights` converts the published files; everything else reads the file that it writes.
"""

from lightning_modules.networks.openai_dvae.decoder import OpenAIDecoder
from lightning_modules.networks.openai_dvae.encoder import OpenAIEncoder
from lightning_modules.networks.openai_dvae.openai_discrete_vae import OpenAIDiscreteVAE

__all__ = ["OpenAIDecoder", "OpenAIDiscreteVAE", "OpenAIEncoder"]
