"""Which encoding and which delimiter a text file has: found by trying all of its bytes."""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

CHUNK = 1 << 20
SAMPLE = 1 << 16
ROWS_TO_COMPARE = 60
DELIMITERS = (",", ";", "\t", "|", "\x1f")
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
GB_2312, GB_2312_TRAIL = range(0xB0, 0xF8), 0xA1
CHINESE_SHARE = 0.6
UTF8_SHARE = 0.98


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _decodes(path: Path, encoding: str) -> bool:
    """Whether every byte of the file is one of the encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for chunk in _chunks(path):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _with_high_bytes(path: Path) -> bytes:
    """A sample of the lines that are not ASCII, from all over the file."""
    kept = bytearray()
    rest = b""
    for chunk in _chunks(path):
        lines = (rest + chunk).split(b"\n")
        rest = lines.pop()[-SAMPLE:]
        for line in lines:
            if not line.isascii():
                kept += line + b"\n"
                if len(kept) > SAMPLE:
                    return bytes(kept)
    if not rest.isascii():
        kept += rest
    return bytes(kept)


def _mostly_utf8(sample: bytes) -> bool:
    """Some bytes are broken, but nearly all that is not ASCII is sound UTF-8."""
    text = sample.decode("utf-8", errors="replace")
    odd = [character for character in text if not character.isascii()]
    return bool(odd) and odd.count("\ufffd") / len(odd) < 1 - UTF8_SHARE


def _chinese(sample: bytes) -> bool:
    """Read as GB18030 it gives common Chinese characters, and not chance pairs of Latin letters."""
    text = sample.decode("gb18030", errors="replace")
    told = [each for each in text if "\u4e00" <= each <= "\u9fff" or each == "\ufffd"]
    common = sum(1 for each in told if each != "\ufffd" and _is_common(each))
    return bool(told) and common / len(told) >= CHINESE_SHARE


def _is_common(character: str) -> bool:
    # A character of GB 2312 has two high bytes, the first from B0 to F7; a pair that chance makes
    # of Latin letters hardly ever has.
    lead, trail = character.encode("gb18030")[:2]
    return lead in GB_2312 and trail >= GB_2312_TRAIL


def encoding_of(path: Path) -> str:
    """The encoding, as Python calls it: by its byte order mark, else the first that explains it.

    One byte of one row far down the file decides, so all of it is read.
    """
    with path.open("rb") as file:
        head = file.read(SAMPLE)
    for mark, encoding in BOMS:
        if head.startswith(mark):
            return encoding
    if b"\0" in head:
        even, odd = head[0::2].count(0), head[1::2].count(0)
        return "utf-16-be" if even > odd else "utf-16-le"
    if _decodes(path, "utf-8"):
        return "utf-8"
    sample = _with_high_bytes(path)
    if _mostly_utf8(sample):
        return "utf-8"
    if _chinese(sample):
        return "gb18030"
    return "cp1252"


def delimiter_of(sample: str) -> str:
    """What parts the cells: the candidate that makes most rows equally wide."""
    best, best_score = ",", (0.0, 0.0, 0)
    for delimiter in DELIMITERS:
        if delimiter not in sample:
            continue
        try:
            rows = list(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter))
        except csv.Error:
            continue
        # The last row is cut where the sample ends.
        rows = [row for row in (rows[:-1] or rows)[:ROWS_TO_COMPARE] if row]
        if not rows:
            continue
        width, times = Counter(len(row) for row in rows).most_common(1)[0]
        # A quotation mark that is left inside of a cell was cut in two by the wrong delimiter.
        torn = sum(1 for row in rows if any('"' in cell for cell in row)) / len(rows)
        score = (times / len(rows) if width > 1 else 0.0, -torn, width)
        if score > best_score:
            best, best_score = delimiter, score
    return best
