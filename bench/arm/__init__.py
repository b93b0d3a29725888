"""Instructions that Arm processors execute for a frame, counted under an emulator: ``python -m dcelite.bench.arm``."""
