"""What a socket may be sent: anything at all."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.webapp.rooms.browsers import a_stroke
from webapp.rooms import parser
from webapp.rooms.messages import DrawStroke, Ping

VERSION = "11111111-1111-4111-8111-111111111111"


def stroke(**more):
    return json.dumps({"type": "stroke", "epoch": 1, "stroke": a_stroke(**more)})


def preview(strength):
    return json.dumps({
        "type": "preview", "seq": 1, "base_revision_id": VERSION,
        "stack": [{"edit_vector_version_id": VERSION, "strength": strength}],
    })  # fmt: skip


def ping(text):
    return json.dumps({"type": "ping", "x": text}, ensure_ascii=False)


def test_a_stroke_is_read():
    message = parser.parse(stroke())

    assert isinstance(message, DrawStroke)
    assert message.stroke.points == ((16, 16), (32, 48))


def test_fields_of_a_newer_browser_are_ignored():
    assert parser.parse('{"type": "ping", "mood": "good"}') == Ping()


@pytest.mark.parametrize("kind", ['"sing"', '""', "3", "null"])
def test_an_unknown_type_is_told_apart(kind):
    with pytest.raises(parser.UnknownKindError):
        parser.parse(f'{{"type": {kind}}}')


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "null", "[]", "3", "{}", '"ping"', '{"type": "ping"',
        '{"type": "ping"}}', "[" * 20000, '{"a":' * 20000,
        '{"type": "hello"}', '{"type": "hello", "protocol": "one"}', "\ud800",
        stroke(part=256), stroke(part=-1), stroke(radius=0), stroke(points=[]),
        stroke(points=[[1]]), stroke(points=[[1, 2, 3]]), stroke(points=[[0.5, 1]]),
        stroke(points=[[10**9, 1]]), stroke(points=[[1, 1]] * 4097), stroke(tool="hammer"),
        stroke(op_id="me"), stroke(rasteriser=2), preview(2.01), preview(float("nan")),
        preview(1e9), preview(float("inf")), preview("much"),
    ],
)  # fmt: skip
def test_what_breaks_a_rule_is_malformed(text):
    with pytest.raises(parser.MalformedError) as caught:
        parser.parse(text)

    assert len(str(caught.value)) < 300


def test_a_strength_out_of_range_is_refused_in_words():
    with pytest.raises(parser.MalformedError, match=r"Strength goes from −2 to 2\."):
        parser.parse(preview(1e9))


@pytest.mark.parametrize("letter", ["x", "ü", "😀"])
def test_length_is_counted_in_bytes(letter):
    most = (parser.MAX_BYTES - len(ping(""))) // len(letter.encode())

    parser.parse(ping(letter * most))
    with pytest.raises(parser.TooLongError):
        parser.parse(ping(letter * (most + 1)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
KINDS = st.sampled_from(
    ["hello", "stroke", "undo", "claim", "preview", "rest", "watch", "ack", "ping", "sing"]
)
FIELDS = st.sampled_from(
    ["epoch", "stroke", "undo", "part", "seq", "stack", "job_id", "stream", "protocol"]
)
REFUSALS = (parser.MalformedError, parser.UnknownKindError, parser.TooLongError)


def read(text):
    """Whatever comes is a message or one of three refusals; anything else is a fault."""
    try:
        return parser.parse(text)
    except REFUSALS:
        return None


@given(st.text(st.characters(), max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_or_refused(text):
    read(text)


@given(KINDS, st.dictionaries(FIELDS, JSON, max_size=4))
@settings(max_examples=250, deadline=None)
def test_any_content_of_a_message_is_read_or_refused(kind, content):
    read(json.dumps({**content, "type": kind}))


@given(st.integers(0, 200), st.integers(0, 200), st.text(max_size=4))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_stroke_with_damage_anywhere_is_read_or_refused(start, length, patch):
    text = stroke()

    read(text[:start] + patch + text[start + length :])
