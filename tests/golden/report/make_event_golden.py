"""Writes event.hex: an event file as TensorBoard's own writer makes it, for the hand-encoded one to equal byte by byte.

    python make_event_golden.py      (needs the packages tensorboard and setuptools; written with tensorboard 2.21)
"""
import struct
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

HERE = Path(__file__).parent


class Sink:
    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data += data


def main():
    sink = Sink()
    writer = RecordWriter(sink)
    events = [Event(wall_time=1700000000.25, file_version="brain.Event:2"),
              Event(wall_time=1700000002.5, step=300, summary=Summary(value=[
                  Summary.Value(tag="eval/accuracy", simple_value=0.8408),
                  Summary.Value(tag="bytes/up_per_client", simple_value=96686.0)]))]
    for event in events:
        writer.write(event.SerializeToString(deterministic=True))
    length, = struct.unpack_from("<Q", sink.data)
    assert length == events[0].ByteSize()
    (HERE / "event.hex").write_text(sink.data.hex() + "\n")


if __name__ == "__main__":
    main()
