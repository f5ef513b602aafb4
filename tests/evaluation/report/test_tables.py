from evaluation.report.tables import markdown_table, score_sections

SCORES = {"coco/CIDEr-D": 1.2, "B/vocabulary": 1432.0, "PSNR": 14.5}


def test_markdown_has_a_bold_row_before_each_section() -> None:
    assert markdown_table(SCORES, {"coco/CIDEr-D": 0.9, "B/vocabulary": 2000.0}) == (
        "Accuracies × 100, all else as it is.\n\n"
        "| score | model | human |\n"
        "| --- | ---: | ---: |\n"
        "| **Accuracy of the first caption** |  |  |\n"
        "| coco/CIDEr-D | 120.0 | 90.0 |\n"
        "| **Diversity by protocol B, all captions** |  |  |\n"
        "| B/vocabulary | 1,432 | 2,000 |\n"
        "| **Other measures** |  |  |\n"
        "| PSNR | 14.500 | - |\n"
    )


def test_people_have_a_column_only_if_they_were_scored() -> None:
    assert "| score | model |\n| --- | ---: |\n" in markdown_table(SCORES, {})
    assert [len(row.cells) for section in score_sections(SCORES, {}) for row in section.rows] == [1, 1, 1]


def test_what_only_people_have_is_shown_too() -> None:
    (section,) = score_sections({}, {"coco/METEOR": 0.2})
    assert [(row.name, list(row.cells)) for row in section.rows] == [("coco/METEOR", ["-", "20.0"])]
