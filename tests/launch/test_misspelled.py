import os

import pytest
from hydra.errors import HydraException

from launch.app import Composing
from launch.misspelled import meant_instead, mistake_in
from tests.tiny_run import compose_train
from utils.errors import FULL_ERROR, show_traceback


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("data.bath_size=3", "data.batch_size=3"),
        ("batch_size=3", "data.batch_size=3"),  # the key that ends so
        ("trainer.max_epoch=3", "trainer.max_epochs=3"),
        ("seeed=3", "seed=3"),
        ("model/decoder=lsmt", "model/decoder=lstm"),
        ("modle=timm", "model=timm"),
        ("experiment=flickr8", "experiment=flickr8k"),
    ],
)
def test_misspelled_keys_and_options_are_understood(given: str, meant: str) -> None:
    assert [*meant_instead("train", ["seed=1", given, "+new.key=1", "model/combiner=add,mult"])] == [(given, meant)]


def test_keys_of_a_chosen_option_are_known() -> None:
    assert [*meant_instead("train", ["model/encoder=timm", "model.encoder.freezen=true"])] == [
        ("model.encoder.freezen=true", "model.encoder.frozen=true")
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("model.los.beta=1", "model.los.beta=1: there is no such setting; did you mean model.loss.beta=1?"),
        ("model/decodr=lstm", "model/decodr=lstm: there is no such setting; did you mean model/decoder=lstm?"),
        ("~callbacks.metrcs", "~callbacks.metrcs: there is no such setting; did you mean ~callbacks.metrics?"),
        (
            "model.encoder.nothing=1",  # like no key beside it
            "Could not override 'model.encoder.nothing'. To append to your config use +model.encoder.nothing=1; "
            "Key 'nothing' is not in struct",
        ),
        ("xyz=1", "Could not override 'xyz'. To append to your config use +xyz=1; Key 'xyz' is not in struct"),
        (
            "model=xyz",
            "In 'train': Could not find 'model/xyz' Available options in 'model': dalle discrete_vae resnet timm",
        ),
        (
            "hydra.job.num=abc",
            "Error merging override hydra.job.num=abc; Value 'abc' of type 'str' could not be converted to Integer",
        ),
    ],
)
def test_what_cannot_be_composed_is_told_in_one_line(given: str, message: str) -> None:
    with pytest.raises(HydraException) as raised:
        compose_train([given], with_hydra=True)
    assert mistake_in("train", [given], raised.value) == message


def test_a_suggestion_is_of_the_name_that_hydra_stumbles_over() -> None:
    arguments = ["hydra.job.num=abc", "-m", "model=resnet,timm", "model.encoder.frozen=true"]  # known of one of both
    with pytest.raises(HydraException) as raised:
        compose_train(arguments[:1], with_hydra=True)
    assert mistake_in("train", arguments, raised.value).startswith("Error merging override hydra.job.num=abc; Value")


@pytest.mark.parametrize("given", [None, "0", "1"])
def test_hydra_raises_until_the_job_begins(given: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FULL_ERROR, raising=False)
    if given is not None:
        monkeypatch.setenv(FULL_ERROR, given)
    composing = Composing()
    with composing:
        assert os.environ[FULL_ERROR] == "1"
        assert not composing.has_ended
        composing.end()
        assert os.environ.get(FULL_ERROR) == given
        assert show_traceback() is (given == "1")
    assert os.environ.get(FULL_ERROR) == given
    assert composing.has_ended
