"""Interlaced frames, whose even and odd rows are of two moments, become progressive ones."""

from __future__ import annotations

import av.error
import av.filter
from av.video.frame import VideoFrame

NOTE = "interlaced frames were deinterlaced (bwdif), one frame for each"


class Deinterlacer:
    """Passes frames on, from the first one that is flagged as interlaced through FFmpeg's bwdif.

    That filter looks at the frame before and the one behind, so frames come out one call later. It leaves frames
    without the flag as they are.
    """

    def __init__(self) -> None:
        self.used = False
        self._graph: av.filter.Graph | None = None
        self._kind: tuple[int, int, str] | None = None

    def __call__(self, frame: VideoFrame) -> list[VideoFrame]:
        """The frames that are ready, in order; raises FFmpegError."""
        kind = (frame.width, frame.height, frame.format.name)
        ready = self.flush() if self._graph is not None and kind != self._kind else []
        if self._graph is None:
            if not frame.interlaced_frame:
                return [*ready, frame]
            self._graph, self._kind, self.used = self._new_graph(frame), kind, True
        if frame.pts is None:
            frame.pts = frame.dts
        self._graph.push(frame)
        return [*ready, *self._pull()]

    def flush(self) -> list[VideoFrame]:
        """What is still to come at the end, or before frames of another kind."""
        if self._graph is None:
            return []
        self._graph.push(None)
        ready = self._pull()
        self._graph = None
        return ready

    @staticmethod
    def _new_graph(frame: VideoFrame) -> av.filter.Graph:
        graph = av.filter.Graph()
        source = graph.add(
            "buffer",
            video_size=f"{frame.width}x{frame.height}",
            pix_fmt=frame.format.name,
            time_base=str(frame.time_base),
            colorspace=str(int(frame.colorspace)),
            range=str(int(frame.color_range)),
        )
        graph.link_nodes(source, graph.add("bwdif", "send_frame:auto:interlaced"), graph.add("buffersink")).configure()
        return graph

    def _pull(self) -> list[VideoFrame]:
        frames: list[VideoFrame] = []
        assert self._graph is not None
        try:
            while True:
                frames.append(self._graph.vpull())
        except (av.error.BlockingIOError, av.error.EOFError):
            return frames
