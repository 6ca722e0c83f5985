"""A labels.csv of whatever spreadsheet; what is wrong in it is one line with the file and the row."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streammood.errors import DataError
from streammood.training import datasets
from streammood.training.label_table import read_rows

HEAD = "file,label,artist,valence,arousal\n"


def refused(tmp_path: Path, content: str | bytes) -> str:
    path = tmp_path / "labels.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", errors="surrogatepass"))
    with pytest.raises(DataError) as caught:
        datasets.read(tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message.removeprefix(str(tmp_path))) < 300
    return message


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("a.wav,happy\n", ["line 2", "2 cells", "5 columns"]),
        ("a.wav,happy,x,0.5,0.5\nb.wav,sad,x,0.5,0.5,7\n", ["line 3", "6 cells"]),
        ("a.wav,happy,x,0.5,much\n", ["line 2", "`arousal`", "-1..1", "`much`"]),
        ("a.wav,happy,x,1e999,0.5\n", ["line 2", "`valence`", "-1..1"]),
        ("a.wav,happy,x,nan,0.5\n", ["line 2", "`valence`"]),
        (f"a.wav,happy,x,{'9' * 9000},0.5\n", ["line 2", "`valence`"]),
        (",happy,x,0.5,0.5\n", ["line 2", "`file`"]),
        ("a\0.wav,happy,x,0.5,0.5\n", ["line 2", "`file`"]),
        ('"a\nb.wav",happy,x,0.5,0.5\n', ["line 3", "`file`"]),
        ("", ["header", "a line for each clip"]),
    ],
)
def test_what_is_wrong_is_named_with_its_row(tmp_path: Path, rows: str, told: list[str]) -> None:
    message = refused(tmp_path, HEAD + rows)
    for part in ["labels.csv", *told]:
        assert part in message


def test_a_table_in_latin_1_names_its_line(tmp_path: Path) -> None:
    assert "labels.csv, line 2: is not UTF-8" in refused(tmp_path, (HEAD + "süß.wav,happy,x,0,0\n").encode("latin-1"))


def test_a_bad_number_in_a_known_set_is_one_line_too(tmp_path: Path) -> None:
    (tmp_path / "deam_10s").mkdir()
    (tmp_path / "deam_10s" / "labels.csv").write_text("file,valence,arousal\na.wav,0.1,loud\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"labels.csv, line 2: `arousal` must be a number, got `loud`"):
        datasets.read(tmp_path)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_any_spreadsheet_writes_a_table_that_is_read(tmp_path: Path, separator: str, mark: str) -> None:
    path = tmp_path / "labels.csv"
    lines = [("file", "label", "artist"), ("a.wav", "happy", "x"), ('"b, c.wav"', "sad", "")]
    path.write_text(mark + "\r\n".join(separator.join(line) for line in lines) + "\r\n\r\n", encoding="utf-8")
    assert [dict(row) for row in read_rows(path)] == [
        {"file": "a.wav", "label": "happy", "artist": "x"},
        {"file": "b, c.wav", "label": "sad", "artist": ""},
    ]


CELLS = st.lists(st.sampled_from('file,;"\n\r\t1aü')).map("".join)


@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.text(max_size=300) | st.binary(max_size=300) | CELLS)
def test_any_bytes_are_rows_or_one_line(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "labels.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", errors="surrogatepass"))
    try:
        read = all(row["file"] for row in read_rows(path))
    except DataError as error:
        read = "\n" not in str(error)
    assert read
