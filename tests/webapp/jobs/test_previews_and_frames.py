"""The latest-wins slots that previews and frames pass through."""

from uuid import UUID, uuid4

import msgpack

from webapp.common.frames import Frame, PictureFormat
from webapp.common.redis import client
from webapp.jobs import worker
from webapp.jobs.contract import PreviewRequest


def wish(stream: UUID, seq: int) -> PreviewRequest:
    return PreviewRequest(
        stream=stream, epoch=1, seq=seq, bundle="tiny-16", base_revision_id=uuid4(),
        w_plus="0" * 64, stack=(),
    )  # fmt: skip


def ask(request: PreviewRequest) -> None:
    client().set(f"preview:slot:{request.stream.hex}", request.model_dump_json(), ex=30)
    client().rpush(worker.PREVIEWS_WAITING, request.stream.hex)


def test_only_the_newest_wish_of_each_stream_is_taken() -> None:
    first, second = uuid4(), uuid4()
    for seq in range(5):
        ask(wish(first, seq))
    ask(wish(second, 9))

    taken = worker.take_previews(timeout=1)

    assert [(each.stream, each.seq) for each in taken] == [(first, 4), (second, 9)]
    assert client().llen(worker.PREVIEWS_WAITING) == 0


def test_a_malformed_wish_is_dropped_and_the_others_are_taken() -> None:
    bad, good = uuid4(), uuid4()
    client().set(f"preview:slot:{bad.hex}", b'{"strength": NaN}')
    client().rpush(worker.PREVIEWS_WAITING, bad.hex)
    ask(wish(good, 1))

    assert [each.stream for each in worker.take_previews(timeout=1)] == [good]


def test_waiting_ends_when_nothing_comes() -> None:
    assert worker.take_previews(timeout=0.05) == []


def test_a_frame_replaces_the_one_before_and_hints_at_itself() -> None:
    stream, base = uuid4(), uuid4()
    hints = client().pubsub()
    hints.subscribe(f"asgi__group__stream.{stream.hex}")
    hints.get_message(timeout=1)

    for seq in (1, 2):
        worker.put_frame(
            Frame(
                stream=stream,
                epoch=1,
                seq=seq,
                step=seq,
                base_revision_id=base,
                format=PictureFormat.WEBP,
                picture=b"picture",
            )
        )

    kept = client().get(f"frame:{stream.hex}")
    assert isinstance(kept, bytes)
    assert Frame.unpack(kept).seq == 2
    assert 0 < client().ttl(f"frame:{stream.hex}") <= 30
    message = hints.get_message(timeout=1)
    assert message is not None
    assert msgpack.unpackb(message["data"]) == {
        "type": "frame.hint", "stream": stream.hex, "epoch": 1, "seq": 1,
    }  # fmt: skip
    hints.close()
