import torch

from lightning_modules import VariationalCaptioner
from lightning_modules.exploration import generate_in_styles
from lightning_modules.generation import Greedy, Latent
from utils.seeding import generators_of


def test_the_mean_comes_first_and_the_others_are_those_of_latent_generation(
    captioner: VariationalCaptioner, features_BPD: torch.Tensor
) -> None:
    found = generate_in_styles(captioner, features_BPD, generators_of([4, 7]), num=3, max_length=9)
    strategy = Latent(num=3, max_length=9)
    drawn = captioner.generate(features_BPD, strategy, generators=generators_of([4, 7])).captions
    of_means = captioner.generate(features_BPD, Greedy(max_length=9)).captions
    assert found == [[*of_means[row], *drawn[row]] for row in range(2)]


def test_an_image_has_the_same_styles_beside_others_and_alone(
    captioner: VariationalCaptioner, features_BPD: torch.Tensor
) -> None:
    both = generate_in_styles(captioner, features_BPD, generators_of([4, 7]), num=3, max_length=9)
    second = generate_in_styles(captioner, features_BPD[1:], generators_of([7]), num=3, max_length=9)
    assert second == both[1:]
