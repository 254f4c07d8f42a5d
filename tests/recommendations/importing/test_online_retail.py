"""The bundled data set is what its script makes, and its names read well."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from core.validation import validate
from recommendations.entities import EventInput, Item
from recommendations.fixtures import make_online_retail as script

FIXTURES = Path(script.__file__).parent
SAMPLE = """\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536366,22633,HAND WARMER UNION JACK,6,2010-12-01 08:28:00,1.85,17850.0,United Kingdom
536365,85123A,WHITE HANGING HEART T-LIGHT HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
536365,85123A,WHITE HANGING HEART T-LIGHT HOLDER,2,2010-12-01 08:27:00,2.55,17850.0,United Kingdom
536365,85123A,CREAM HANGING HEART T-LIGHT HOLDER,1,2010-12-01 08:26:00,2.95,17850.0,United Kingdom
C536379,22633,HAND WARMER UNION JACK,-1,2010-12-01 09:41:00,1.85,14527.0,United Kingdom
536370,POST,POSTAGE,3,2010-12-01 08:45:00,18.00,12583.0,France
536371,22633,HAND WARMER UNION JACK,1,2010-12-01 09:00:00,1.85,,United Kingdom
536372,22633,HAND WARMER UNION JACK,0,2010-12-01 09:00:00,1.85,17850.0,United Kingdom
536373,22633,HAND WARMER UNION JACK,1,2010-12-01 09:00:00,0.0,17850.0,United Kingdom
536374,23444,Next Day Carriage,1,2010-12-01 09:00:00,15.00,17850.0,United Kingdom
"""


def read(path: Path) -> list[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def test_the_script_makes_the_documented_result(tmp_path: Path) -> None:
    source = tmp_path / "sample.csv"
    source.write_text(SAMPLE)

    script.main([str(source), "--output", str(tmp_path)])

    first = (tmp_path / script.EVENTS).read_bytes()
    assert read(tmp_path / script.EVENTS) == [
        {
            "event_id": "o-536365",
            "user_id": "17850",
            "type": "purchase",
            "timestamp": "2010-12-01T08:26:00Z",
            "order_id": "536365",
            "items": [
                {"item_id": "85123A", "quantity": 8, "price": "2.55"},
                {"item_id": "85123A", "quantity": 1, "price": "2.95"},
            ],
        },
        {
            "event_id": "o-536366",
            "user_id": "17850",
            "type": "purchase",
            "timestamp": "2010-12-01T08:28:00Z",
            "order_id": "536366",
            "items": [{"item_id": "22633", "quantity": 6, "price": "1.85"}],
        },
    ]
    assert read(tmp_path / script.ITEMS) == [
        {"item_id": "22633", "name": "Hand Warmer Union Jack", "price": "1.85", "currency": "GBP"},
        {
            "item_id": "85123A",
            "name": "White Hanging Heart T-Light Holder",
            "price": "2.55",
            "currency": "GBP",
            "categories": ["Candles and lights"],
        },
    ]
    script.main([str(source), "--output", str(tmp_path)])
    assert (tmp_path / script.EVENTS).read_bytes() == first


def test_an_invoice_of_too_many_lines_is_split() -> None:
    rows = [
        {
            "InvoiceNo": "1", "StockCode": f"{code:05}", "Quantity": "1", "UnitPrice": "1.0",
            "InvoiceDate": "2010-12-01 08:26:00", "CustomerID": "1.0",
        }
        for code in range(5)
    ]  # fmt: skip

    found = list(script.make_events(rows, max_lines=2))

    assert [(event["event_id"], len(event["items"])) for event in found] == [
        ("o-1", 2), ("o-1-2", 2), ("o-1-3", 1),
    ]  # fmt: skip
    assert {event["order_id"] for event in found} == {"1"}


@pytest.mark.parametrize(
    ("description", "name"),
    [
        ("WHITE HANGING HEART T-LIGHT HOLDER", "White Hanging Heart T-Light Holder"),
        ("SET OF 6  T-LIGHTS SANTA", "Set of 6 T-Lights Santa"),
        ("POLYESTER FILLER PAD 65CMx65CM", "Polyester Filler Pad 65cmx65cm"),
        ("AIRLINE LOUNGE,METAL SIGN", "Airline Lounge, Metal Sign"),
        ("TV DINNER TRAY AIR HOSTESS ", "TV Dinner Tray Air Hostess"),
        ("BOYS CHILDREN'S APRON", "Boys Children's Apron"),
        ("3D DOG PICTURE PLAYING CARDS", "3D Dog Picture Playing Cards"),
        ("LUNCH BAG  BLACK SKULL.", "Lunch Bag Black Skull"),
    ],
)
def test_names_read_well(description: str, name: str) -> None:
    assert script.display_name(description) == name


def test_the_bundled_files_are_complete_valid_and_small() -> None:
    items = {row["item_id"]: validate(Item, row) for row in read(FIXTURES / script.ITEMS)}
    events = [validate(EventInput, row) for row in read(FIXTURES / script.EVENTS)]

    assert len(events) == 18_402
    assert len(items) == 3_657
    assert len({event.user_id for event in events}) == 4_334
    assert items["85123A"].name == "White Hanging Heart T-Light Holder"
    assert {line.item_id for event in events for line in event.items} == items.keys()
    assert sum((FIXTURES / name).stat().st_size for name in (script.ITEMS, script.EVENTS)) < 4e6
