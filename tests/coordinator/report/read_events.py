"""Prints what TensorBoard itself reads from a run's folder, one line "tag step value wall_time" a scalar.

Exit code 77 where TensorBoard is not installed.
"""
import sys

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError:
    sys.exit(77)

accumulator = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0, "tensors": 0})
accumulator.Reload()
for tag in accumulator.Tags()["scalars"]:
    for event in accumulator.Scalars(tag):
        print(tag, event.step, repr(event.value), repr(event.wall_time))
