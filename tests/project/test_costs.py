"""The guide's cost table is what the script computes from the figures that stand in it."""

from benchmarks.costs import GUIDE, MOST_DOLLARS, TABLE, Measured


def test_the_table_follows_from_its_figures_and_stays_below_the_limit() -> None:
    found = TABLE.search(GUIDE.read_text(encoding="utf-8"))
    assert found is not None
    rows = {
        cells[0].strip("* "): [cell.strip("* ").replace(",", "") for cell in cells[1:]]
        for line in found[0].splitlines()
        if line.startswith("|") and (cells := [cell.strip() for cell in line.strip("|").split("|")])
    }
    for column in range(3):
        measured = Measured(
            processor_ms=float(rows["processor, ms"][column]),
            round_trips=float(rows["round trips to DynamoDB"][column]),
            read_units=float(rows["read units"][column]),
            write_units=float(rows["write units"][column]),
            answer_bytes=float(rows["bytes answered"][column]),
            log_bytes=float(rows["bytes logged"][column]),
        )
        dollars = measured.dollars(1024)
        for part, value in dollars.items():
            assert abs(value - float(rows[part][column])) < 0.02, part
        together = float(rows["together"][column])
        assert abs(sum(dollars.values()) - together) < 0.03
        assert together <= MOST_DOLLARS
