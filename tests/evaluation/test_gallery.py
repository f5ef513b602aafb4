from evaluation.gallery import choose


def test_the_best_fall_the_worst_rise_and_some_are_drawn() -> None:
    means = [0.3, 0.9, 0.1, 0.5, 0.7]
    sections = choose(means, 2, seed=0)
    assert sections["Best"] == [1, 4]
    assert sections["Worst"] == [2, 0]
    drawn = {tuple(choose(means, 2, seed=seed)["At random"]) for seed in range(30)}
    assert all(len({*places}) == 2 and [*places] == sorted(places) for places in drawn)
    assert len(drawn) > 5
    assert choose(means, 2, seed=3) == choose(means, 2, seed=3)


def test_few_images_are_all_shown() -> None:
    assert choose([0.2, 0.1], 6, seed=0) == {"Best": [0, 1], "Worst": [1, 0], "At random": [0, 1]}
    assert choose([0.2, 0.1], 0, seed=0) == {"Best": [], "Worst": [], "At random": []}
