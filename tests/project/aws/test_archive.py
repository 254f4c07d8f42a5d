import py_compile
from pathlib import Path

from project.aws.archive import compile_tree


def test_byte_code_is_taken_without_a_look_at_its_source(tmp_path: Path) -> None:
    source = tmp_path / "shop.py"
    source.write_text("name = 'shop'\n")
    # As pip leaves it: checked against the date of the source.
    code = Path(py_compile.compile(str(source)))
    assert code.read_bytes()[4] == 0

    compile_tree(tmp_path)

    assert code.read_bytes()[4] == 1
