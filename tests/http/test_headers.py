"""Request headers are parsed by their grammars."""

import pytest

from functions.http.headers import (
    accepts_gzip,
    entity_tags,
    etag_of_coding,
    media_type,
    own_tag,
    preferred_return,
)


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ('"a"', {'"a"'}),
        ('W/"a" , "b",W/"c"', {'"a"', '"b"', '"c"'}),
        ('"a,*,b"', {'"a,*,b"'}),
        (' , "a",,"b" ,', {'"a"', '"b"'}),
        ('""', {'""'}),
    ],
)
def test_the_tags_of_a_condition_are_what_stands_in_quotes(header: str, tags: set[str]) -> None:
    assert entity_tags(header) == tags
    assert '"other"' not in entity_tags(header)


@pytest.mark.parametrize(
    "header",
    ["", ",", "nonsense", "1-a", '"a', 'a"', '"a" "b"', '"a", *', "W/", 'w/"a"', '"a"; q=1', " " * 8_000 + "x"],
)
def test_what_is_no_list_of_tags_is_no_condition(header: str) -> None:
    with pytest.raises(ValueError):
        entity_tags(header)


@pytest.mark.parametrize("header", ["*", " * "])
def test_an_asterisk_by_itself_is_every_tag(header: str) -> None:
    assert '"whatever"' in entity_tags(header)


OWN = '"3-9f86d081884c7d65"'
OF_A_SNAPSHOT = '"9f86d081884c7d65"'


def test_a_coding_has_a_tag_of_its_own() -> None:
    assert etag_of_coding(OWN, None) == OWN == own_tag(OWN)
    assert etag_of_coding(OWN, "gzip") == '"3-9f86d081884c7d65-gzip"'


@pytest.mark.parametrize("suffix", ["-gzip", "-br", "-zstd", "--gzip", ";gzip", "-gzip-br", ":0", "x"])
@pytest.mark.parametrize("tag", [OWN, OF_A_SNAPSHOT])
def test_what_a_proxy_puts_behind_our_tag_is_left_out(tag: str, suffix: str) -> None:
    assert own_tag(tag.removesuffix('"') + suffix + '"') == tag


@pytest.mark.parametrize(
    "tag",
    ['"a-gzip"', '"3-9F86D081884C7D65-br"', '"3-9f86d081884c7d6"', '"x3-9f86d081884c7d65"'],
)
def test_a_tag_that_is_not_ours_stays_as_it_is(tag: str) -> None:
    assert own_tag(tag) == tag


@pytest.mark.parametrize(
    "header", ["gzip", "br, gzip;q=0.5", "*", "GZIP", "*;q=0, gzip", "identity;q=0, gzip;q=0.001"]
)
def test_gzip_is_welcome(header: str) -> None:
    assert accepts_gzip(header)


def test_an_endless_header_is_not_read() -> None:
    assert accepts_gzip("gzip," + "a," * 400)
    assert not accepts_gzip("gzip," + "a," * 600)


@pytest.mark.parametrize(
    "header",
    ["", "identity", "br", "gzip;q=0", "gzip; q=0.0, br", "*, gzip;q=0", "gzip;q=0, *", "gzip;\tq=0", "*;q=0"],
)
def test_gzip_is_not_welcome(header: str) -> None:
    assert not accepts_gzip(header)


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ("return=minimal", "minimal"),
        ('Return = "Minimal"', "minimal"),
        ("respond-async, return=representation; foo=1", "representation"),
        ("return=minimal, return=representation", "minimal"),
        ("wait=5; return=minimal", None),
        ("returns=minimal", None),
        ("", None),
    ],
)
def test_the_first_wish_for_what_to_return_counts(header: str, what: str | None) -> None:
    assert preferred_return(header) == what


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("text/plain", ("text/plain", "utf-8")),
        ("Text/HTML;CHARSET=UTF-8", ("text/html", "utf-8")),
        ('text/html; x="a;charset=latin-1"', ("text/html", "utf-8")),
        ('text/html; charset="latin-1"; x=1', ("text/html", "latin-1")),
        ("text/html; charset=utf-8; charset=latin-1", ("text/html", "latin-1")),
        ("", ("", "utf-8")),
    ],
)
def test_a_content_type_is_a_type_and_a_charset(header: str, found: tuple[str, str]) -> None:
    assert media_type(header) == found
