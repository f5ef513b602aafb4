"""Files that are no plain text, by how they begin, and how to make text of them."""

KINDS = (
    (b"PAR1", "a Parquet file", 'write it as JSON: pandas.read_parquet(FILE).to_json(OUT, orient="records")'),
    (b"ARROW1", "an Arrow file", "write it as JSON"),
    (b"\x1f\x8b", "a file compressed by gzip", "unpack it with gunzip"),
    (b"BZh", "a file compressed by bzip2", "unpack it with bunzip2"),
    (b"\xfd7zXZ\x00", "a file compressed by xz", "unpack it with unxz"),
    (b"\x28\xb5\x2f\xfd", "a file compressed by zstd", "unpack it with unzstd"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it, and give the file inside"),
    (b"%PDF", "a PDF", "write its captions as JSON"),
    (b"SQLite format 3\x00", "an SQLite database", "write its captions as JSON"),
    (b"\x89HDF", "an HDF5 file", "write its captions as JSON"),
    (b"\x93NUMPY", "a NumPy array", "write its captions as JSON"),
    (b"\xff\xfe\x00\x00", "UTF-32 text", "convert the file to UTF-8: iconv -f UTF-32 -t UTF-8 FILE"),
    (b"\x00\x00\xfe\xff", "UTF-32 text", "convert the file to UTF-8: iconv -f UTF-32 -t UTF-8 FILE"),
    (b"\xff\xfe", "UTF-16 text", "convert the file to UTF-8: iconv -f UTF-16 -t UTF-8 FILE"),
    (b"\xfe\xff", "UTF-16 text", "convert the file to UTF-8: iconv -f UTF-16 -t UTF-8 FILE"),
)
"""How a file begins, what it is then, and what to do."""

PICKLE = "a pickle", "it could run code and is never read; write its captions as JSON"
SPREADSHEET = "a spreadsheet", "save it as CSV in UTF-8"
ARCHIVE = "a zip archive", "unpack it, and give the file inside"
WIDE = (
    "text of two or four bytes a character, such as UTF-16",
    "convert the file to UTF-8: iconv -f UTF-16LE -t UTF-8 FILE",
)
BINARY = "a binary file", "check that it is the right one, or write its captions as JSON"

LOOKED_AT = 4096  # bytes


def kind_of_file(content: bytes) -> tuple[str, str] | None:
    """Return what a file is and how to make text of it; None if it may be text.

    Args:
        content: Of the file, at least its first 4,096 bytes.
    """
    for start, kind, advice in KINDS:
        if content.startswith(start):
            return kind, advice
    start = content[:LOOKED_AT]
    if start.startswith(b"PK\x03\x04"):
        return SPREADSHEET if b"[Content_Types].xml" in start or b"xl/" in start else ARCHIVE
    if start[:1] == b"\x80" and start[1:2] in b"\x02\x03\x04\x05":
        return PICKLE
    if start[257:262] == b"ustar":
        return "a tar archive", ARCHIVE[1]
    zeros = start.count(b"\x00")
    if not zeros:
        return None
    return WIDE if 3 * zeros > len(start) and any(not any(start[i::2]) for i in (0, 1)) else BINARY
